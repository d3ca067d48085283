package session

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/login"
	"portico/internal/envelope"
)

// Switch goes on as another of the login's memberships, under another token. History says
// which those are, and that they last.
func (s *Store) Switch(ctx context.Context, have Session, to uuid.UUID, origin envelope.Origin) (token string, now Session, err error) {
	human, err := s.Commands.LoginOf(ctx, have.Tenant, have.Login)
	if err != nil {
		return "", Session{}, err
	}
	lasts := human.Member(login.Membership{Kind: have.Realm, ID: to})
	if lasts {
		_, lasts, err = s.Commands.MembershipOf(ctx, have.Tenant, have.Realm, to, have.Login)
	}
	if err == nil && !lasts {
		err = domain.NotFound("membership.unknown", "you are not that, or not any more")
	}
	if err != nil {
		return "", Session{}, err
	}
	record := have.record("session.switched", envelope.Actor{Kind: have.Realm, ID: to, Session: have.ID}, map[string]string{"from": have.Membership.String()})
	record.Origin = origin
	if err := s.Journal(ctx, record); err != nil {
		return "", Session{}, err
	}
	return s.Raise(ctx, have, Step{Membership: to})
}
