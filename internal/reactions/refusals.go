package reactions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

// Refusal is an event that a consumer has set aside: what it leads to was refused, or failed
// again and again.
type Refusal struct {
	Consumer string    `json:"consumer"`
	EventID  uuid.UUID `json:"event_id"`
	Stream   string    `json:"stream"`
	Pos      string    `json:"position"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	At       time.Time `json:"at"`
}

const (
	sqlRefusal = `insert into portico.policy_refusals as r (consumer, event_id, stream, pos, code, message)
		values ($1, $2, $3, $4, $5, $6)
		on conflict (consumer, event_id) do update set code = excluded.code, message = excluded.message, at = now()`
	sqlRefusals = `select consumer, event_id, stream, pos, code, message, at from portico.policy_refusals
		where $1 = '' or consumer = $1 order by at, event_id`
	sqlSettled = `delete from portico.policy_refusals where consumer = $1 and event_id = $2`
)

// SetAside records what trying again does not help. The log goes on; staff see what is open.
func (s *Subscriber) SetAside(ctx context.Context, topic string, r eventstore.Recorded, why error) error {
	code, message := refusalOf(why)
	s.Log.Error("an event is set aside", "consumer", topic, "type", r.Type, "stream", r.Stream, "position", r.Pos.String(), "code", code, "message", message)
	message = fmt.Sprintf("%.2000s", strings.ReplaceAll(strings.ToValidUTF8(message, "?"), "\x00", "?"))
	_, err := s.DB.Exec(ctx, sqlRefusal, topic, r.ID, string(r.Stream), r.Pos.String(), code, message)
	return err
}

func refusalOf(why error) (code, message string) {
	var refused *domain.Error
	if errors.As(why, &refused) {
		return refused.Code, refused.Message
	}
	return "internal", why.Error()
}

// Refusals are what a consumer has set aside; for the empty topic, all consumers.
func (s *Subscriber) Refusals(ctx context.Context, topic string) ([]Refusal, error) {
	rows, err := s.DB.Query(ctx, sqlRefusals, topic)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Refusal])
}

// Retry hands an event that was set aside to act, and forgets that it was if that succeeds.
func (s *Subscriber) Retry(ctx context.Context, open Refusal, act func(context.Context, eventstore.Recorded) error) error {
	r, err := eventstore.Find(ctx, s.Store, eventstore.StreamName(open.Stream), open.EventID)
	if err != nil {
		return err
	}
	if err := act(ctx, r); err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, sqlSettled, open.Consumer, open.EventID)
	return err
}

// Refusals are what is open.
func (p *Policies) Refusals(ctx context.Context) ([]Refusal, error) {
	return p.Subscriber.Refusals(ctx, topic)
}

// Retry does what could not be done, once its cause is mended. What was done meanwhile is
// not done twice.
func (p *Policies) Retry(ctx context.Context, open Refusal) error {
	return p.Subscriber.Retry(ctx, open, func(ctx context.Context, r eventstore.Recorded) error {
		_, err := p.act(ctx, r)
		return err
	})
}
