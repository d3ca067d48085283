package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// Unplanned is an event of which it is not known what follows: it could not be opened, or
// a plan failed.
type Unplanned struct {
	EventID uuid.UUID `json:"event_id"`
	Stream  string    `json:"stream"`
	Pos     string    `json:"position"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

// codeUnknown is of events that a newer program wrote; it plans them when it feeds.
const codeUnknown = "unknown_type"

const (
	sqlAside = `insert into portico.policy_refusals as r (consumer, event_id, stream, pos, code, message)
		values ('jobs', $1, $2, $3, $4, $5)
		on conflict (consumer, event_id) do update set code = excluded.code, message = excluded.message, at = now()`
	sqlUnplanned = `select event_id, stream, pos, code, message, at from portico.policy_refusals where consumer = 'jobs' order by at, event_id`
	sqlPlanned   = `delete from portico.policy_refusals where consumer = 'jobs' and event_id = $1`
	sqlBeganAt   = `select coalesce(began_hi, 0)::text, coalesce(began_lo, 0)::text from portico.consumers where name = 'jobs'`
)

func setAside(ctx context.Context, tx pgx.Tx, a aside) error {
	_, err := tx.Exec(ctx, sqlAside, a.event.ID, string(a.event.Stream), a.event.Pos.String(), a.code, textOf(errors.New(a.message)))
	return err
}

// Unplanned lists what is set aside.
func (f *Feeder) Unplanned(ctx context.Context) ([]Unplanned, error) {
	rows, err := f.Jobs.DB.Query(ctx, sqlUnplanned)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Unplanned])
}

// Plan plans an event that was set aside, once the cause is mended. Jobs that were made
// of it are not made again.
func (f *Feeder) Plan(ctx context.Context, u Unplanned) error {
	var at place
	if err := f.Jobs.DB.QueryRow(ctx, sqlBeganAt).Scan(&at.hi, &at.lo); err != nil {
		return err
	}
	r, err := eventstore.Find(ctx, f.Store, eventstore.StreamName(u.Stream), u.EventID)
	if err != nil {
		return err
	}
	made, a := f.planned(ctx, at.position(), r)
	if a != nil {
		return fmt.Errorf("%s: %s", a.code, a.message)
	}
	err = pgx.BeginFunc(ctx, f.Jobs.DB, func(tx pgx.Tx) error {
		if err := f.Jobs.InsertIn(ctx, tx, made...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlPlanned, u.EventID)
		return err
	})
	if err == nil {
		f.Jobs.tell()
	}
	return err
}

// retryUnknown plans what an older program did not know: this one may be newer.
func (f *Feeder) retryUnknown(ctx context.Context) error {
	open, err := f.Unplanned(ctx)
	for _, u := range open {
		if u.Code == codeUnknown && err == nil {
			if e := f.Plan(ctx, u); e == nil {
				f.log().Info("planned what an older program did not know", "event", u.EventID, "stream", u.Stream)
			}
		}
	}
	return err
}
