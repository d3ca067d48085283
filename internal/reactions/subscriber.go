// Package reactions is where Watermill lives: handlers that follow the log and act. They
// run at least once for each event, in order for each customer, and are built so that
// the second time does nothing. Read models are not fed from here: they need batches and
// a checkpoint in their own transaction (ENGINE §5).
package reactions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/pg"
)

// Subscriber is a Watermill subscriber over the event log. A topic is a consumer's name:
// it has one checkpoint and one lease, so that of several processes one does the work.
// Events of one customer come one at a time, in order; those of different customers in
// parallel.
type Subscriber struct {
	Store eventstore.Store
	DB    pg.DB
	Node  string
	Lanes int // how many customers' events are handled at once
	// ByStream chooses lanes by stream, not by customer: then the events of each stream come
	// in order even if they become another customer's midway.
	ByStream bool
	Wanted   map[string]bool // event types to hand out; the others count as handled
	Log      *slog.Logger
	// Pause is how long an event rests that failed once, twice as long the next time, and so
	// on up to 32 times: a second if left out.
	Pause time.Duration

	pauses  time.Duration                // Pause, or a second
	wants   func(topic, typ string) bool // instead of Wanted, in the conformance suite
	stops   []context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	terms   map[string]*term // by topic, while this process owns it
}

// Subscribe starts to follow the log from the topic's checkpoint on, whenever this
// process has the topic's lease.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	ctx, stop := context.WithCancel(ctx)
	s.mu.Lock()
	s.stops = append(s.stops, stop)
	if s.terms == nil {
		s.terms = map[string]*term{}
	}
	if s.pauses == 0 {
		s.pauses = cmp.Or(s.Pause, time.Second)
	}
	s.mu.Unlock()
	out := make(chan *message.Message)
	s.running.Go(func() {
		defer close(out)
		for ctx.Err() == nil {
			t, err := s.lease(ctx, topic)
			if err == nil && t != nil {
				s.own(topic, t)
				err = s.consume(ctx, t, out)
				s.own(topic, nil)
			}
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("consumer pauses", "consumer", topic, "error", err)
			}
			pause(ctx, time.Second)
		}
	})
	return out, nil
}

// Close ends all subscriptions and waits for what is in flight. It may be called again.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	stops := s.stops
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	s.running.Wait()
	return nil
}

func (s *Subscriber) own(topic string, t *term) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t == nil {
		delete(s.terms, topic)
	} else {
		s.terms[topic] = t
	}
}

func (s *Subscriber) owned(topic string) *term {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terms[topic]
}

const (
	readEvents = 500
	saveEvery  = 200 * time.Millisecond
)

// consume reads on and hands out until the lease is lost or ctx ends.
func (s *Subscriber) consume(ctx context.Context, t *term, out chan<- *message.Message) error {
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	lanes := make([]chan eventstore.Recorded, s.Lanes)
	var workers sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan eventstore.Recorded, 16)
		workers.Go(func() { s.lane(ctx, t, lanes[i], out) })
	}
	workers.Go(func() { lost(s.keep(ctx, t)) })
	err := s.read(ctx, t, lanes)
	lost(err)
	for _, lane := range lanes {
		close(lane)
	}
	workers.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(err, s.release(end, t))
}

func (s *Subscriber) read(ctx context.Context, t *term, lanes []chan eventstore.Recorded) error {
	wake, after := s.Store.Wake(ctx), t.low()
	for {
		page, err := s.Store.ReadAll(ctx, after, readEvents)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			t.begin(e.Pos)
			if !s.wanted(t.topic, e.Type) {
				t.done(e.Pos)
				continue
			}
			select {
			case lanes[s.laneOf(e, len(lanes))] <- e:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		after = page.Next
		if !page.End {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Subscriber) wanted(topic, typ string) bool {
	if s.wants != nil {
		return s.wants(topic, typ)
	}
	return s.Wanted[typ]
}

// laneOf keeps one customer's events in one lane; events of no customer go by stream, and
// so do all if that is asked for.
func (s *Subscriber) laneOf(e eventstore.Recorded, lanes int) int {
	var meta struct {
		Route uuid.UUID `json:"route"`
	}
	h := fnv.New32a()
	if !s.ByStream && json.Unmarshal(e.Meta, &meta) == nil && meta.Route != uuid.Nil {
		h.Write(meta.Route[:])
	} else {
		h.Write([]byte(e.Stream))
	}
	return int(h.Sum32() % uint32(lanes))
}

// lane hands out one event at a time and goes on when it is acknowledged. One that is not
// comes again after a while, never at once.
func (s *Subscriber) lane(ctx context.Context, t *term, in <-chan eventstore.Recorded, out chan<- *message.Message) {
	for e := range in {
		for try := 0; ctx.Err() == nil; try++ {
			if s.deliver(ctx, e, try, out) {
				t.done(e.Pos)
				break
			}
			pause(ctx, min(s.pauses<<min(try, 5), 30*time.Second))
		}
	}
}

func (s *Subscriber) deliver(ctx context.Context, e eventstore.Recorded, try int, out chan<- *message.Message) (acknowledged bool) {
	m := toMessage(e)
	m.Metadata.Set(keyTry, strconv.Itoa(try))
	mctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.SetContext(mctx)
	select {
	case out <- m:
	case <-ctx.Done():
		return false
	}
	select {
	case <-m.Acked():
		return true
	case <-m.Nacked():
		return false
	case <-ctx.Done():
		return false
	}
}

// pause waits for d, give or take a quarter, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	d = d*3/4 + rand.N(d/2+1)
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// The metadata of a message from the log.
const (
	keyStream  = "stream"
	keyVersion = "version"
	keyPos     = "position"
	keyType    = "type"
	keyAt      = "at"
	keyMeta    = "meta"
	keyTry     = "try" // how often it was handed out before
)

func toMessage(e eventstore.Recorded) *message.Message {
	m := message.NewMessage(e.ID.String(), e.Data)
	m.Metadata = message.Metadata{
		keyStream: string(e.Stream), keyVersion: strconv.FormatInt(e.Version, 10), keyPos: e.Pos.String(),
		keyType: e.Type, keyAt: e.At.Format(time.RFC3339Nano), keyMeta: string(e.Meta),
	}
	return m
}

// fromMessage is the recorded event that a message carries.
func fromMessage(m *message.Message) (r eventstore.Recorded, err error) {
	var problems [4]error
	r.ID, problems[0] = uuid.Parse(m.UUID)
	r.Version, problems[1] = strconv.ParseInt(m.Metadata[keyVersion], 10, 64)
	r.Pos, problems[2] = eventstore.ParsePosition(m.Metadata[keyPos])
	r.At, problems[3] = time.Parse(time.RFC3339Nano, m.Metadata[keyAt])
	r.Stream, r.Type = eventstore.StreamName(m.Metadata[keyStream]), m.Metadata[keyType]
	r.Data, r.Meta = m.Payload, []byte(m.Metadata[keyMeta])
	if err := errors.Join(problems[:]...); err != nil {
		return r, fmt.Errorf("reactions: message %s is not from the log: %w", m.UUID, err)
	}
	return r, nil
}
