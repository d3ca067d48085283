package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
)

// SweepEvery is how often Run looks.
const SweepEvery = time.Hour

const (
	sqlDue text = `
select distinct invitation from portico.invitation_tokens where tenant = $1 and not expired and expires_at <= $2 limit 1000`
	sqlNoted text = `
update portico.invitation_tokens set expired = true where tenant = $1 and invitation = $2 and expires_at <= $3`
	sqlForgetTokens    text = `delete from portico.invitation_tokens where tenant = $1 and expires_at < $2`
	sqlForgetExchanges text = `delete from portico.invitation_exchanges where tenant = $1 and expires_at < $2`
)

// keepTokens is how long a dead link is still told from one that never was.
const keepTokens = 400 * 24 * time.Hour

// Run sweeps each hour until ctx ends. Several processes may.
func (s *Service) Run(ctx context.Context, tenants func(context.Context) ([]string, error), failed func(error)) {
	for {
		all, err := tenants(ctx)
		for _, tenant := range all {
			if err == nil {
				err = s.Sweep(ctx, tenant)
			}
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(SweepEvery):
		}
	}
}

// Sweep notes which invitations nobody took in time, and forgets links that are long dead.
func (s *Service) Sweep(ctx context.Context, tenant string) error {
	by := itself(commands.Caller{Tenant: tenant})
	by.Origin.Channel = "policy"
	now := s.now()
	due, err := s.ids(ctx, sqlDue, tenant, now)
	for _, id := range due {
		if err == nil {
			_, err = s.Commands.ExpireInvitation(ctx, by, id)
		}
		if err == nil {
			_, err = s.DB.Exec(ctx, string(sqlNoted), tenant, id, now)
		}
	}
	if err == nil {
		_, err = s.DB.Exec(ctx, string(sqlForgetTokens), tenant, now.Add(-keepTokens))
	}
	if err == nil {
		_, err = s.DB.Exec(ctx, string(sqlForgetExchanges), tenant, now.Add(-24*time.Hour))
	}
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}

func (s *Service) ids(ctx context.Context, sql text, args ...any) ([]uuid.UUID, error) {
	rows, _ := s.DB.Query(ctx, string(sql), args...) // its error is in rows
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

const sqlForget text = `
with gone as (delete from portico.invitation_exchanges where tenant = $1 and invitation = $2)
delete from portico.invitation_tokens where tenant = $1 and invitation = $2`

// Forget forgets the links of a member whose personal data are erased.
func (s *Service) Forget(ctx context.Context, tenant string, member uuid.UUID) error {
	_, err := s.DB.Exec(ctx, string(sqlForget), tenant, domain.DerivedID(member, "invitation"))
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}
