package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/journal"
	"portico/internal/notify"
	"portico/internal/session"
)

// The purposes of links, which are also those of login_tokens.
const (
	forReset = "reset"
	forLink  = "link"
	forEmail = "email"
	forUndo  = "undo"
)

const (
	linkFor    = 10 * time.Minute // to sign in with (ASVS 6.5.5)
	confirmFor = 24 * time.Hour
)

// topics of the mails that carry them.
var topics = map[string]string{forReset: "password_reset", forLink: "sign_in_link", forEmail: "email_confirm", forUndo: "email_changed"}

const (
	sqlDrop     text = `delete from portico.login_tokens where tenant = $1 and login = $2 and purpose = any($3)`
	sqlNewToken text = `
insert into portico.login_tokens (tenant, hash, purpose, login, about, made_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`
	sqlLook   text = `select login from portico.login_tokens where tenant = $1 and hash = $2 and purpose = $3 and used_at is null and expires_at > $4`
	sqlRedeem text = `
update portico.login_tokens set used_at = $4 where tenant = $1 and hash = $2 and purpose = $3 and used_at is null and expires_at > $4
returning login, about`
)

// link is one to be mailed: the last of its purpose and login is the only one that
// works, but for those to undo something.
type link struct {
	purpose string
	to      uuid.UUID // of nobody's, nothing is sent
	change  uuid.UUID
	lasts   time.Duration
}

// post has a link mailed. That it is, and that it works, is written in one transaction; what
// the link ends in is made of the mail's id when it is sent, and is kept nowhere.
func (s *Service) post(ctx context.Context, tenant string, l link) error {
	_, err := s.hand(ctx, tenant, l, true)
	return err
}

// hand makes a link, and has it mailed if that is asked for. Its secret is what it ends in.
func (s *Service) hand(ctx context.Context, tenant string, l link, mailed bool) (secret string, err error) {
	id := uuid.New()
	if secret, err = s.Commands.MailSecret(ctx, tenant, id); err != nil {
		return "", err
	}
	tx, err := s.DB.Begin(ctx)
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it is nothing
	if l.purpose != forUndo {
		_, err = tx.Exec(ctx, string(sqlDrop), tenant, l.to, []string{l.purpose})
	}
	if err == nil {
		_, err = tx.Exec(ctx, string(sqlNewToken), tenant, hashOf(secret), l.purpose, l.to, l.change, s.now(), s.now().Add(l.lasts))
	}
	if err == nil && mailed {
		err = s.Jobs.InsertIn(ctx, tx, notify.Letter(id, tenant, topics[l.purpose], l.to, l.change))
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	return secret, nil
}

// errDead says no more to whoever comes with a link that does not work.
var errDead = domain.Refused("link.dead", "this link was used, replaced, or its time is up: ask for another one")

// redeem uses a link up: of two who come with the same at once, one does.
func (s *Service) redeem(ctx context.Context, by commands.Caller, purpose, token string) (id, change uuid.UUID, err error) {
	err = s.DB.QueryRow(ctx, string(sqlRedeem), by.Tenant, hashOf(token), purpose, s.now()).Scan(&id, &change)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if err := s.note(ctx, by, "link.refused", journal.Failure, uuid.Nil, map[string]string{"purpose": purpose}); err != nil {
			return id, change, err
		}
		return id, change, errDead
	case err != nil:
		return id, change, fmt.Errorf("signin: %w", err)
	}
	return id, change, s.note(ctx, by, "link.used", journal.Success, id, map[string]string{"purpose": purpose})
}

// asked is whom a name asks a link for, or what stands for nobody, and whether there is to be
// a mail: three an hour at most, whoever asks. Nobody's name costs what somebody's does.
func (s *Service) asked(ctx context.Context, by commands.Caller, realm, name string) (whose uuid.UUID, mail bool, err error) {
	if err := s.door(ctx, by); err != nil {
		return whose, false, err
	}
	id, _, err := s.Commands.LoginNamed(ctx, by.Tenant, realm, name)
	if err != nil {
		return whose, false, err
	}
	hash, err := s.Commands.Hash(ctx, by.Tenant, "names tried", realm, normal(name))
	if err != nil {
		return whose, false, err
	}
	whose = id
	if id == uuid.Nil {
		whose = domain.DerivedID(commands.TenantID(by.Tenant), "nobody", hash)
	}
	err = s.take(ctx, by.Tenant, ofMails(whose))
	var full *Throttled
	mail = !errors.As(err, &full)
	if err != nil && mail {
		return whose, false, err
	}
	return whose, mail, s.note(ctx, by, "link.asked", journal.Success, id, map[string]string{"name": hash})
}

// Forgot has a link to choose another password mailed to whoever signs in under a name. The
// answer is the same if there is nobody.
func (s *Service) Forgot(ctx context.Context, by commands.Caller, realm, name string) error {
	defer s.onTheBeat(ctx, time.Now())
	whose, mail, err := s.asked(ctx, by, realm, name)
	if err != nil || !mail {
		return err
	}
	policy, err := s.Commands.SecurityPolicy(ctx, by.Tenant)
	if err != nil {
		return err
	}
	return s.post(ctx, by.Tenant, link{purpose: forReset, to: whose, lasts: policy.LinkTTL()})
}

// Reset gives a login another password, by a link. All its sessions end; a second factor is
// still asked for (ASVS 6.4.3).
func (s *Service) Reset(ctx context.Context, by commands.Caller, token, password string) error {
	if err := s.door(ctx, by); err != nil {
		return err
	}
	var id uuid.UUID
	err := s.DB.QueryRow(ctx, string(sqlLook), by.Tenant, hashOf(token), forReset, s.now()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		_, _, err = s.redeem(ctx, by, forReset, token)
		return err
	}
	if err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	encoded, who, err := s.acceptable(ctx, by.Tenant, id, password) // a weak one does not use the link up
	if err != nil {
		return err
	}
	if _, _, err := s.redeem(ctx, by, forReset, token); err != nil {
		return err
	}
	by = as(by, who, id)
	if err := s.store(ctx, step(by, "reset"), id, encoded, login.PasswordReset); err != nil {
		return err
	}
	if err := s.unlocked(ctx, by, id, "password_reset"); err != nil {
		return err
	}
	return s.distrust(ctx, by.Tenant, id)
}

const sqlNoDevices text = `delete from portico.login_devices where tenant = $1 and login = $2`

// distrust ends whatever somebody else may have begun: sessions, devices, links.
func (s *Service) distrust(ctx context.Context, tenant string, id uuid.UUID) error {
	if err := s.exec(ctx, sqlNoDevices, tenant, id); err != nil {
		return err
	}
	if err := s.exec(ctx, sqlDrop, tenant, id, []string{forReset, forLink, forEmail}); err != nil {
		return err
	}
	return s.EndSessions(ctx, tenant, id, uuid.Nil, session.Credentials)
}

// unlocked ends a lock early: whoever it was has shown that they are its owner (8.3.4), or an
// operator has asked.
func (s *Service) unlocked(ctx context.Context, by commands.Caller, id uuid.UUID, why string) error {
	if err := s.exec(ctx, sqlUnlock, by.Tenant, []uuid.UUID{id, domain.DerivedID(id, "second factor")}); err != nil {
		return err
	}
	_, err := s.Commands.UnlockLogin(ctx, step(by, "unlock"), id, login.Unlock{Because: domain.Because{Reason: domain.Reason{Code: why}}})
	return err
}

// RequestLink has a link to sign in with mailed, if the tenant lets contacts come in so.
func (s *Service) RequestLink(ctx context.Context, by commands.Caller, name string) error {
	if err := s.linksOn(ctx, by.Tenant); err != nil {
		return err
	}
	defer s.onTheBeat(ctx, time.Now())
	whose, mail, err := s.asked(ctx, by, login.Contact, name)
	if err != nil || !mail {
		return err
	}
	return s.post(ctx, by.Tenant, link{purpose: forLink, to: whose, lasts: linkFor})
}

func (s *Service) linksOn(ctx context.Context, tenant string) error {
	policy, err := s.Commands.SecurityPolicy(ctx, tenant)
	if err == nil && policy.EmailLink != "on" {
		err = domain.Forbidden("sign_in.links_off", "signing in by a link is switched off here")
	}
	return err
}

// SignInByLink signs somebody in who reads the login's mail. A second factor is still asked
// for.
func (s *Service) SignInByLink(ctx context.Context, by commands.Caller, token string, membership uuid.UUID) (Outcome, error) {
	if err := s.door(ctx, by); err != nil {
		return Outcome{}, err
	}
	if err := s.linksOn(ctx, by.Tenant); err != nil {
		return Outcome{}, err
	}
	id, _, err := s.redeem(ctx, by, forLink, token)
	if err != nil {
		return Outcome{}, err
	}
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return Outcome{}, err
	}
	return s.proven(ctx, by, proof{id, who, []string{byLink}, membership})
}
