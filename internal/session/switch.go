package session

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/commands"
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
	stage, err := s.stageAs(ctx, have, human, to)
	if err != nil {
		return "", Session{}, err
	}
	by := commands.Caller{Actor: envelope.Actor{Kind: have.Realm, ID: to, Session: have.ID}, Origin: origin}
	if err := s.Journal(ctx, have.record("session.switched", by, map[string]string{"from": have.Membership.String()})); err != nil {
		return "", Session{}, err
	}
	return s.Raise(ctx, have, Step{Membership: to, Stage: stage})
}

// What counts as a second factor besides those that a login has enrolled.
const (
	ByRecovery = "recovery"
	ByTheirs   = "provider_second_factor" // which another provider has seen, and is believed
)

// HasSecond tells whether a second factor is among what was shown.
func HasSecond(shown []string) bool {
	return slices.ContainsFunc(shown, func(f string) bool {
		return slices.Contains([]string{login.TOTP, login.Passkey, ByRecovery, ByTheirs}, f)
	})
}

// stageAs is what is missing to go on as another membership: what needs no second factor for
// one customer may need it for another (8.4.1).
func (s *Store) stageAs(ctx context.Context, have Session, human login.Login, to uuid.UUID) (string, error) {
	switch {
	case have.Stage != Full || HasSecond(have.Factors):
		return have.Stage, nil
	case len(human.Factors()) > 0:
		return SecondFactor, nil
	}
	must, err := s.Commands.NeedsSecondFactor(ctx, have.Tenant, login.Membership{Kind: have.Realm, ID: to})
	if err != nil || !must {
		return have.Stage, err
	}
	return Enrol, nil
}
