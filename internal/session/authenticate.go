package session

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/auth"
	"portico/internal/envelope"
)

// Asked is a request that came with a token.
type Asked struct {
	Tenant     string
	Token      string
	Background bool // a page asks by itself: that is no use of the session
}

// Authenticate finds out who asks: the session, and what its owner may do now. What was
// taken away by then is not in it, on whatever node it was taken away (I9).
func (s *Store) Authenticate(ctx context.Context, asked Asked) (Session, auth.Principal, error) {
	found, err := s.Open(ctx, asked.Tenant, asked.Token)
	if err != nil {
		return Session{}, auth.Principal{}, err
	}
	who, err := s.admit(ctx, found)
	if err == nil {
		err = s.use(ctx, &found, idle(who), asked.Background)
	}
	if err != nil {
		return Session{}, auth.Principal{}, err
	}
	return found, who, nil
}

// admit asks history what the session's owner may do now; who may not be in it at all any
// more is told that it is over.
func (s *Store) admit(ctx context.Context, of Session) (auth.Principal, error) {
	who := auth.Principal{Tenant: of.Tenant, Kind: of.Realm, Login: of.Login, Session: of.ID, Impersonator: of.Impersonator}
	var err error
	switch {
	case of.Impersonator != nil:
		if err = s.watching(ctx, of); err == nil {
			err = s.contact(ctx, of, &who)
		}
	case of.Membership == uuid.Nil: // has not chosen one yet
	case of.Realm == Staff:
		err = s.staff(ctx, of, &who)
	default:
		err = s.contact(ctx, of, &who)
	}
	return who, err
}

// contact fills in what a contact may do.
func (s *Store) contact(ctx context.Context, of Session, who *auth.Principal) error {
	standing, err := s.Rights.Of(ctx, of.Tenant, of.Membership)
	if err == nil && (!standing.Active || len(standing.Seen()) == 0) {
		err = ErrEnded
	}
	who.Contact, who.Standing = of.Membership, &standing
	return err
}

// staff fills in what a staff member may do.
func (s *Store) staff(ctx context.Context, of Session, who *auth.Principal) error {
	roles, login, err := s.Rights.OfStaff(ctx, of.Tenant, of.Membership)
	if err == nil && (login != of.Login || len(roles) == 0) {
		err = ErrEnded
	}
	who.Member, who.Roles = of.Membership, roles
	if slices.Equal(roles, []access.Role{access.Auditor}) {
		who.Kind = envelope.Auditor
	}
	return err
}

// watching tells whether the staff member who sees the portal as somebody else still may.
func (s *Store) watching(ctx context.Context, of Session) error {
	roles, login, err := s.Rights.OfStaff(ctx, of.Tenant, *of.Impersonator)
	if err == nil && (login != of.Login || !access.Can(roles, access.ViewAs)) {
		err = ErrEnded
	}
	return err
}

// idle is for how long somebody may leave a session alone.
func idle(who auth.Principal) time.Duration {
	if who.Standing == nil {
		return idleShort
	}
	for _, g := range who.Standing.Grants {
		if slices.Contains(g.Actions, access.Pay) && !g.Deny {
			return idleShort
		}
	}
	return idleLong
}
