package engine

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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

	suspect *suspicion // nil: its last owner did not die
	braced  bool       // it is written down that an event is tried alone
	since   time.Time  // when it began to hold rows back
	plain   bool       // rows were refused: each page is committed, to find out whose
	unsure  bool       // who is parked: the outcome of trying again is not known

	mu      sync.Mutex
	owned   bool
	sure    eventstore.Position // saved, as of the last change
	seen    eventstore.Position // saved, or further where no event was the lane's
	folded  eventstore.Position // seen, or further: the rows are held back
	at      time.Time           // when the last event up to seen was committed
	changed chan struct{}       // closed when seen or owned change
	parked  map[ward]bool       // whose events are held back; only the follower changes it
}

func newLane(no int, tables []AnyTable) *lane {
	return &lane{no: no, batch: newBatch(tables), parked: map[ward]bool{}, changed: make(chan struct{})}
}

func (l *lane) progress() (seen eventstore.Position, at time.Time, owned bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen, l.at, l.owned, l.changed
}

func (l *lane) set(seen eventstore.Position, at time.Time, owned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.folded, l.at, l.owned, l.sure = seen, seen, at, owned, l.saved
	close(l.changed)
	l.changed = make(chan struct{})
}

// fold moves a lane on that holds its rows back. Nobody else sees it.
func (l *lane) fold(to eventstore.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.seen.Before(l.folded) {
		l.since = time.Now()
	}
	l.folded = to
}

// reached is how far a lane's rows are folded.
func (l *lane) reached() (folded eventstore.Position, owned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.folded, l.owned
}

// holds tells whether rows are held back that belong to earlier pages.
func (l *lane) holds() bool { return l.seen.Before(l.folded) }

// pass moves a lane on over a page without its events.
func (l *lane) pass(to eventstore.Position, at time.Time) {
	if l.holds() {
		l.fold(to)
	} else {
		l.set(to, at, true)
	}
}

// rewind goes back to the checkpoint, if rows are held back, and then on page by page.
func (l *lane) rewind() bool {
	held := l.holds()
	l.plain = true
	if held {
		l.batch.drop() // those pages come again
		l.set(l.seen, l.at, true)
	}
	return held
}

// take begins a term of ownership at a checkpoint. What was known before does not count.
func (l *lane) take(epoch int64, at mark, s *suspicion, parked map[ward]bool) {
	l.epoch.Store(epoch)
	l.saved, l.suspect, l.plain, l.unsure = at.position(), s, false, false
	l.lost.Store(false)
	l.mu.Lock()
	l.parked = parked
	l.mu.Unlock()
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
	return l.folded.Before(pos) && (l.until == eventstore.Position{} || !l.until.Before(pos))
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
