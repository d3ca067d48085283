package engine

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// lane is a part of a build's routes, as the follower that works on it sees it.
type lane struct {
	no    int
	batch *Batch
	until eventstore.Position // of a scratch build: no further than here
	saved eventstore.Position // the checkpoint in the database
	epoch atomic.Int64
	lost  atomic.Bool // the database forgot what it had said was saved

	mu      sync.Mutex
	owned   bool
	sure    eventstore.Position // saved, as of the last change
	seen    eventstore.Position // saved, or further where no event was the lane's
	at      time.Time           // when the last event up to seen was committed
	changed chan struct{}       // closed when seen or owned change
}

func newLane(no int, tables []AnyTable) *lane {
	return &lane{no: no, batch: newBatch(tables), changed: make(chan struct{})}
}

func (l *lane) progress() (seen eventstore.Position, at time.Time, owned bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen, l.at, l.owned, l.changed
}

func (l *lane) set(seen eventstore.Position, at time.Time, owned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.at, l.owned, l.sure = seen, at, owned, l.saved
	close(l.changed)
	l.changed = make(chan struct{})
}

// take begins a term of ownership at a checkpoint. What was known before does not count.
func (l *lane) take(epoch int64, at mark) {
	l.epoch.Store(epoch)
	l.saved = at.position()
	l.lost.Store(false)
	for _, p := range l.batch.all {
		if !failpoint.Broken("engine.stale") { // the mutation again
			p.reset(l.saved == eventstore.Position{})
		}
	}
	l.set(l.saved, at.time(), true)
}

// drop ends a term. Where the lane really is, only the database knows now.
func (l *lane) drop() { l.set(l.saved, time.Time{}, false) }

// kept is what was saved for certain, and whether the lane is ours.
func (l *lane) kept() (sure eventstore.Position, owned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sure, l.owned
}

// wants tells whether an event at pos is still to be applied.
func (l *lane) wants(pos eventstore.Position) bool {
	return l.seen.Before(pos) && (l.until == eventstore.Position{} || !l.until.Before(pos))
}

// errFenced says that another process has taken the lane over.
var errFenced = errors.New("projections: another process has taken the lane over")

// patience is how long one batch may take before the lane is given up.
const patience = time.Minute

// work folds a page's events of one lane and commits rows and checkpoint together. One
// who has lost the lane may meet the rows of its successor, and fail over them: then not
// the event is to blame.
func (f *follower) work(ctx context.Context, l *lane, events []envelope.Event, p stretch) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := f.foldAndCommit(ctx, l, events, p)
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

func (f *follower) foldAndCommit(ctx context.Context, l *lane, events []envelope.Event, p stretch) error {
	if err := l.batch.fold(ctx, f.engine.DB, f.sql, f.group.Apply, events); err != nil {
		return err
	}
	changes, changed, err := l.batch.writes()
	if err != nil {
		return err
	}
	if changed == 0 {
		l.set(p.next, p.at, true)
		return nil
	}
	began := time.Now()
	if err := f.commit(ctx, l, changes, p); err != nil {
		return err
	}
	if err := f.engine.faults.at("committed"); err != nil {
		return err
	}
	for _, part := range l.batch.all {
		part.keep()
	}
	f.stats.batch(time.Since(began))
	l.saved = p.next
	l.set(p.next, p.at, true)
	return nil
}

// Nothing is lost if the server forgets the last commits in a crash: rows and checkpoint
// go together, and the log is still there. So a batch does not wait for the disk; renew
// notices if the server has forgotten some.
const sqlNoWait = `set local synchronous_commit = off`

const sqlCheckpoint = `update pj.lane set hi = $5::text::numeric, lo = $6::text::numeric, event_at = $7, attempts = 0,
		expires = clock_timestamp() + $8::interval
	where grp = $1 and build = $2 and lane = $3 and epoch = $4 and hi = $9::text::numeric and lo = $10::text::numeric`

// commit writes rows and checkpoint, or neither.
func (f *follower) commit(ctx context.Context, l *lane, changes []writes, p stretch) error {
	rows := func(tx pgx.Tx, q *pgx.Batch) error { return queue(ctx, tx, f.sql, changes, q) }
	checkpoint := func(tx pgx.Tx, q *pgx.Batch) error {
		if f.build.State == stateScratch {
			return nil // nobody else knows of it, and nobody resumes it
		}
		to, from := markOf(p.next, p.at), markOf(l.saved, time.Time{})
		q.Queue(sqlCheckpoint, f.group.Name, f.build.Build, l.no, l.epoch.Load(), to.Hi, to.Lo, to.At,
			f.engine.lease(), from.Hi, from.Lo).Exec(moved)
		return nil
	}
	failpoint.At("engine.folded")
	if f.engine.faults.loose || failpoint.Broken("engine.loose") { // the mutation that the tests must catch
		if err := f.transact(ctx, rows); err != nil {
			return err
		}
		failpoint.At("engine.loose") // rows without their checkpoint
		return f.transact(ctx, checkpoint)
	}
	return f.transact(ctx, rows, checkpoint)
}

func (f *follower) transact(ctx context.Context, steps ...func(pgx.Tx, *pgx.Batch) error) error {
	return pgx.BeginFunc(ctx, f.engine.DB, func(tx pgx.Tx) error {
		var q pgx.Batch
		q.Queue(sqlNoWait)
		for _, step := range steps {
			if err := step(tx, &q); err != nil {
				return err
			}
		}
		if err := f.engine.faults.at("commit"); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &q).Close()
	})
}

func moved(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return errFenced
	}
	return nil
}

// mark is a checkpoint as it travels: numeric(20) as text.
type mark struct {
	Hi, Lo string
	At     *time.Time
}

func markOf(p eventstore.Position, at time.Time) mark {
	m := mark{Hi: strconv.FormatUint(p.Hi, 10), Lo: strconv.FormatUint(p.Lo, 10)}
	if !at.IsZero() {
		m.At = &at
	}
	return m
}

func (m mark) position() eventstore.Position {
	hi, _ := strconv.ParseUint(m.Hi, 10, 64) // numeric(20) of ours: always digits
	lo, _ := strconv.ParseUint(m.Lo, 10, 64)
	return eventstore.Position{Hi: hi, Lo: lo}
}

func (m mark) time() time.Time {
	if m.At == nil {
		return time.Time{}
	}
	return *m.At
}
