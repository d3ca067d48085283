package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// What may come of an attempt.
const (
	delivered = "delivered"
	failed    = "failed"
	skipped   = "skipped"
)

// attempt is one line of the log.
type attempt struct {
	outcome string
	at      time.Time // when it was sent
	answer
}

// The id of a line is the attempt's: written again after a doubt, it is one line.
const sqlLog text = `
insert into portico.webhook_deliveries (id, tenant, webhook_id, message_id, event_id, event_type, stream, version,
  job_id, attempt, at, outcome, status, ms, error, response, asked_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, nullif($13, 0), $14, $15, $16, $17)
on conflict (id) do nothing`

// A webhook that failed a few times in a row is left alone for ever longer, up to five
// minutes, or as long as it asks for: then a message or two find out whether it is back.
const (
	sqlFailed text = `
insert into portico.webhook_health as h (tenant, webhook_id, failures, failing_since, rest_until)
values ($1, $2, 1, $3, $3::timestamptz + $4::interval)
on conflict (tenant, webhook_id) do update set failures = h.failures + 1, failing_since = coalesce(h.failing_since, $3),
  rest_until = $3::timestamptz + greatest($4::interval, case when h.failures < $5 then interval '0' else
    least(interval '5 seconds' * power(2, least(h.failures - $5, 10)), interval '5 minutes') end)`
	sqlWell text = `
delete from portico.webhook_health where tenant = $1 and webhook_id = $2`
	sqlHealth text = `
select failing_since, rest_until from portico.webhook_health where tenant = $1 and webhook_id = $2`
	sqlPrune text = `
delete from portico.webhook_deliveries where id in (select id from portico.webhook_deliveries where at < $1 order by at limit 5000)`
)

// freely is how many failures in a row have no consequence but the job's own pause.
const freely = 3

// record writes an attempt down, and how the webhook does by it. A test that fails says
// nothing about that: people test what is not there yet.
func (s *Sender) record(ctx context.Context, j job, a attempt) error {
	if a.at.IsZero() {
		a.at = s.Clock().UTC()
	}
	why := ""
	if a.err != nil {
		why = excerpt([]byte(a.err.Error()))
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, string(sqlLog), domain.DerivedID(j.ID, "attempt", fmt.Sprint(j.Number), fmt.Sprint(a.at.UnixNano())), j.Tenant, j.WebhookID,
			messageID(j.WebhookID, j.told.ID), j.told.ID, j.told.Type, string(j.Stream), j.Version,
			j.ID, j.Number, a.at, a.outcome, a.status, a.took.Milliseconds(), why, a.response, j.AskedBy)
		switch {
		case err != nil, a.outcome == skipped, a.outcome == failed && j.TestedAt != nil:
		case a.outcome == delivered:
			_, err = tx.Exec(ctx, string(sqlWell), j.Tenant, j.WebhookID)
		default:
			_, err = tx.Exec(ctx, string(sqlFailed), j.Tenant, j.WebhookID, a.at, a.retryAfter, freely)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	if a.outcome == failed {
		s.Log.Info("webhook not delivered", "webhook", j.WebhookID, "job", j.ID, "attempt", j.Number, "status", a.status, "correlation_id", j.Correlation, "error", a.err)
	}
	return nil
}

// health is how a webhook does: nil, nil if nothing is wrong.
func (s *Sender) health(ctx context.Context, tenant string, webhook uuid.UUID) (failingSince, restUntil *time.Time, err error) {
	err = s.DB.QueryRow(ctx, string(sqlHealth), tenant, webhook).Scan(&failingSince, &restUntil)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return failingSince, restUntil, err
}

func (s *Sender) failingSince(ctx context.Context, tenant string, webhook uuid.UUID) (*time.Time, error) {
	since, _, err := s.health(ctx, tenant, webhook)
	return since, err
}

// resting is how long a webhook is to be left alone.
func (s *Sender) resting(ctx context.Context, tenant string, webhook uuid.UUID) (time.Duration, error) {
	_, until, err := s.health(ctx, tenant, webhook)
	if err != nil || until == nil {
		return 0, err
	}
	return max(until.Sub(s.Clock()), 0), nil
}

// keepFor is how long the log is kept.
const keepFor = 30 * 24 * time.Hour

// Run forgets old lines of the log until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	for {
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("forgetting old webhook deliveries", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(soon(time.Hour)):
		}
	}
}

func (s *Sender) prune(ctx context.Context) error {
	for {
		done, err := s.DB.Exec(ctx, string(sqlPrune), s.Clock().Add(-keepFor))
		if err != nil || done.RowsAffected() == 0 {
			return err
		}
	}
}
