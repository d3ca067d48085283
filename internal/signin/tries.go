package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	maxTries  = 10               // wrong ones in a row (8.3.4)
	lockedFor = 30 * time.Minute // then
	// trustedFor is how long an unused device is known.
	trustedFor = 180 * 24 * time.Hour
)

// counter is what wrong tries are counted against: a login, or what stands for a name that is
// nobody's, by strangers or by one trusted device.
type counter struct {
	tenant string
	whose  uuid.UUID
	device []byte // empty: strangers
}

// A try is counted before it is looked at: of many at once, ten are. The last one locks at
// once, and a right one lifts that.
const (
	sqlTry text = `
insert into portico.login_tries as t (tenant, subject, device, wrong, at) values ($1, $2, $3, 1, $4)
on conflict (tenant, subject, device) do update set at = $4,
  wrong = case when t.locked_until <= $4 then 1 else t.wrong + 1 end,
  locked_until = case when t.locked_until <= $4 then null when t.wrong + 1 >= $5 then $6::timestamptz end
where t.wrong < $5 or t.locked_until <= $4
returning wrong`
	sqlRight  text = `delete from portico.login_tries where tenant = $1 and subject = $2 and device = $3`
	sqlUnlock text = `delete from portico.login_tries where tenant = $1 and subject = any($2)`
)

// try counts a try. May it not be looked at, because there were too many, nth is zero.
func (s *Service) try(ctx context.Context, c counter) (nth int, err error) {
	now := s.now()
	err = s.DB.QueryRow(ctx, string(sqlTry), c.tenant, c.whose, c.device, now, maxTries, now.Add(lockedFor)).Scan(&nth)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("signin: %w", err)
	}
	return nth, err
}

// right begins counting anew.
func (s *Service) right(ctx context.Context, c counter) error {
	return s.exec(ctx, sqlRight, c.tenant, c.whose, c.device)
}

// exec runs a statement whose result does not matter.
func (s *Service) exec(ctx context.Context, sql text, args ...any) error {
	if _, err := s.DB.Exec(ctx, string(sql), args...); err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	return nil
}

const (
	sqlDevice text = `select true from portico.login_devices where tenant = $1 and login = $2 and hash = $3 and used_at > $4`
	sqlTrust  text = `
insert into portico.login_devices as d (tenant, login, hash, used_at) values ($1, $2, $3, $4)
on conflict (tenant, login, hash) do update set used_at = excluded.used_at`
)

// counterOf is what a try from a device is counted against. A device that its owner has signed
// in on counts for itself: strangers who guess cannot lock its owner out.
func (s *Service) counterOf(ctx context.Context, tenant string, whose uuid.UUID, device string) (counter, error) {
	c := counter{tenant, whose, []byte{}}
	hash := hashOf(device) // looked for even if there is none: it costs everybody the same
	known := false
	err := s.DB.QueryRow(ctx, string(sqlDevice), tenant, whose, hash, s.now().Add(-trustedFor)).Scan(&known)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return c, nil
	case err != nil:
		return c, fmt.Errorf("signin: %w", err)
	}
	c.device = hash
	return c, nil
}

// Trust makes a device one that its owner has signed in on: the token is for its cookie. It
// proves nothing but that.
func (s *Service) Trust(ctx context.Context, tenant string, id uuid.UUID, device string) (token string, err error) {
	c, err := s.counterOf(ctx, tenant, id, device)
	if err != nil {
		return "", err
	}
	token, hash := device, c.device
	if len(hash) == 0 {
		token, hash = newToken()
	}
	return token, s.exec(ctx, sqlTrust, tenant, id, hash, s.now())
}
