package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/projections/engine"
)

// HistoryFilter says which events. All that is given must hold.
type HistoryFilter struct {
	Stream     string    `query:"stream" maxLength:"200" doc:"One aggregate's history, such as acme.invoice-<id>"`
	CustomerID uuid.UUID `query:"customer_id" doc:"All that concerns a customer"`
	ActorID    uuid.UUID `query:"actor_id" doc:"All that somebody did, or had another do as impersonator"`
	Type       string    `query:"type" maxLength:"100" doc:"Such as invoice.issued"`
	From       time.Time `query:"from" doc:"Recorded at this instant or later"`
	To         time.Time `query:"to" doc:"Recorded before this instant"`
	After      string    `query:"after" maxLength:"50" doc:"Position to go on after: the next of the page before"`
	Limit      int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// HistoryPage is part of history, in the order of the log.
type HistoryPage struct {
	Events []HistoryEvent `json:"events" nullable:"false"`
	Next   string         `json:"next,omitempty" doc:"Position to go on after; give it as after, now or when more has happened"`
	More   bool           `json:"more" doc:"Whether more of it is recorded already"`
}

// HistoryEvent is what happened: who, when, from where, why, what.
type HistoryEvent struct {
	Position      string          `json:"position"`
	ID            uuid.UUID       `json:"id"`
	Stream        string          `json:"stream"`
	Version       int64           `json:"version"`
	Type          string          `json:"type"`
	Schema        int             `json:"schema_version"`
	Actor         envelope.Actor  `json:"actor" doc:"Who"`
	ActorName     string          `json:"actor_name,omitempty" doc:"What the actor is called: the API key, the contact or the member of staff"`
	OccurredAt    time.Time       `json:"occurred_at" doc:"When it was asked for, or happened in the system it comes from"`
	RecordedAt    time.Time       `json:"recorded_at" doc:"When it was committed"`
	Origin        envelope.Origin `json:"origin" doc:"From where"`
	Command       string          `json:"command" doc:"Why: the operation that was asked for"`
	CommandID     uuid.UUID       `json:"command_id"`
	Reason        *domain.Reason  `json:"reason,omitempty" doc:"Why: the reason that was given"`
	CorrelationID uuid.UUID       `json:"correlation_id" doc:"The request that began it all"`
	CausationID   uuid.UUID       `json:"causation_id" doc:"The command or event that led to it"`
	CustomerID    *uuid.UUID      `json:"customer_id,omitempty"`
	Data          json.RawMessage `json:"data" doc:"What, in its current schema; erased personal data is empty"`
}

type placeRow struct {
	PosHi   uint64 `db:"pos_hi"`
	PosLo   uint64 `db:"pos_lo"`
	Stream  string `db:"stream"`
	Version int64  `db:"version"`
}

// What history is looked up by first has an index of its own; the rest narrows it down.
const (
	historyColumns = `
select e.pos_hi, e.pos_lo, e.stream, e.version from {s}.events e where e.tenant = @tenant`
	historyFilters = `
  and (@stream = '' or e.stream = @stream) and (@customer::uuid is null or e.customer_id = @customer)
  and (@actor::uuid is null or e.actor_id = @actor or e.impersonator = @actor) and (@type = '' or e.type = @type)
  and e.at >= @from::timestamptz and e.at < @to::timestamptz and (e.pos_hi, e.pos_lo) > (@hi::numeric, @lo::numeric)`
	historyOrder = `
order by e.pos_hi, e.pos_lo limit @limit`

	sqlHistoryOfStream   engine.SQL = historyColumns + ` and e.stream = @stream` + historyFilters + historyOrder
	sqlHistoryOfCustomer engine.SQL = historyColumns + ` and e.customer_id = @customer` + historyFilters + historyOrder
	sqlHistoryOfType     engine.SQL = historyColumns + ` and e.type = @type` + historyFilters + historyOrder
	sqlHistoryOfActor    engine.SQL = `select * from (
(` + historyColumns + ` and e.actor_id = @actor` + historyFilters + historyOrder + `)
union all
(` + historyColumns + ` and e.impersonator = @actor and e.actor_id <> @actor` + historyFilters + historyOrder + `)
) e` + historyOrder

	// Time never runs backwards along positions: by time is by position.
	sqlHistoryOfPeriod engine.SQL = historyColumns + historyFilters + `
  and e.at >= coalesce((select l.at from {s}.events l where l.pos_hi = @hi::numeric and l.pos_lo = @lo::numeric), '-infinity')
order by e.at, e.pos_hi, e.pos_lo limit @limit`
)

// sql is the statement for what is most likely to be rare.
func (f HistoryFilter) sql() engine.SQL {
	switch {
	case f.Stream != "":
		return sqlHistoryOfStream
	case f.CustomerID != uuid.Nil:
		return sqlHistoryOfCustomer
	case f.ActorID != uuid.Nil:
		return sqlHistoryOfActor
	case f.Type != "":
		return sqlHistoryOfType
	}
	return sqlHistoryOfPeriod
}

// GetHistory is what happened, in order; for auditors. The audit index tells where, the
// event store what: any store will do.
func (q *Queries) GetHistory(ctx context.Context, v Viewer, f HistoryFilter) (HistoryPage, error) {
	none := HistoryPage{}
	if !v.readsHistory() {
		return none, domain.Forbidden("viewer.forbidden", "history is for auditors")
	}
	s, err := q.staffScope(ctx, v, Audit.Name)
	if err != nil {
		return none, err
	}
	args, err := f.args()
	if err != nil {
		return none, err
	}
	limit := Paging{Limit: f.Limit}.limit()
	args["limit"] = limit + 1
	places, err := many[placeRow](ctx, q.DB, f.sql(), s, args)
	if err != nil {
		return none, err
	}
	out := HistoryPage{Next: f.After, More: len(places) > limit}
	if out.More {
		places = places[:limit]
	}
	if out.Events, err = q.payloads(ctx, places); err != nil {
		return none, err
	}
	if err := q.nameActors(ctx, v, out.Events); err != nil {
		return none, err
	}
	if n := len(places); n > 0 {
		out.Next = position(places[n-1].PosHi, places[n-1].PosLo)
	}
	return out, nil
}

func (f HistoryFilter) args() (pgx.NamedArgs, error) {
	after := eventstore.Position{}
	if f.After != "" {
		var err error
		if after, err = eventstore.ParsePosition(f.After); err != nil {
			return nil, domain.Invalid("position.malformed", "%q is not a position such as 1234.0", f.After)
		}
	}
	from, to := "-infinity", "infinity"
	if !f.From.IsZero() {
		from = f.From.UTC().Format(time.RFC3339Nano)
	}
	if !f.To.IsZero() {
		to = f.To.UTC().Format(time.RFC3339Nano)
	}
	return pgx.NamedArgs{"stream": f.Stream, "customer": optional(f.CustomerID), "actor": optional(f.ActorID), "type": f.Type,
		"from": from, "to": to, "hi": after.Hi, "lo": after.Lo}, nil
}

// payloads reads events from their streams, a run of successive versions at a time.
func (q *Queries) payloads(ctx context.Context, places []placeRow) ([]HistoryEvent, error) {
	found := map[string]map[int64]HistoryEvent{}
	for _, p := range places {
		if _, known := found[p.Stream][p.Version]; known {
			continue
		}
		if found[p.Stream] == nil {
			found[p.Stream] = map[int64]HistoryEvent{}
		}
		records, err := q.Store.ReadStream(ctx, eventstore.StreamName(p.Stream), p.Version, runOf(p, places))
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if found[p.Stream][r.Version], err = q.open(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	out := make([]HistoryEvent, len(places))
	for i, p := range places {
		e, ok := found[p.Stream][p.Version]
		if !ok || e.Position != position(p.PosHi, p.PosLo) {
			return nil, fmt.Errorf("projections: %s@%d at %s is in the audit index, not in the log", p.Stream, p.Version, position(p.PosHi, p.PosLo))
		}
		out[i] = e
	}
	return out, nil
}

// runOf is how many versions of a place's stream, from it on, are all asked for.
func runOf(p placeRow, places []placeRow) int {
	wanted := map[int64]bool{}
	for _, o := range places {
		if o.Stream == p.Stream {
			wanted[o.Version] = true
		}
	}
	n := 1
	for wanted[p.Version+int64(n)] {
		n++
	}
	return n
}

// open decrypts an event. One that a newer program wrote is shown without its data.
func (q *Queries) open(ctx context.Context, r eventstore.Recorded) (HistoryEvent, error) {
	e, err := q.Codec.Open(ctx, r)
	var unknown domain.ErrUnknownType
	if err != nil && !errors.As(err, &unknown) {
		return HistoryEvent{}, err
	}
	m := e.Meta
	out := HistoryEvent{
		Position: r.Pos.String(), ID: r.ID, Stream: string(r.Stream), Version: r.Version, Type: r.Type, Schema: m.Schema,
		Actor: m.Actor, OccurredAt: m.OccurredAt, RecordedAt: r.At, Origin: m.Origin, Command: m.Command, CommandID: m.CommandID,
		Reason: m.Reason, CorrelationID: m.CorrelationID, CausationID: m.CausationID, CustomerID: optional(m.Route), Data: json.RawMessage("null"),
	}
	if err == nil {
		out.Data, err = json.Marshal(e.Data)
		return out, err
	}
	return out, nil
}
