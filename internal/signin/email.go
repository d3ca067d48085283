package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/login"
	"portico/internal/session"
)

// RequestEmail asks for another address: it is told, and so is the one that there is. Whether
// it is somebody else's already only its reader learns (E27).
func (s *Service) RequestEmail(ctx context.Context, by commands.Caller, of session.Session, email string) error {
	normal, err := login.NormalEmail(email)
	if err != nil {
		return err
	}
	if err := s.take(ctx, by.Tenant, ofMails(of.Login)); err != nil {
		return err
	}
	who, err := s.Commands.LoginOf(ctx, by.Tenant, of.Login)
	if err != nil {
		return err
	}
	change := uuid.New()
	done, err := s.Commands.RequestLoginEmail(ctx, step(as(by, who, of.Login), "email"), of.Login, login.RequestEmailChange{ChangeID: change, NewEmail: normal})
	if err != nil || done.Events == 0 { // the address that it has
		return err
	}
	return s.post(ctx, by.Tenant, link{forEmail, of.Login, change, confirmFor})
}

const sqlAwaited text = `select about from portico.login_tokens where tenant = $1 and login = $2 and purpose = $3 and used_at is null and expires_at > $4`

// AwaitedEmail is the address that a login has asked for, while the link that was mailed there
// works; "" if there is none.
func (s *Service) AwaitedEmail(ctx context.Context, tenant string, id uuid.UUID) (string, error) {
	var change uuid.UUID
	err := s.DB.QueryRow(ctx, string(sqlAwaited), tenant, id, forEmail, s.now()).Scan(&change)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	who, err := s.Commands.LoginOf(ctx, tenant, id)
	return who.Wanted(change), err
}

// ConfirmEmail makes the address that a link came to the login's. Its sessions end but for the
// one that is given, and the old address is told how to undo it.
func (s *Service) ConfirmEmail(ctx context.Context, by commands.Caller, token string, except uuid.UUID) error {
	if err := s.door(ctx, by); err != nil {
		return err
	}
	id, change, err := s.redeem(ctx, by, forEmail, token)
	if err != nil {
		return err
	}
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return err
	}
	if _, err := s.Commands.ConfirmLoginEmail(ctx, step(as(by, who, id), "confirm"), id, login.ConfirmEmailChange{ChangeID: change, At: s.now()}); err != nil {
		return err
	}
	if who.Person().Email != "" {
		if err := s.post(ctx, by.Tenant, link{forUndo, id, change, login.UndoFor}); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, sqlDrop, by.Tenant, id, []string{forReset, forLink}); err != nil { // they went to the old one
		return err
	}
	return s.EndSessions(ctx, by.Tenant, id, except, session.Credentials)
}

// UndoEmail brings the old address back. Whoever changed it knew the password, and may have
// enrolled factors of their own: everybody is signed out, what was there to sign in with is
// void but for second factors from before, and the old address is sent a link to choose
// another password.
func (s *Service) UndoEmail(ctx context.Context, by commands.Caller, token string) error {
	if err := s.door(ctx, by); err != nil {
		return err
	}
	id, change, err := s.redeem(ctx, by, forUndo, token)
	if err != nil {
		return err
	}
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return err
	}
	if _, err := s.Commands.UndoLoginEmail(ctx, step(as(by, who, id), "undo"), id, login.UndoEmailChange{ChangeID: change, At: s.now()}); err != nil {
		return err
	}
	if err := s.forgetFactors(ctx, by.Tenant, id, who.Since(change)); err != nil {
		return err
	}
	if err := s.distrust(ctx, by.Tenant, id); err != nil {
		return err
	}
	policy, err := s.Commands.SecurityPolicy(ctx, by.Tenant)
	if err != nil {
		return err
	}
	return s.post(ctx, by.Tenant, link{purpose: forReset, to: id, lasts: policy.LinkTTL()})
}

// forgetFactors forgets the secrets of factors that history has withdrawn, and all recovery
// codes. The hash of the password stays, as one of the last four (8.3.7): it opens nothing.
func (s *Service) forgetFactors(ctx context.Context, tenant string, id uuid.UUID, factors []uuid.UUID) error {
	for _, factor := range factors {
		for _, sql := range []text{sqlNoApp, sqlNoPasskey} {
			if err := s.exec(ctx, sql, tenant, id, factor); err != nil {
				return err
			}
		}
	}
	return s.exec(ctx, sqlNoRecovery, tenant, id)
}
