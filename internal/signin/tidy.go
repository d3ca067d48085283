package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/login"
	"portico/internal/envelope"
)

// forgetting are what is kept of a login, besides its history.
var forgetting = []text{
	`delete from portico.login_passwords where tenant = $1 and login = $2`,
	`delete from portico.login_tries where tenant = $1 and subject = $2`,
	`delete from portico.login_devices where tenant = $1 and login = $2`,
	`delete from portico.login_totp where tenant = $1 and login = $2`,
	`delete from portico.login_passkeys where tenant = $1 and login = $2`,
	`delete from portico.login_recovery where tenant = $1 and login = $2`,
	`delete from portico.login_tokens where tenant = $1 and login = $2`,
	`delete from portico.login_challenges where tenant = $1 and login = $2`,
	`delete from portico.logins where tenant = $1 and login = $2`,
}

// Forget removes all that a login could sign in with, for good: its owner's data are erased.
// What it is called by is freed while it can still be read.
func (s *Service) Forget(ctx context.Context, tenant string, id uuid.UUID) error {
	if err := s.Commands.ReleaseLoginNames(ctx, itself(tenant), id); err != nil {
		return err
	}
	for _, sql := range forgetting {
		if err := s.exec(ctx, sql, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// sweeping are what is of no use any more, of all tenants, after how long.
var sweeping = []struct {
	sql   text
	after time.Duration
}{
	{`delete from portico.login_tries where at < $1 and (locked_until is null or locked_until < $1)`, 24 * time.Hour},
	{`delete from portico.login_devices where used_at < $1`, trustedFor},
	{`delete from portico.login_tokens where expires_at < $1`, 24 * time.Hour},
	{`delete from portico.login_challenges where expires_at < $1`, time.Hour},
	{`delete from portico.login_buckets where full_at < $1`, time.Hour},
}

// Sweep forgets what is of no use any more, and shuts logins of staff that nobody uses.
func (s *Service) Sweep(ctx context.Context) error {
	for _, old := range sweeping {
		if err := s.exec(ctx, old.sql, s.now().Add(-old.after)); err != nil {
			return err
		}
	}
	return s.disableInactive(ctx)
}

// Run sweeps every hour, until ctx ends.
func (s *Service) Run(ctx context.Context, failed func(error)) {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			s.Settle()
			return
		case <-time.After(time.Hour):
		}
	}
}

// leastInactive is the shortest time that a tenant can choose.
const leastInactive = 30 * 24 * time.Hour

const (
	sqlInactive text = `
select tenant, login, greatest(made_at, signed_in_at) from portico.logins
where realm = 'staff' and greatest(made_at, signed_in_at) < $1`
	sqlInUse text = `select greatest(made_at, signed_in_at) from portico.logins where tenant = $1 and login = $2`
)

// disableInactive shuts logins of staff that were not used for as long as the tenant says,
// 90 days at most (8.2.6).
func (s *Service) disableInactive(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, string(sqlInactive), s.now().Add(-leastInactive))
	if err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	type unused struct {
		tenant string
		id     uuid.UUID
		since  time.Time
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u unused, err error) {
		return u, row.Scan(&u.tenant, &u.id, &u.since)
	})
	if err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	for _, u := range all {
		who, err := s.Commands.LoginOf(ctx, u.tenant, u.id)
		if err != nil {
			return err
		}
		if err := s.shutIfUnused(ctx, u.tenant, u.id, who, u.since); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) shutIfUnused(ctx context.Context, tenant string, id uuid.UUID, who login.Login, since time.Time) error {
	policy, err := s.Commands.SecurityPolicy(ctx, tenant)
	if err != nil || !who.Active() || s.now().Before(since.Add(time.Duration(policy.InactiveDays)*24*time.Hour)) {
		return err
	}
	return s.Disable(ctx, itself(tenant), id, login.Disable{Cause: "inactive", Because: domain.Because{Reason: domain.Reason{Code: "inactive"}}})
}

// itself is Portico, at work without a person's asking.
func itself(tenant string) commands.Caller {
	return commands.Caller{Tenant: tenant, CommandID: uuid.Must(uuid.NewV7()), Roles: []access.Role{access.System},
		Actor:  envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(commands.TenantID(tenant), "system")},
		Origin: envelope.Origin{Channel: envelope.ChannelPolicy}}
}

// system lets a caller who has been allowed to act on others' logins.
func system(by commands.Caller) commands.Caller {
	by.Roles = []access.Role{access.System}
	return by
}
