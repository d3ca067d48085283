package engine

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// errFenced says that another process has taken the lane over.
var errFenced = errors.New("projections: another process has taken the lane over")

// patience is how long one batch may take before the lane is given up.
const patience = time.Minute

// stint is what a lane has to do next: its events up to a position.
type stint struct {
	events []envelope.Event
	to     eventstore.Position
	at     time.Time // when the last event up to there was committed
	guilty error     // why its one event is not even tried
	last   bool      // what is held back is to be written now
}

// work folds a lane's events and commits rows and checkpoint together. If PostgreSQL
// refuses the rows, it finds out by single steps for which event.
func (f *follower) work(ctx context.Context, l *lane, s stint) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := f.try(ctx, l, s)
	var apply *ApplyError
	if f.passes(err) || errors.As(err, &apply) {
		return err
	}
	if l.rewind() {
		return nil // the row may be of any page since the last commit
	}
	for _, e := range s.events {
		one := stint{events: []envelope.Event{e}, to: e.Pos, at: e.At, last: true}
		if err := f.try(ctx, l, one); f.passes(err) && err != nil {
			return err
		} else if one.guilty = err; err == nil {
			continue
		}
		if err := f.try(ctx, l, one); err != nil {
			return err
		}
	}
	l.set(s.to, s.at, true)
	return nil
}

// passes tells whether nothing is to be learnt from an error about the events.
func (f *follower) passes(err error) bool {
	return err == nil || transient(err) || errors.Is(err, errFenced) || blameless(err)
}

// try is one attempt at a stint. One who has lost the lane may meet the rows of its
// successor, and fail over them: then not the event is to blame.
func (f *follower) try(ctx context.Context, l *lane, s stint) error {
	err := f.advance(ctx, l, s)
	if err == nil || transient(err) || errors.Is(err, errFenced) || f.build.State == stateScratch {
		return err
	}
	var ours bool
	if asked := f.engine.DB.QueryRow(ctx, sqlOurs, f.group.Name, f.build.Build, l.no, l.epoch.Load()).Scan(&ours); asked != nil {
		return asked
	}
	if !ours {
		return errFenced
	}
	return err
}

const sqlOurs = `select exists (select from pj.lane where grp = $1 and build = $2 and lane = $3 and epoch = $4)`

// advance folds a stint's events, those of parked customers left out, and commits. Of a
// customer whose event cannot be applied, that event and all later ones are held back.
func (f *follower) advance(ctx context.Context, l *lane, s stint) error {
	free, back := f.split(l, s)
	for {
		err := l.batch.fold(ctx, f.engine.DB, f.sql, f.group.Apply, free)
		if err == nil {
			break
		}
		var bad *ApplyError
		if !errors.As(err, &bad) {
			return err
		}
		if free, err = f.park(ctx, bad, free, back); err != nil {
			return err
		}
	}
	if err := f.folded(ctx, l); err != nil {
		return err
	}
	if size := l.batch.hold(); back.empty() && f.putsOff(l, s, size) {
		l.fold(s.to)
		return nil
	}
	if changed, err := f.write(ctx, l, s, back); err != nil || !changed {
		l.batch.drop()
		return err
	}
	failpoint.At("engine.after_commit")
	if err := f.engine.faults.at("committed"); err != nil {
		return err
	}
	for _, part := range l.batch.all {
		part.keep()
	}
	for _, p := range back.parked {
		l.parks(p.ward, true)
	}
	l.saved = s.to
	l.set(s.to, s.at, true)
	return nil
}

// What a build holds back, about, and for how long: rows that change again and again while
// a long history is folded are written once. A crash costs no more than is held back.
const (
	bulkBytes = 64 << 20 // all lanes together
	bulkFor   = 30 * time.Second
)

// putsOff tells whether to write later: of a build that has far to go, as long as nothing
// makes it likely that rows are refused.
func (f *follower) putsOff(l *lane, s stint, size int) bool {
	if f.active.Load() || s.last || l.plain || l.suspect != nil || len(l.parked) > 0 {
		return false
	}
	return size < f.bulk()/len(f.lanes) && (!l.holds() || time.Since(l.since) < bulkFor)
}

func (f *follower) bulk() int {
	if f.engine.faults.bulk != nil {
		return f.engine.faults.bulk()
	}
	return bulkBytes
}

// write commits what is held. If nothing has changed, the lane just moves on.
func (f *follower) write(ctx context.Context, l *lane, s stint, back *heldBack) (changed bool, err error) {
	changes, n, err := l.batch.writes()
	if err != nil {
		return false, err
	}
	if n == 0 && back.empty() {
		l.set(s.to, s.at, true)
		return false, nil
	}
	began := time.Now()
	if err := f.commit(ctx, l, s, changes, back); err != nil {
		return false, err
	}
	f.stats.batch(time.Since(began))
	return true, nil
}

// Nothing is lost if the server forgets the last commits in a crash: rows and checkpoint
// go together, and the log is still there. So a batch does not wait for the disk; keepLeases
// notices if the server has forgotten some.
const sqlNoWait = `select set_config('synchronous_commit', 'off', true)`

// A lane that is somebody else's by now is an error on the server, so that the whole batch
// is undone without another round trip.
const sqlCheckpoint = `with moved as (update pj.lane set hi = $5::text::numeric, lo = $6::text::numeric, event_at = $7, attempts = 0,
			expires = clock_timestamp() + $8::interval
		where grp = $1 and build = $2 and lane = $3 and epoch = $4 and hi = $9::text::numeric and lo = $10::text::numeric
		returning lane)
	select pj.ours(count(*)) from moved`

// commit writes rows, what is held back, and the checkpoint, or nothing at all.
func (f *follower) commit(ctx context.Context, l *lane, s stint, changes []writes, back *heldBack) error {
	checkpoint := func(q *pgx.Batch) {
		if f.build.State == stateScratch {
			return // nobody else knows of it, and nobody resumes it
		}
		back.queue(f.build, l.no, q)
		to, from := markOf(s.to, s.at), markOf(l.saved, time.Time{})
		q.Queue(sqlCheckpoint, f.group.Name, f.build.Build, l.no, l.epoch.Load(), to.Hi, to.Lo, to.At,
			f.engine.lease(), from.Hi, from.Lo)
	}
	failpoint.At("engine.folded/" + f.group.Name)
	if f.engine.faults.loose || failpoint.Broken("engine.loose") { // the mutation that the tests must catch
		if err := f.transact(ctx, changes, func(*pgx.Batch) {}); err != nil {
			return err
		}
		failpoint.At("engine.loose/" + f.group.Name) // rows without their checkpoint
		return f.transact(ctx, make([]writes, len(f.sql)), checkpoint)
	}
	return f.transact(ctx, changes, checkpoint)
}

// transact writes rows and more in one transaction: as a rule in one round trip, for what
// goes in one batch is one transaction. COPY cannot be part of a batch; and a build for the
// fault suite takes the long way, so that there is a moment inside it.
func (f *follower) transact(ctx context.Context, changes []writes, more func(*pgx.Batch)) error {
	var q pgx.Batch
	q.Queue(sqlNoWait)
	copies := queue(f.sql, changes, &q)
	more(&q)
	if err := f.engine.faults.at("commit"); err != nil {
		return err
	}
	failpoint.At("engine.before_commit")
	if len(copies) == 0 && !failpoint.On {
		return fenced(f.engine.DB.SendBatch(ctx, &q).Close())
	}
	return fenced(pgx.BeginFunc(ctx, f.engine.DB, func(tx pgx.Tx) error {
		for i, rows := range copies {
			if err := f.sql[i].copy(ctx, tx, rows); err != nil {
				return err
			}
		}
		if err := tx.SendBatch(ctx, &q).Close(); err != nil {
			return err
		}
		failpoint.At("engine.in_commit")
		return nil
	}))
}

// fenced recognizes the error of pj.ours.
func fenced(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "PJ001" {
		return errFenced
	}
	return err
}
