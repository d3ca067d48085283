package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/pg"
)

// Store keeps records in the schema journal, which nobody can change afterwards. One
// goroutine sends whatever is asked for while its last call commits (group commit, as the
// event store does it): a lone record goes at once, and many share a commit.
type Store struct {
	db    pg.DB
	keys  envelope.Keys // that address and agent are sealed under
	node  string        // this process
	clock func() time.Time

	mu      sync.Mutex
	more    *sync.Cond
	queue   []*request
	waiting int // records in the queue
	closed  bool
	done    sync.WaitGroup

	flood flood
}

const (
	maxBatch  = 1_000
	maxQueued = 20_000 // records; more are refused, and so is what they are about
	// callTime is above the 3 s that journal.append waits for the head.
	callTime = 10 * time.Second
)

// Open starts a store's writer on connections that the caller keeps open until Close has
// returned. Any number of stores, in any number of processes, share one journal.
func Open(db pg.DB, keys envelope.Keys, node string) *Store {
	s := &Store{db: db, keys: keys, node: node, clock: time.Now}
	s.more = sync.NewCond(&s.mu)
	s.flood.at = map[household]time.Time{}
	s.done.Go(s.run)
	return s
}

// Close tells of what was suppressed, refuses further records, and returns once those that
// wait are kept.
func (s *Store) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	_ = s.Settle(ctx) // the database may be gone already
	s.mu.Lock()
	s.closed = true
	s.more.Broadcast()
	s.mu.Unlock()
	s.done.Wait()
}

// Write is a Write.
func (s *Store) Write(ctx context.Context, records ...Record) error {
	r := &request{answer: make(chan error, 1)}
	for _, record := range records {
		row, err := s.seal(ctx, record)
		if err != nil {
			return unavailable(err)
		}
		r.rows = append(r.rows, row)
	}
	if len(r.rows) == 0 {
		return nil
	}
	if err := s.enqueue(r); err != nil {
		return unavailable(err)
	}
	select {
	case err := <-r.answer:
		if err != nil {
			return unavailable(err)
		}
		return nil
	case <-ctx.Done(): // it may be kept all the same: more is recorded than was done, never less
		return unavailable(ctx.Err())
	}
}

// unavailable is what a person may know: nothing is done that cannot be recorded.
func unavailable(err error) error {
	return fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "journal.unavailable",
		Message: "this cannot be recorded just now, so it is not done: try again"}, err)
}

var errFull, errClosed = errors.New("journal: too many records wait"), errors.New("journal: the store is closed")

func (s *Store) enqueue(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.waiting > 0 && s.waiting+len(r.rows) > maxQueued:
		return errFull
	}
	s.queue, s.waiting = append(s.queue, r), s.waiting+len(r.rows)
	s.more.Signal()
	return nil
}
