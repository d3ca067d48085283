package reactions

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// term is one ownership of a consumer: which positions are being handled, and the
// low-water mark before which all are.
type term struct {
	topic string
	epoch int64

	mu      sync.Mutex
	open    []eventstore.Position        // handed out, in order; the first is not done
	doneSet map[eventstore.Position]bool // done behind the first
	mark    eventstore.Position
	emitted eventstore.Position // the furthest that handlers have appended
	changed chan struct{}       // closed at the next change of mark
}

func newTerm(topic string, epoch int64, mark, emitted eventstore.Position) *term {
	return &term{topic: topic, epoch: epoch, mark: mark, emitted: emitted,
		doneSet: map[eventstore.Position]bool{}, changed: make(chan struct{})}
}

func (t *term) begin(pos eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, pos)
}

// done moves the mark over everything that is handled without a gap.
func (t *term) done(pos eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doneSet[pos] = true
	moved := false
	for len(t.open) > 0 && t.doneSet[t.open[0]] {
		t.mark, moved = t.open[0], true
		delete(t.doneSet, t.mark)
		t.open = t.open[1:]
	}
	if moved {
		close(t.changed)
		t.changed = make(chan struct{})
	}
}

// emit notes that a handler appended up to pos.
func (t *term) emit(pos eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.emitted.Before(pos) {
		t.emitted = pos
	}
}

func (t *term) low() eventstore.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mark
}

func (t *term) progress() (mark, emitted eventstore.Position, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mark, t.emitted, t.changed
}

const (
	sqlConsumer = `insert into portico.consumers (name) values ($1) on conflict do nothing`
	sqlLease    = `update portico.consumers set owner = $2, epoch = epoch + 1, expires = clock_timestamp() + interval '8 s'
		where name = $1 and (expires is null or expires < clock_timestamp() or expires > clock_timestamp() + interval '20 s')
		returning epoch, low_hi::text, low_lo::text, emitted_hi::text, emitted_lo::text`
	sqlSave = `update portico.consumers set low_hi = $3::text::numeric, low_lo = $4::text::numeric,
		emitted_hi = $5::text::numeric, emitted_lo = $6::text::numeric, expires = clock_timestamp() + $7::interval
		where name = $1 and epoch = $2`
	sqlOwners   = `select distinct owner from portico.consumers where expires > clock_timestamp()`
	sqlInherit  = `update portico.consumers set expires = null where owner = $1`
	sqlProgress = `select low_hi::text, low_lo::text, emitted_hi::text, emitted_lo::text from portico.consumers where name = $1`
)

// lease asks for the consumer; nil means that somebody else has it. The database's clock
// decides, and the epoch fences who had it before. A lease that would last longer than any
// is over, too: the clock was put back since.
func (s *Subscriber) lease(ctx context.Context, topic string) (*term, error) {
	if _, err := s.DB.Exec(ctx, sqlConsumer, topic); err != nil {
		return nil, err
	}
	var epoch int64
	var mark, emitted position
	err := s.DB.QueryRow(ctx, sqlLease, topic, s.Node).Scan(&epoch, &mark.hi, &mark.lo, &emitted.hi, &emitted.lo)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newTerm(topic, epoch, mark.position(), emitted.position()), nil
}

// Inherit frees the consumers of processes that are known to be dead, as the engine of
// projections does for lanes.
func (s *Subscriber) Inherit(ctx context.Context, dead func(node string) bool) error {
	rows, err := s.DB.Query(ctx, sqlOwners)
	if err != nil {
		return err
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, owner := range owners {
		if err == nil && dead(owner) {
			_, err = s.DB.Exec(ctx, sqlInherit, owner)
		}
	}
	return err
}

// errFenced says that another process owns the consumer now.
var errFenced = errors.New("reactions: another process has taken over")

// keep saves the mark, and thereby the lease, until ctx ends.
func (s *Subscriber) keep(ctx context.Context, t *term) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	var saved [2]eventstore.Position
	for at := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		mark, emitted, _ := t.progress()
		now := [2]eventstore.Position{mark, emitted}
		if now == saved && time.Since(at) < 3*time.Second {
			continue
		}
		if err := s.save(ctx, t, mark, emitted, "8 s"); err != nil {
			return err
		}
		saved, at = now, time.Now()
	}
}

func (s *Subscriber) save(ctx context.Context, t *term, mark, emitted eventstore.Position, lease string) error {
	failpoint.At("reactions.before_save")
	m, e := textOf(mark), textOf(emitted)
	tag, err := s.DB.Exec(ctx, sqlSave, t.topic, t.epoch, m.hi, m.lo, e.hi, e.lo, lease)
	if err == nil && tag.RowsAffected() == 0 {
		return errFenced
	}
	return err
}

// release saves the mark and lets the next process in at once.
func (s *Subscriber) release(ctx context.Context, t *term) error {
	mark, emitted, _ := t.progress()
	if err := s.save(ctx, t, mark, emitted, "0 s"); !errors.Is(err, errFenced) {
		return err
	}
	return nil
}

// position is how numeric(20) travels: as text.
type position struct{ hi, lo string }

func textOf(p eventstore.Position) position {
	return position{strconv.FormatUint(p.Hi, 10), strconv.FormatUint(p.Lo, 10)}
}

func (p position) position() eventstore.Position {
	hi, _ := strconv.ParseUint(p.hi, 10, 64)
	lo, _ := strconv.ParseUint(p.lo, 10, 64)
	return eventstore.Position{Hi: hi, Lo: lo}
}

// Progress is how far a consumer has come, wherever it runs: everything up to low is
// handled, and handling has appended events up to emitted.
func (s *Subscriber) Progress(ctx context.Context, topic string) (low, emitted eventstore.Position, err error) {
	if t := s.owned(topic); t != nil {
		low, emitted, _ = t.progress()
		return low, emitted, nil
	}
	var l, e position
	err = s.DB.QueryRow(ctx, sqlProgress, topic).Scan(&l.hi, &l.lo, &e.hi, &e.lo)
	if errors.Is(err, pgx.ErrNoRows) {
		return low, emitted, nil
	}
	if err != nil {
		return low, emitted, fmt.Errorf("reactions: %w", err)
	}
	return l.position(), e.position(), nil
}

// Wait waits until everything up to pos is handled, and answers how far handling has
// appended by then.
func (s *Subscriber) Wait(ctx context.Context, topic string, pos eventstore.Position) (emitted eventstore.Position, err error) {
	for {
		changed, patience := (<-chan struct{})(nil), 20*time.Millisecond
		var low eventstore.Position
		if t := s.owned(topic); t != nil {
			low, emitted, changed = t.progress()
			patience = time.Second
		} else if low, emitted, err = s.Progress(ctx, topic); err != nil {
			return emitted, err
		}
		if !low.Before(pos) {
			return emitted, nil
		}
		select {
		case <-changed:
		case <-time.After(patience):
		case <-ctx.Done():
			return emitted, ctx.Err()
		}
	}
}
