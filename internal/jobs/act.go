package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/cardmask"
	"portico/internal/envelope"
)

// By is who does something about a job, from where and why. It is kept beside the job, not
// in the log: a job is how Portico works, and nothing that happened to a customer.
type By struct {
	Tenant string
	Actor  envelope.Actor
	Origin envelope.Origin
	Reason string
}

const (
	sqlStateOf = `select state, kind from portico.jobs where tenant = $1 and id = $2 for update`
	sqlRetry   = `update portico.jobs set state = 'queued', due = clock_timestamp(), attempts = 0, deaths = 0, ended_at = null where id = $1`
	sqlCancel  = `update portico.jobs set state = 'cancelled', ended_at = clock_timestamp() where id = $1`
	sqlAct     = `insert into portico.job_acts (job, kind, act, was, actor_kind, actor_id, channel, request_id, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// Retry has a job tried again at once, with all its attempts before it: one that is dead or
// cancelled, or waits for a later attempt. What is done is not done again: whoever wants
// the effect twice asks for another one.
func (s *Store) Retry(ctx context.Context, by By, id uuid.UUID) error {
	if err := s.act(ctx, by, id, deed{"retry", sqlRetry, []string{"queued", "dead", "cancelled"}}); err != nil {
		return err
	}
	s.tell()
	return nil
}

// Cancel gives a job up that waits or is dead.
func (s *Store) Cancel(ctx context.Context, by By, id uuid.UUID) error {
	return s.act(ctx, by, id, deed{"cancel", sqlCancel, []string{"queued", "dead"}})
}

// deed is what may be done about a job that is in one of some states.
type deed struct {
	name, sql string
	from      []string
}

func (s *Store) act(ctx context.Context, by By, id uuid.UUID, d deed) error {
	if err := domain.CheckText(by.Reason); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var state, kind string
		err := tx.QueryRow(ctx, sqlStateOf, by.Tenant, id).Scan(&state, &kind)
		if errors.Is(err, pgx.ErrNoRows) {
			return unknown(id)
		}
		if err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
		if !slices.Contains(d.from, state) {
			return domain.Refused("job."+state, "this job is %s", state)
		}
		if _, err = tx.Exec(ctx, d.sql, id); err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
		_, err = tx.Exec(ctx, sqlAct, id, kind, d.name, state, by.Actor.Kind, by.Actor.ID, by.Origin.Channel, by.Origin.RequestID, cardmask.Mask(by.Reason))
		return err
	})
}
