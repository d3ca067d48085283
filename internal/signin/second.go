package signin

import (
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/journal"
	"portico/internal/session"
)

// Given is what somebody shows who has signed in as far as that: one of them.
type Given struct {
	Password     string
	Code         string // of an authenticator app
	RecoveryCode string
}

// ErrCode is the answer to whatever was wrong with a second factor.
var ErrCode = domain.Forbidden("second_factor.failed", "this is wrong, or was used before; after %d wrong ones, none is looked at for %d minutes",
	maxTries, int(lockedFor.Minutes()))

// Second looks at a second factor of whoever is signed in that far.
func (s *Service) Second(ctx context.Context, by commands.Caller, of session.Session, g Given) (Outcome, error) {
	g.Password = ""
	shown, err := s.Confirm(ctx, by, of, g)
	if err != nil {
		return Outcome{}, err
	}
	return s.Again(ctx, by, of, shown)
}

// Confirm looks at something that proves once more that it is they who sit there (8.3.3), and
// tells what it was. Wrong ones are counted for themselves: whoever is here has signed in.
func (s *Service) Confirm(ctx context.Context, by commands.Caller, of session.Session, g Given) (shown string, err error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, of.Login)
	if err != nil {
		return "", err
	}
	c := counter{by.Tenant, domain.DerivedID(of.Login, "second factor"), []byte{}}
	if err := s.take(ctx, by.Tenant, ofCounter(c)); err != nil {
		return "", err
	}
	nth, err := s.try(ctx, c)
	if err != nil {
		return "", err
	}
	ok := false
	if nth > 0 {
		if shown, ok, err = s.shows(ctx, by, of.Login, who, g); err != nil {
			return "", err
		}
	}
	if !ok {
		if err := s.note(ctx, by, "second_factor.failed", journal.Failure, of.Login, map[string]string{"try": strconv.Itoa(nth)}); err != nil {
			return "", err
		}
		return "", ErrCode
	}
	if err := s.right(ctx, c); err != nil {
		return "", err
	}
	return shown, s.note(ctx, by, "second_factor.succeeded", journal.Success, of.Login, map[string]string{"shown": shown})
}

func (s *Service) shows(ctx context.Context, by commands.Caller, id uuid.UUID, who login.Login, g Given) (shown string, ok bool, err error) {
	switch {
	case g.Code != "":
		for _, f := range who.Factors() {
			if f.Kind == login.TOTP {
				ok, err = s.code(ctx, by.Tenant, id, f.ID, g.Code, true)
			}
		}
		return byTOTP, ok, err
	case g.RecoveryCode != "":
		if who.HasRecovery() {
			ok, err = s.recover(ctx, by, id, who, g.RecoveryCode)
		}
		return byRecovery, ok, err
	case g.Password != "":
		if !who.HasPassword() {
			id = uuid.Nil
		}
		ok, err = s.verify(ctx, by.Tenant, id, g.Password)
		return byPassword, ok, err
	}
	return "", false, domain.Invalid("second_factor.missing", "give a code, a recovery code, or the password")
}

// AppCode proves that an authenticator app is set up.
type AppCode struct {
	FactorID uuid.UUID
	Code     string
	Name     string // as its owner calls it
}

// FinishApp enrols an authenticator app, if the code is of it. With the first second factor
// come recovery codes.
func (s *Service) FinishApp(ctx context.Context, by commands.Caller, of session.Session, a AppCode) (codes []string, err error) {
	c := counter{by.Tenant, domain.DerivedID(of.Login, "second factor"), []byte{}}
	nth, err := s.try(ctx, c)
	if err != nil {
		return nil, err
	}
	ok := false
	if nth > 0 {
		if ok, err = s.code(ctx, by.Tenant, of.Login, a.FactorID, a.Code, false); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, ErrCode
	}
	if err := s.right(ctx, c); err != nil {
		return nil, err
	}
	return s.enrolled(ctx, by, of, login.EnrolSecondFactor{FactorID: a.FactorID, Kind: login.TOTP, Name: a.Name})
}

// enrolled records a second factor whose secret is there. Other sessions end: they began
// without it.
func (s *Service) enrolled(ctx context.Context, by commands.Caller, of session.Session, cmd login.EnrolSecondFactor) (codes []string, err error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, of.Login)
	if err != nil {
		return nil, err
	}
	if _, err := s.Commands.EnrolSecondFactor(ctx, step(as(by, who, of.Login), "enrol"), of.Login, cmd); err != nil {
		return nil, err
	}
	if len(who.Factors()) == 0 {
		if codes, err = s.RecoveryCodes(ctx, by, of.Login); err != nil {
			return nil, err
		}
	}
	return codes, s.EndSessions(ctx, by.Tenant, of.Login, of.ID, session.Credentials)
}

const sqlNoPasskey text = `delete from portico.login_passkeys where tenant = $1 and login = $2 and factor = $3`

// RemoveFactor takes a second factor away. The last one of whoever must have one stays.
func (s *Service) RemoveFactor(ctx context.Context, by commands.Caller, of session.Session, factor uuid.UUID) error {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, of.Login)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(who.Factors(), func(f login.Factor) bool { return f.ID == factor }) {
		return domain.NotFound("second_factor.unknown", "there is no such second factor")
	}
	if len(who.Factors()) == 1 {
		for _, m := range who.Memberships() {
			if must, err := s.Commands.NeedsSecondFactor(ctx, by.Tenant, m); err != nil || must {
				if err == nil {
					err = domain.Refused("second_factor.needed", "you must have a second factor: enrol another one first")
				}
				return err
			}
		}
	}
	if err := s.remove(ctx, by, of.Login, who, factor); err != nil {
		return err
	}
	return s.EndSessions(ctx, by.Tenant, of.Login, of.ID, session.Credentials)
}

// remove records first: what history says is gone proves nothing, whatever is still kept.
func (s *Service) remove(ctx context.Context, by commands.Caller, id uuid.UUID, who login.Login, factor uuid.UUID) error {
	by = step(as(by, who, id), "remove "+factor.String())
	if _, err := s.Commands.RemoveSecondFactor(ctx, by, id, login.RemoveSecondFactor{FactorID: factor}); err != nil {
		return err
	}
	if err := s.exec(ctx, sqlNoApp, by.Tenant, id, factor); err != nil {
		return err
	}
	return s.exec(ctx, sqlNoPasskey, by.Tenant, id, factor)
}
