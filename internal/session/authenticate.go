package session

import (
	"context"
	"time"

	"portico/internal/auth"
)

// Asked is a request that came with a token.
type Asked struct {
	Tenant     string
	Token      string
	Background bool // a page asks by itself: that is no use of the session
}

// Authenticate finds out who asks: the session, and what its owner may do now.
func (s *Store) Authenticate(ctx context.Context, asked Asked) (Session, auth.Principal, error) {
	found, err := s.Open(ctx, asked.Tenant, asked.Token)
	if err != nil {
		return Session{}, auth.Principal{}, err
	}
	who, idle, err := s.admit(ctx, found)
	if err == nil {
		err = s.use(ctx, &found, idle, asked.Background)
	}
	if err != nil {
		return Session{}, auth.Principal{}, err
	}
	return found, who, nil
}

// admit asks history who the session's owner is, and for how long it may be left alone.
func (s *Store) admit(ctx context.Context, of Session) (auth.Principal, time.Duration, error) {
	who := auth.Principal{Tenant: of.Tenant, Kind: of.Realm, Login: of.Login, Session: of.ID, Impersonator: of.Impersonator}
	customers, err := s.Commands.CustomersOfContact(ctx, of.Tenant, of.Membership)
	if err == nil && len(customers) == 0 {
		err = ErrEnded
	}
	who.Contact, who.Customers = of.Membership, customers
	return who, idleLong, err
}
