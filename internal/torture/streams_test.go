//go:build linux

package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/invariant"
	"portico/internal/pg"
)

// streams is the part of a store that is about one stream.
type streams interface {
	Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error)
	ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error)
}

// touch is an operation on a stream: an append of one event, or a read of all if there is none.
type touch struct {
	stream   eventstore.StreamName
	expected int64
	event    uuid.UUID
}

// result is what it was told. Events are their ids, one after the other.
type result struct {
	version                    int64 // of the event appended, or of the stream if that is elsewhere
	events                     string
	conflict, unknown, written bool
}

// streamModel is a stream: the ids of its events, in order. An append succeeds just when the
// stream is at the version that it expects, or has that very event there already.
var streamModel = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		at := map[eventstore.StreamName]int{}
		for _, o := range all {
			stream := o.Input.(touch).stream
			if _, ok := at[stream]; !ok {
				at[stream] = len(parts)
				parts = append(parts, nil)
			}
			parts[at[stream]] = append(parts[at[stream]], o)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		events, ask, told := state.(string), input.(touch), output.(result)
		version, id := int64(len(events)/16-1), string(ask.event[:])
		fits := version == ask.expected
		there := version > ask.expected && events[(ask.expected+1)*16:][:16] == id
		switch {
		case ask.event == uuid.Nil:
			return told.events == events, events
		case told.conflict:
			return !fits && !there && told.version == version, events
		case told.written && told.version != ask.expected+1:
			return false, events
		case fits:
			return true, events + id
		}
		return there || told.unknown, events
	},
	DescribeState: func(state any) string { return fmt.Sprintf("version %d", len(state.(string))/16-1) },
	DescribeOperation: func(input, output any) string {
		ask, told := input.(touch), output.(result)
		switch {
		case ask.event == uuid.Nil:
			return fmt.Sprintf("read: version %d", len(told.events)/16-1)
		case told.unknown:
			return fmt.Sprintf("append %.4s at %d: unknown", ask.event, ask.expected)
		case told.conflict:
			return fmt.Sprintf("append %.4s at %d: is at %d", ask.event, ask.expected, told.version)
		}
		return fmt.Sprintf("append %.4s at %d: done", ask.event, ask.expected)
	},
}

// shops are stores on one log, each by way of a proxy of its own.
type shops struct {
	t       *testing.T
	w       *world
	proxies []*proxy
	stores  []streams
}

func newShops(t *testing.T) *shops {
	t.Helper()
	s := &shops{t: t, w: newWorld(t, newCluster(t))}
	for range 3 {
		p := newProxy(t, s.w.pg)
		pool, err := pg.Open(t.Context(), tcpURL(p.Listen), pg.Options{Role: pg.AppendRole, MaxConns: 8})
		must(t, err)
		t.Cleanup(pool.Close)
		store := eventstore.OpenPostgres(pool)
		t.Cleanup(store.Close)
		s.proxies, s.stores = append(s.proxies, p), append(s.stores, store)
	}
	return s
}

// trade has clients append to and read a few streams at a time, each now by this store and
// now by that, while connections are spoilt.
func (s *shops) trade(d time.Duration, stores []streams) *history {
	h := newHistory(streamModel)
	ctx, stop := context.WithTimeout(s.t.Context(), d)
	defer stop()
	var working sync.WaitGroup
	places := make(chan struct{}, len(s.proxies))
	for n, p := range s.proxies {
		working.Go(func() { p.trouble(ctx, rand.New(rand.NewPCG(seed(), uint64(n))), 300*time.Millisecond, places) })
	}
	names := make([]eventstore.StreamName, 400)
	for i := range names {
		names[i] = eventstore.Stream("main", "torture", uuid.NewString())
	}
	for n := range 6 {
		working.Go(func() {
			c := client{history: h, id: n, r: rand.New(rand.NewPCG(seed(), uint64(100+n))), stores: stores, known: map[eventstore.StreamName]int64{}}
			for i := 0; ctx.Err() == nil; i++ {
				c.touch(names[(i/40*4+c.r.IntN(4))%len(names)])
			}
		})
	}
	working.Wait()
	return h
}

// client is one of those who append and read.
type client struct {
	*history
	id     int
	r      *rand.Rand
	stores []streams
	known  map[eventstore.StreamName]int64 // versions, as last heard of
}

func (c *client) touch(stream eventstore.StreamName) {
	if _, ok := c.known[stream]; !ok || c.r.IntN(4) == 0 {
		c.read(stream)
		return
	}
	for event := uuid.New(); !c.append(stream, event) && c.r.IntN(2) == 0; { // the same again, or never mind
	}
}

// patience is how long a client waits for a store.
const patience = 500 * time.Millisecond

func (c *client) read(stream eventstore.StreamName) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call := c.now()
	found, err := c.stores[c.r.IntN(len(c.stores))].ReadStream(ctx, stream, 0, 1000)
	if err != nil {
		return // it has told nothing
	}
	var told result
	for _, e := range found {
		told.events += string(e.ID[:])
	}
	c.add(c.id, touch{stream: stream}, told, call)
	c.known[stream] = int64(len(found)) - 1
}

// append tells whether the outcome is known.
func (c *client) append(stream eventstore.StreamName, event uuid.UUID) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ask := touch{stream, c.known[stream], event}
	call := c.now()
	done, err := c.stores[c.r.IntN(len(c.stores))].Append(ctx, stream, ask.expected,
		eventstore.Event{ID: event, Type: "torture.touched", Data: []byte("{}"), Meta: []byte("{}")})
	var conflict *eventstore.Conflict
	switch {
	case err == nil:
		c.add(c.id, ask, result{written: true, version: done.Version}, call)
		c.known[stream] = done.Version
	case errors.As(err, &conflict):
		c.add(c.id, ask, result{conflict: true, version: conflict.Actual}, call)
		c.known[stream] = conflict.Actual
	case errors.Is(err, eventstore.ErrUnknownOutcome):
		c.leave(c.id, ask, result{unknown: true}, call)
		return false
	} // else nothing was written, and it is as if it had not been asked for
	return true
}

func TestStreamsAreLinearizableWhileConnectionsAreCut(t *testing.T) {
	fault(t)
	random(t)
	s := newShops(t)
	rounds(t, func(int) {
		h := s.trade(6*time.Second, s.stores)
		if h.linearizable(t); h.open == 0 {
			t.Error("no outcome was unknown: this proves nothing")
		}
	})
	pool, err := pgxpool.New(t.Context(), s.w.pg.url())
	must(t, err)
	defer pool.Close()
	found, err := invariant.Log(t.Context(), pool, nil)
	if must(t, err); len(found) > 0 {
		t.Errorf("the log: %v", found)
	}
}

// The controls: stores that are wrong now and then.
func TestControlStoresThatAreNotLinearizableAreFound(t *testing.T) {
	fault(t)
	s := newShops(t)
	for name, mistake := range map[string]func(streams) streams{
		"success instead of a conflict": func(right streams) streams { return agreeable{right} },
		"reads that are old": func(right streams) streams {
			return &old{streams: right, kept: map[eventstore.StreamName][]eventstore.Recorded{}}
		},
		"nothing written, for all it knows": func(right streams) streams { return sure{right} },
	} {
		t.Run(name, func(t *testing.T) {
			stores := slices.Clone(s.stores)
			for i := range stores {
				stores[i] = mistake(stores[i])
			}
			for range 10 { // on a slow machine little happens in a round
				if result, _ := s.trade(2*time.Second, stores).judge(t); result == porcupine.Illegal {
					return
				}
			}
			t.Error("the control was not found")
		})
	}
}

// agreeable says yes to whoever is in conflict.
type agreeable struct{ streams }

func (a agreeable) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	done, err := a.streams.Append(ctx, stream, expected, events...)
	var conflict *eventstore.Conflict
	if errors.As(err, &conflict) {
		return eventstore.Appended{Version: expected + int64(len(events))}, nil
	}
	return done, err
}

// old reads a stream every third time, and remembers it meanwhile.
type old struct {
	streams
	mu    sync.Mutex
	reads int
	kept  map[eventstore.StreamName][]eventstore.Recorded
}

func (o *old) ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads++
	if kept, ok := o.kept[stream]; ok && o.reads%3 != 0 {
		return kept, nil
	}
	found, err := o.streams.ReadStream(ctx, stream, from, limit)
	if err == nil {
		o.kept[stream] = found
	}
	return found, err
}

// sure says that nothing was written when it does not know.
type sure struct{ streams }

func (s sure) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	done, err := s.streams.Append(ctx, stream, expected, events...)
	if errors.Is(err, eventstore.ErrUnknownOutcome) {
		err = fmt.Errorf("%w: %v", eventstore.ErrUnavailable, err)
	}
	return done, err
}
