package session

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/login"
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
	who, err := s.admit(ctx, &found)
	if err == nil {
		err = s.use(ctx, &found, Idle(who), asked.Background)
	}
	if err != nil {
		return Session{}, auth.Principal{}, err
	}
	return found, who, nil
}

// admit asks history what the session's owner may do now; who may not be in it at all any
// more is told that it is over.
func (s *Store) admit(ctx context.Context, found *Session) (auth.Principal, error) {
	of := *found
	who := auth.Principal{Tenant: of.Tenant, Kind: of.Realm, Login: of.Login, Session: of.ID, Impersonator: of.Impersonator}
	human, err := s.Commands.LoginOf(ctx, of.Tenant, of.Login)
	switch {
	case err != nil:
	case !human.Active(), of.Credentials < human.Credentials(): // whether or not whoever changed them came to end it
		err = ErrEnded
	case of.Impersonator != nil:
		if err = s.watching(ctx, of); err == nil {
			err = s.contact(ctx, of, &who)
		}
	case of.Membership == uuid.Nil: // has not chosen one yet
	case !human.Member(login.Membership{Kind: of.Realm, ID: of.Membership}):
		err = ErrEnded
	case of.Realm == Staff:
		err = s.staff(ctx, of, &who)
	default:
		if err = s.contact(ctx, of, &who); err == nil && who.Standing.SecondFactor {
			found.Stage = asked(of, human)
		}
	}
	return who, err
}

// asked is the stage of a session whose contact must have shown a second factor: a policy, or a
// grant, that begins to ask for one does so at the next request (8.4.1).
func asked(of Session, human login.Login) string {
	switch {
	case of.Stage != Full:
		return of.Stage
	case len(human.Factors()) == 0:
		return Enrol
	case !HasSecond(of.Factors):
		return SecondFactor
	}
	return Full
}

// contact fills in what a contact may do.
func (s *Store) contact(ctx context.Context, of Session, who *auth.Principal) error {
	standing, err := s.Rights.Of(ctx, of.Tenant, of.Membership)
	if err == nil && (!standing.Active || len(standing.Seen()) == 0) {
		err = ErrEnded
	}
	who.Contact, who.Standing = of.Membership, &standing
	if of.Impersonator == nil { // whoever sees the portal as a contact does nothing
		who.Roles = []access.Role{access.Contact}
	}
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

// Idle is for how long somebody may leave a session alone: contacts who may not pay as the
// tenant's security policy says, whoever reaches more for the shortest time (8.2.8).
func Idle(who auth.Principal) time.Duration {
	if who.Standing == nil {
		return idleShort
	}
	for _, g := range who.Standing.Grants {
		if slices.Contains(g.Actions, access.Pay) && !g.Deny {
			return idleShort
		}
	}
	return cmp.Or(time.Duration(who.Standing.IdleMinutes)*time.Minute, idleLong)
}
