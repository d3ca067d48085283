package reactions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// Refusal is an event that a policy could not carry over to the next aggregate: that one
// refused it, or it failed again and again.
type Refusal struct {
	EventID uuid.UUID `json:"event_id"`
	Stream  string    `json:"stream"`
	Pos     string    `json:"position"`
	Code    string    `json:"code"`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

const (
	sqlRefusal = `insert into portico.policy_refusals as r (consumer, event_id, stream, pos, code, message)
		values ($1, $2, $3, $4, $5, $6)
		on conflict (consumer, event_id) do update set code = excluded.code, message = excluded.message, at = now()`
	sqlRefusals = `select event_id, stream, pos, code, message, at from portico.policy_refusals where consumer = $1 order by at, event_id`
	sqlSettled  = `delete from portico.policy_refusals where consumer = $1 and event_id = $2`
)

// refusal records what cannot be carried over by trying again. The log goes on; staff see
// what is open.
func (p *Policies) refusal(ctx context.Context, r eventstore.Recorded, code, message string) error {
	p.Log.Error("a policy was refused", "type", r.Type, "stream", r.Stream, "position", r.Pos.String(), "code", code, "message", message)
	message = fmt.Sprintf("%.2000s", strings.ReplaceAll(strings.ToValidUTF8(message, "?"), "\x00", "?"))
	_, err := p.Subscriber.DB.Exec(ctx, sqlRefusal, topic, r.ID, string(r.Stream), r.Pos.String(), code, message)
	return err
}

// Refusals are what is open.
func (p *Policies) Refusals(ctx context.Context) ([]Refusal, error) {
	rows, err := p.Subscriber.DB.Query(ctx, sqlRefusals, topic)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Refusal])
}

// Retry does what could not be done, once its cause is mended. What was done meanwhile is
// not done twice.
func (p *Policies) Retry(ctx context.Context, open Refusal) error {
	r, err := p.find(ctx, open)
	if err != nil {
		return err
	}
	if _, err := p.act(ctx, r); err != nil {
		return err
	}
	_, err = p.Subscriber.DB.Exec(ctx, sqlSettled, topic, open.EventID)
	return err
}

// find reads an event back from the log.
func (p *Policies) find(ctx context.Context, open Refusal) (eventstore.Recorded, error) {
	const page = 500
	for from := int64(0); ; from += page {
		found, err := p.Subscriber.Store.ReadStream(ctx, eventstore.StreamName(open.Stream), from, page)
		if err != nil {
			return eventstore.Recorded{}, err
		}
		for _, r := range found {
			if r.ID == open.EventID {
				return r, nil
			}
		}
		if len(found) < page {
			return eventstore.Recorded{}, fmt.Errorf("reactions: %s is not in %s", open.EventID, open.Stream)
		}
	}
}
