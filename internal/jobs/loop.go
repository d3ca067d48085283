package jobs

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
)

// run makes a turn whenever there is something to write, or room and perhaps something to
// claim, until the queue is closed and everything is written.
func (q *Queue) run() {
	defer close(q.ended)
	inserted, forget := q.Store.wake()
	defer forget()
	tick := time.NewTicker(q.Poll)
	defer tick.Stop()
	var renewed, reaped, givenUp time.Time
	for {
		select { // also while there is always something to write
		case <-inserted:
			q.hunger()
		case <-tick.C:
			q.hunger()
		default:
		}
		q.gather()
		t := q.plan(&renewed, &reaped)
		if !t.empty() {
			err := q.turn(t)
			if err == nil {
				continue // others have ended meanwhile
			}
			q.Log.Warn("jobs pause", "error", err)
			renewed = time.Time{}                // leases go on running out: renewing comes first when the database is back
			reaped = time.Now().Add(q.Lease / 2) // also for the others, whose turns may hang for as long
			time.Sleep(jitter(q.Poll))
		}
		if left, closing := q.left(); closing {
			if givenUp.IsZero() {
				givenUp = time.Now().Add(5 * time.Second)
			}
			// What cannot be written is another process's when its lease runs out.
			if left == 0 || time.Now().After(givenUp) {
				return
			}
		}
		select {
		case <-q.kicked:
		case <-inserted:
			q.hunger()
		case <-tick.C:
			q.hunger()
		}
	}
}

// An acknowledgement waits for others that may share its round trip: no longer than linger
// altogether, and only while the next one comes within a pause.
const (
	linger = 2 * time.Millisecond
	pause  = 500 * time.Microsecond
)

// gather waits a moment for what is about to end.
func (q *Queue) gather() {
	for began := time.Now(); time.Since(began) < linger; {
		q.mu.Lock()
		waits := len(q.settled) > 0 && len(q.flying) > 0
		q.mu.Unlock()
		if !waits {
			return
		}
		select {
		case <-q.kicked:
		case <-time.After(pause):
			return
		}
	}
}

// left is how much is out or unwritten, and whether the queue is closed and its channels are.
func (q *Queue) left() (n int, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.flying) + len(q.settled) + len(q.lost), q.closing && len(q.subs) == 0
}

// hunger has every topic look into the table again.
func (q *Queue) hunger() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.subs {
		s.hungry = true
	}
}

// plan says what the next turn is for.
func (q *Queue) plan(renewed, reaped *time.Time) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &turn{claim: uuid.New(), settled: q.settled, lost: q.lost}
	q.settled, q.lost = nil, nil
	if now := time.Now(); now.Sub(*renewed) > q.Lease/3 {
		*renewed = now
		for d := range q.flying {
			t.renewed = append(t.renewed, d)
		}
	}
	if now := time.Now(); !q.stopped && now.Sub(*reaped) > min(q.Lease/3, time.Second) {
		*reaped = now
		t.reap = true
	}
	if !q.stopped {
		q.want(t)
	}
	return t
}

// want asks for as many jobs as there is room for. Each kind may use its own number, all
// together AtOnce; but a kind of which none is out always gets one, so that a slow kind
// starves nobody.
func (q *Queue) want(t *turn) {
	room, by := q.AtOnce-len(q.flying), map[string]int{}
	suspects := 0
	for d := range q.flying {
		if d.suspect {
			suspects++
		}
	}
	for i := range q.subs {
		s := q.subs[(i+q.first)%len(q.subs)]
		n := min(s.kind.AtOnce-s.flying, room)
		if n < 1 && s.flying == 0 {
			n = 1
		}
		if !s.hungry || s.ended || n < 1 {
			continue
		}
		by[s.kind.Name] += n
		room -= n
	}
	q.first++
	for kind, n := range by {
		t.kinds, t.counts = append(t.kinds, kind), append(t.counts, n)
	}
	if suspects == 0 {
		t.suspect = 1
	}
}

// turn makes a round trip; what could not be written is kept for the next one.
func (q *Queue) turn(t *turn) error {
	ctx, cancel := context.WithTimeout(pg.Across(context.Background()), q.Lease/2)
	defer cancel()
	err := q.do(ctx, t)
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range t.settled {
		t.settled[i].tried = true
	}
	q.settled = append(t.settled, q.settled...)
	q.lost = append(q.lost, t.lost...)
	if len(t.kinds) > 0 {
		q.lost = append(q.lost, t.claim)
	}
	return err
}

// hand gives out what was claimed. A topic that got less than it asked for is sated.
func (q *Queue) hand(t *turn, claimed []*delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked := map[string]int{}
	for i, kind := range t.kinds {
		asked[kind] = t.counts[i]
	}
	for _, d := range claimed {
		asked[d.attempt.Kind]--
		d.sub = q.roomiest(d.attempt.Kind)
		if d.sub == nil { // unsubscribed meanwhile
			q.settled = append(q.settled, d.orphaned())
			continue
		}
		d.ctx, d.cancel = context.WithCancelCause(d.sub.ctx)
		d.sub.flying++
		d.sub.work.Add(1)
		q.flying[d] = struct{}{}
		go q.deliver(d)
	}
	for _, s := range q.subs {
		if left, was := asked[s.kind.Name]; was && left > 0 {
			s.hungry = false
		}
	}
}

func (d *delivery) orphaned() settlement {
	s := d.released()
	s.d = d
	return s
}

// roomiest is the subscription of a kind that has most room.
func (q *Queue) roomiest(kind string) (best *subscription) {
	for _, s := range q.subs {
		if s.kind.Name == kind && !s.ended && (best == nil || s.kind.AtOnce-s.flying > best.kind.AtOnce-best.flying) {
			best = s
		}
	}
	return best
}

func scanClaimed(row pgx.CollectableRow, claim uuid.UUID) (*delivery, error) {
	d := &delivery{claim: claim, began: time.Now()}
	var pos place
	a := &d.attempt
	err := row.Scan(&a.ID, &a.Tenant, &a.Kind, (*[]byte)(&a.Payload), &a.metadata, &a.Route, &pos.hi, &pos.lo,
		&a.Correlation, &a.Causation, &a.NotBefore, &a.Number, &d.suspect)
	a.Pos = pos.position()
	return d, err
}

// reaped reports what dead processes left.
func (q *Queue) reaped(rows pgx.Rows) error {
	for rows.Next() {
		var id, correlation uuid.UUID
		var kind, state string
		if err := rows.Scan(&id, &kind, &state, &correlation); err != nil {
			return err
		}
		outcome := "died"
		if state == "dead" {
			outcome = "dead"
		}
		q.tally.ended(kind, outcome, 0)
		q.Log.Warn("a process died, or stood still, while it did a job", "job", id, "kind", kind, "state", state, "correlation_id", correlation)
	}
	return rows.Err()
}

// fenced reports an attempt that another process has taken over: its outcome is nothing.
func (q *Queue) fenced(d *delivery) {
	q.tally.fenced(d.attempt.Kind)
	logOf(q.Log, d.attempt).Warn("job was done too late: another process has taken it over")
}

const (
	sqlOwners  = `select distinct owner from portico.jobs where state = 'running'`
	sqlInherit = `update portico.jobs set expires = clock_timestamp() - interval '1 s' where state = 'running' and owner = $1`
)

// Inherit frees what processes held that are known to be dead.
func (q *Queue) Inherit(ctx context.Context, dead func(node string) bool) error {
	rows, err := q.Store.DB.Query(ctx, sqlOwners)
	if err != nil {
		return err
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, owner := range owners {
		if err == nil && dead(owner) {
			_, err = q.Store.DB.Exec(ctx, sqlInherit, owner)
		}
	}
	return err
}
