package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// One round trip, and one commit, writes what has ended and claims what is next: under
// load, acknowledgements and claims of many jobs share them.
const (
	sqlSettle = `
update portico.jobs j set state = s.state, error = nullif(s.error, ''), owner = $7, claim = null, expires = null,
  attempts = j.attempts - s.uncount::int, deaths = case when s.uncount and s.wait is null then j.deaths else 0 end,
  due = coalesce(clock_timestamp() + s.wait, j.due),
  ended_at = case when s.state <> 'queued' then clock_timestamp() end
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bool[], $5::interval[], $6::text[]) s(id, claim, state, uncount, wait, error)
where j.id = s.id and j.claim = s.claim and j.state = 'running'
returning j.id`

	// Of what processes died of, one at a time is done: else it would take the innocent with it.
	sqlClaim = `
with usual as materialized (
  select j.id from unnest($1::text[], $2::int[]) w(kind, n) cross join lateral (
    select id from portico.jobs where kind = w.kind and state = 'queued' and deaths = 0 and due <= now()
    order by due limit w.n for update skip locked) j),
suspect as materialized (
  select id from portico.jobs where kind = any($1) and state = 'queued' and deaths > 0 and due <= now()
  order by due limit $3 for update skip locked),
picked as (select id from usual union all select id from suspect)
update portico.jobs j set state = 'running', attempts = j.attempts + 1, owner = $4, claim = $5,
  expires = clock_timestamp() + $6::interval, began_at = clock_timestamp()
from picked where j.id = picked.id
returning j.id, j.tenant, j.kind, j.payload, j.metadata, j.route, j.pos_hi::text, j.pos_lo::text, j.correlation, j.causation, j.due, j.attempts, j.deaths > 0`

	sqlRenew = `
update portico.jobs j set expires = clock_timestamp() + $3::interval
from unnest($1::uuid[], $2::uuid[]) f(id, claim) where j.id = f.id and j.claim = f.claim and j.state = 'running'
returning j.id`

	// A claim whose answer was lost: nobody knows of what it took.
	sqlUnclaim = `
update portico.jobs set state = 'queued', attempts = attempts - 1, claim = null, expires = null where claim = any($1) and state = 'running'`

	// A lease that ran out is a death, as far as anybody can tell; so is one that would last
	// longer than any, also of older programs: the clock was put back since.
	sqlReap = `
with lost as materialized (
  select id from portico.jobs where state = 'running' and (expires < clock_timestamp() or expires > clock_timestamp() + interval '1 minute')
  limit 100 for update skip locked)
update portico.jobs j set deaths = j.deaths + 1, claim = null, expires = null,
  state = case when j.deaths + 1 >= 3 then 'dead' else 'queued' end, due = clock_timestamp() + j.deaths * interval '2 s',
  error = format('process %s died, or stood still, while it did this', j.owner),
  ended_at = case when j.deaths + 1 >= 3 then clock_timestamp() end
from lost where j.id = lost.id
returning j.id, j.kind, j.state, j.correlation`
)

// turn is one round trip.
type turn struct {
	settled []settlement
	kinds   []string // to claim
	counts  []int
	suspect int
	claim   uuid.UUID
	renewed []*delivery
	lost    []uuid.UUID
	reap    bool
}

func (t *turn) empty() bool {
	return len(t.settled) == 0 && len(t.kinds) == 0 && len(t.renewed) == 0 && len(t.lost) == 0 && !t.reap
}

// do makes the round trip, in one implicit transaction.
func (q *Queue) do(ctx context.Context, t *turn) error {
	var b pgx.Batch
	if len(t.lost) > 0 {
		b.Queue(sqlUnclaim, t.lost)
	}
	written := map[uuid.UUID]bool{}
	if len(t.settled) > 0 {
		q.queueSettled(&b, t.settled, written)
	}
	kept := map[uuid.UUID]bool{}
	if len(t.renewed) > 0 {
		var ids, claims []uuid.UUID
		for _, d := range t.renewed {
			ids, claims = append(ids, d.attempt.ID), append(claims, d.claim)
		}
		b.Queue(sqlRenew, ids, claims, q.Lease).Query(func(rows pgx.Rows) error { return collect(rows, kept) })
	}
	if t.reap { // after renewing: who is here to reap has not died, however long it stood still
		b.Queue(sqlReap).Query(q.reaped)
	}
	var claimed []*delivery
	if len(t.kinds) > 0 {
		b.Queue(sqlClaim, t.kinds, t.counts, t.suspect, q.Node, t.claim, q.Lease).Query(func(rows pgx.Rows) (err error) {
			claimed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*delivery, error) { return scanClaimed(row, t.claim) })
			return err
		})
	}
	if err := q.Store.DB.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	for _, s := range t.settled {
		q.report(s, written[s.d.attempt.ID])
	}
	for _, d := range t.renewed {
		if !kept[d.attempt.ID] {
			d.cancel(errFenced)
		}
	}
	q.hand(t, claimed)
	return nil
}

func (q *Queue) queueSettled(b *pgx.Batch, settled []settlement, written map[uuid.UUID]bool) {
	var (
		ids, claims   []uuid.UUID
		states, texts []string
		uncount       []bool
		waits         []*time.Duration
	)
	for _, s := range settled {
		ids, claims = append(ids, s.d.attempt.ID), append(claims, s.d.claim)
		states, texts, uncount, waits = append(states, s.state), append(texts, s.error), append(uncount, s.uncount), append(waits, s.wait)
	}
	b.Queue(sqlSettle, ids, claims, states, uncount, waits, texts, q.Node).Query(func(rows pgx.Rows) error { return collect(rows, written) })
}

func collect(rows pgx.Rows, into map[uuid.UUID]bool) error {
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	for _, id := range ids {
		into[id] = true
	}
	return err
}
