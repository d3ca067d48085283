package signin

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/journal"
	"portico/internal/session"
)

// ChangePassword gives whoever is signed in another password, if they know the present one.
// Their other sessions end.
func (s *Service) ChangePassword(ctx context.Context, by commands.Caller, of session.Session, current, next string) (Outcome, error) {
	if _, err := s.Confirm(ctx, by, of, Given{Password: current}); err != nil {
		return Outcome{}, err
	}
	if current == next {
		return Outcome{}, domain.Invalid("password.used", "choose a password other than the one that you have")
	}
	encoded, who, err := s.acceptable(ctx, by.Tenant, of.Login, next)
	if err != nil {
		return Outcome{}, err
	}
	if err := s.store(ctx, step(as(by, who, of.Login), "password"), of.Login, encoded, login.PasswordChange); err != nil {
		return Outcome{}, err
	}
	if err := s.exec(ctx, sqlDrop, by.Tenant, of.Login, []string{forReset, forLink}); err != nil {
		return Outcome{}, err
	}
	if err := s.EndSessions(ctx, by.Tenant, of.Login, of.ID, session.Credentials); err != nil {
		return Outcome{}, err
	}
	return s.Again(ctx, by, of)
}

// SetTemporary gives a login a password that somebody else knows: its owner must change it
// first of all (8.3.5, S1.37, S4.18). Whoever asks has been allowed to by then.
func (s *Service) SetTemporary(ctx context.Context, by commands.Caller, id uuid.UUID, password string) error {
	encoded, who, err := s.acceptable(ctx, by.Tenant, id, password)
	if err != nil {
		return err
	}
	if err := s.store(ctx, step(as(by, who, id), "temporary"), id, encoded, login.PasswordTemporary); err != nil {
		return err
	}
	return s.distrust(ctx, by.Tenant, id)
}

const sqlStanding text = `update portico.logins set made_at = $3 where tenant = $1 and login = $2`

// Disable shuts a login until it is enabled: its sessions end at once. Whoever asks has been
// allowed to by then.
func (s *Service) Disable(ctx context.Context, by commands.Caller, id uuid.UUID, cmd login.Disable) error {
	if _, err := s.Commands.DisableLogin(ctx, system(by), id, cmd); err != nil {
		return err
	}
	return s.distrust(ctx, by.Tenant, id)
}

// Enable opens it again. It counts as new: being unused for long does not shut it at once.
func (s *Service) Enable(ctx context.Context, by commands.Caller, id uuid.UUID, cmd login.Enable) error {
	if _, err := s.Commands.EnableLogin(ctx, system(by), id, cmd); err != nil {
		return err
	}
	return s.exec(ctx, sqlStanding, by.Tenant, id, s.now())
}

// Unlock ends a lock early.
func (s *Service) Unlock(ctx context.Context, by commands.Caller, id uuid.UUID, why string) error {
	return s.unlocked(ctx, system(by), id, why)
}

// ResetByOperator takes all second factors away and makes a link to choose another password,
// for whoever has lost both. It is for the operator, who has made sure who it is.
func (s *Service) ResetByOperator(ctx context.Context, by commands.Caller, id uuid.UUID, why string) (url string, err error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return "", err
	}
	if !who.Known() {
		return "", domain.NotFound("login.unknown", "there is no such login")
	}
	if err := s.note(ctx, by, "login.reset", journal.Success, id, map[string]string{"why": why}); err != nil {
		return "", err
	}
	for _, f := range who.Factors() {
		if err := s.remove(ctx, by, id, who, f.ID); err != nil {
			return "", err
		}
	}
	if err := s.exec(ctx, sqlNoRecovery, by.Tenant, id); err != nil {
		return "", err
	}
	if err := s.distrust(ctx, by.Tenant, id); err != nil {
		return "", err
	}
	policy, err := s.Commands.SecurityPolicy(ctx, by.Tenant)
	if err != nil {
		return "", err
	}
	secret, err := s.hand(ctx, by.Tenant, link{purpose: forReset, to: id, lasts: policy.LinkTTL()}, false)
	return s.PublicURL + "/password/reset?token=" + secret, err
}
