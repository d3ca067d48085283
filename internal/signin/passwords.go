package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
)

// gate lets few hashes be computed at once: each takes a core and 19 MiB for a moment, and
// whoever sends many passwords must not slow everybody else down (SECURITY 1b 8.3.2).
type gate chan struct{}

const (
	gateWidth = 2
	gateWait  = 3 * time.Second
)

func newGate() gate { return make(gate, gateWidth) }

func (g gate) through(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, gateWait)
	defer cancel()
	select {
	case g <- struct{}{}:
		defer func() { <-g }()
		return do()
	case <-ctx.Done():
		return &domain.Error{Kind: domain.KindUnavailable, Code: "password.busy", Message: "too many people are signing in at this moment: try again"}
	}
}

// fresh is the hash of a new password that keeps the rules.
func (s *Service) fresh(ctx context.Context, tenant string, whose subject, password string) (encoded string, err error) {
	business, err := s.Commands.TenantName(ctx, tenant)
	if err != nil {
		return "", err
	}
	if err := whose.check(password, business); err != nil {
		return "", err
	}
	err = s.gate.through(ctx, func() error {
		encoded, err = argon2id.CreateHash(password, s.Cost)
		return err
	})
	return encoded, err
}

// nobodys is the hash of no password, at the cost of everybody's: comparing with it takes as
// long, so that time does not tell whether there is such a login (ASVS 6.3.8).
func (s *Service) nobodys() string {
	random := make([]byte, s.Cost.SaltLength+s.Cost.KeyLength)
	rand.Read(random)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", s.Cost.Memory, s.Cost.Iterations, s.Cost.Parallelism,
		b64(random[:s.Cost.SaltLength]), b64(random[s.Cost.SaltLength:]))
}

const (
	sqlPassword    text = `select encoded, previous from portico.login_passwords where tenant = $1 and login = $2`
	sqlNewPassword text = `
insert into portico.login_passwords (tenant, login, encoded, set_at) values ($1, $2, $3, $4) on conflict do nothing`
	// Of those before, three are kept: with the present one, the last four (8.3.7).
	sqlSetPassword text = `
insert into portico.login_passwords as p (tenant, login, encoded, set_at) values ($1, $2, $3, $4)
on conflict (tenant, login) do update set encoded = excluded.encoded, set_at = excluded.set_at,
  previous = (array[p.encoded] || p.previous)[1:3]`
	sqlRehash text = `update portico.login_passwords set encoded = $4 where tenant = $1 and login = $2 and encoded = $3`
)

// verify tells whether a password is a login's. Of nobody's it takes as long to say no.
func (s *Service) verify(ctx context.Context, tenant string, id uuid.UUID, password string) (ok bool, err error) {
	encoded, _, err := s.passwords(ctx, tenant, id)
	if err != nil {
		return false, err
	}
	if encoded == "" {
		if s.skipNobodys {
			return false, nil
		}
		encoded = s.nobodys()
	}
	if len(password) > maxPassword { // too long to have been set
		password = password[:maxPassword] + "!"
	}
	stale := false
	err = s.gate.through(ctx, func() error {
		match, params, err := argon2id.CheckHash(password, encoded)
		ok, stale = match, match && *params != *s.Cost
		return err
	})
	if err == nil && stale {
		err = s.rehash(ctx, tenant, id, encoded, password)
	}
	return ok, err
}

// passwords are a login's hashes: the present one, "" if there is none, and those before.
func (s *Service) passwords(ctx context.Context, tenant string, id uuid.UUID) (encoded string, previous []string, err error) {
	err = s.DB.QueryRow(ctx, string(sqlPassword), tenant, id).Scan(&encoded, &previous)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil, nil
	}
	if err != nil {
		err = fmt.Errorf("signin: %w", err)
	}
	return encoded, previous, err
}

// rehash follows the cost that there is now, while the password is at hand.
func (s *Service) rehash(ctx context.Context, tenant string, id uuid.UUID, before, password string) error {
	return s.gate.through(ctx, func() error {
		encoded, err := argon2id.CreateHash(password, s.Cost)
		if err == nil {
			_, err = s.DB.Exec(ctx, string(sqlRehash), tenant, id, before, encoded)
		}
		return err
	})
}

// unused refuses staff one of their last four passwords (8.3.7).
func (s *Service) unused(ctx context.Context, tenant string, id uuid.UUID, password string) error {
	now, before, err := s.passwords(ctx, tenant, id)
	if err != nil {
		return err
	}
	for _, encoded := range append([]string{now}, before...) {
		if encoded == "" {
			continue
		}
		err := s.gate.through(ctx, func() error {
			if same, err := argon2id.ComparePasswordAndHash(password, encoded); err != nil || same {
				return errors.Join(err, domain.Invalid("password.used", "choose a password other than your last four"))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// store makes a hash a login's password. History comes first: a password that nobody knows
// to have been changed must not be.
func (s *Service) store(ctx context.Context, by commands.Caller, id uuid.UUID, encoded, how string) error {
	if _, err := s.Commands.RecordPassword(ctx, by, id, login.ChangePassword{How: how}); err != nil {
		return err
	}
	if _, err := s.DB.Exec(ctx, string(sqlSetPassword), by.Tenant, id, encoded, s.now()); err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	return nil
}

// acceptable is the hash of another password for a login, if it keeps the rules.
func (s *Service) acceptable(ctx context.Context, tenant string, id uuid.UUID, password string) (encoded string, who login.Login, err error) {
	if who, err = s.Commands.LoginOf(ctx, tenant, id); err != nil {
		return "", who, err
	}
	if !who.Known() {
		return "", who, domain.NotFound("login.unknown", "there is no such login")
	}
	if who.Realm() == login.Staff {
		if err := s.unused(ctx, tenant, id, password); err != nil {
			return "", who, err
		}
	}
	encoded, err = s.fresh(ctx, tenant, subject{who.Realm(), who.Person()}, password)
	return encoded, who, err
}
