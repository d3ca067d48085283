package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
)

// Queue is portico.jobs as a Watermill subscriber; a topic is a kind. What is claimed is
// leased, and several processes share the work. A message that is not acknowledged comes
// again after its kind's pause.
type Queue struct {
	Store  *Store
	Node   string // names this process to those who inherit from it
	Kinds  []Kind // how what it subscribes to is done
	AtOnce int    // over all kinds, of which each always has one; 32 if zero
	Log    *slog.Logger

	Lease time.Duration // of a claim, renewed three times as often; 8 s if zero
	Poll  time.Duration // how often it looks for what others inserted; 250 ms if zero
	Grace time.Duration // after its context is cancelled, for a handler to return; 1 s if zero

	tally  tally
	others Kind // how what is not among Kinds is done

	once    sync.Once // starts the loop
	ended   chan struct{}
	kicked  chan struct{} // there is something to do
	mu      sync.Mutex
	subs    []*subscription
	flying  map[*delivery]struct{}
	settled []settlement // to be written
	lost    []uuid.UUID  // claims of which it is not known whether they were made
	stopped bool         // claims nothing more
	closing bool
	first   int // whose turn it is to be first to claim
}

// subscription is one topic's channel and how many of its messages are out.
type subscription struct {
	kind   Kind
	out    chan *message.Message
	ctx    context.Context
	end    context.CancelCauseFunc
	flying int
	hungry bool // there may be more in the table
	ended  bool
	work   sync.WaitGroup
}

var (
	// errStopping says that a handler is cut off because the process, or subscription, ends.
	errStopping = errors.New("jobs: stopping")
	// errFenced says that another process has the job now.
	errFenced = errors.New("jobs: another process has taken over")
)

const (
	defaultAtOnce = 4
	minPause      = 50 * time.Millisecond // bounds how fast a message can come again
)

func (q *Queue) start() {
	q.once.Do(func() {
		for d, fallback := range map[*time.Duration]time.Duration{&q.Lease: 8 * time.Second, &q.Poll: 250 * time.Millisecond, &q.Grace: time.Second} {
			if *d == 0 {
				*d = fallback
			}
		}
		if q.AtOnce == 0 {
			q.AtOnce = 32
		}
		q.ended, q.kicked, q.flying = make(chan struct{}), make(chan struct{}, 1), map[*delivery]struct{}{}
		go q.run()
	})
}

// Subscribe starts to claim jobs of a kind, until ctx ends.
func (q *Queue) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	q.start()
	s := &subscription{kind: q.others, out: make(chan *message.Message), hungry: true}
	for _, k := range q.Kinds {
		if k.Name == topic {
			s.kind = k
		}
	}
	s.kind.Name = topic
	if s.kind.AtOnce == 0 {
		s.kind.AtOnce = defaultAtOnce
	}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return nil, errors.New("jobs: the queue is closed")
	}
	q.subs = append(q.subs, s)
	context.AfterFunc(ctx, func() { q.unsubscribe(s) })
	q.kick()
	return s.out, nil
}

// unsubscribe gives back what is out, and closes the channel. It may be called again.
func (q *Queue) unsubscribe(s *subscription) {
	q.mu.Lock()
	already := s.ended
	s.ended = true
	q.mu.Unlock()
	if already {
		return
	}
	s.end(errStopping)
	s.work.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.subs {
		if q.subs[i] == s {
			q.subs = append(q.subs[:i:i], q.subs[i+1:]...)
			break
		}
	}
	close(s.out)
	q.kick()
}

// Drain claims nothing more and waits until what is out has ended, or ctx has.
func (q *Queue) Drain(ctx context.Context) {
	q.start()
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	for {
		q.mu.Lock()
		left := len(q.flying) + len(q.settled)
		q.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// Close gives back what is out: handlers have Grace to return after their context ended.
// It may be called again.
func (q *Queue) Close() error {
	q.start()
	q.mu.Lock()
	q.stopped, q.closing = true, true
	subs := q.subs
	q.mu.Unlock()
	var ending sync.WaitGroup
	for _, s := range subs {
		ending.Go(func() { q.unsubscribe(s) })
	}
	ending.Wait()
	q.kick()
	<-q.ended
	return nil
}

// kick has the loop look at once.
func (q *Queue) kick() {
	select {
	case q.kicked <- struct{}{}:
	default:
	}
}
