package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// peerStream names a stream as a store likes it: some want to know whose it is.
type peerStream struct {
	client int
	id     string
}

// filledStream is the n-th stream that fill writes.
func filledStream(n int) peerStream { return peerStream{n % fillClients, fmt.Sprintf("fill-%d", n)} }

// called is a store that is called from Go.
type called struct {
	name, note string
	write      func(ctx context.Context, s peerStream, version int64, id uuid.UUID) error
	load       func(ctx context.Context, s peerStream) (int, error)
	reader     func(ctx context.Context, end bool) (reader, error) // from the log's start, or from its end
	stored     func(ctx context.Context) (int64, error)
	close      func()
}

// reader follows a log.
type reader struct {
	// next waits for events, and answers the ids of those that follow.
	next  func(ctx context.Context) ([]uuid.UUID, error)
	close func()
}

func (c called) peer() *peer {
	p := &peer{name: c.name, note: c.note, fill: c.fill, appends: c.appends, stored: c.stored, close: c.close}
	if c.load != nil {
		p.loads = c.loads
	}
	if c.reader != nil {
		p.read, p.follow = c.read, c.follow
	}
	return p
}

// fill lets clients take turns over their streams, so that a stream's events are scattered.
func (c called) fill(ctx context.Context, streams int) error {
	failed := make([]error, fillClients)
	var filling sync.WaitGroup
	for client := range fillClients {
		filling.Go(func() {
			for n := range int64(eventsPerStream) {
				for s := client; s < streams && failed[client] == nil; s += fillClients {
					failed[client] = c.write(ctx, filledStream(s), n, uuid.New())
				}
			}
		})
	}
	filling.Wait()
	return errors.Join(failed...)
}

func (c called) appends(ctx context.Context, o benchOptions, clients int) (lap, int64, error) {
	var acknowledged atomic.Int64
	l, err := o.timed(ctx, clients, c.appending(func(int, written) { acknowledged.Add(1) }))
	return l, acknowledged.Load(), err
}

// appending appends to streams of its own, each event at its expected version.
func (c called) appending(acknowledged func(client int, w written)) work {
	run := uuid.New()
	return func(ctx context.Context, client, n int) error {
		w := written{uuid.New(), time.Now()}
		err := c.write(ctx, peerStream{client, fmt.Sprintf("%s-%d-%d", run, client, n/eventsPerStream)}, int64(n%eventsPerStream), w.id)
		if err == nil {
			acknowledged(client, w)
		}
		return err
	}
}

func (c called) loads(ctx context.Context, o benchOptions, clients, streams int) (lap, error) {
	return o.timed(ctx, clients, func(ctx context.Context, _, _ int) error {
		n, err := c.load(ctx, filledStream(rand.IntN(streams)))
		if err == nil && n != eventsPerStream {
			err = fmt.Errorf("%s: %d events instead of %d", c.name, n, eventsPerStream)
		}
		return err
	})
}

// patience is how long a reader may see nothing new before what it lacks is taken for lost.
const patience = 5 * time.Second

// read reads the whole log, page by page.
func (c called) read(ctx context.Context, events int) (followed, error) {
	r, err := c.reader(ctx, false)
	if err != nil {
		return followed{}, err
	}
	defer r.close()
	began, seen := time.Now(), 0
	for seen < events {
		waiting, cancel := context.WithTimeout(ctx, patience)
		ids, err := r.next(waiting)
		cancel()
		if err != nil {
			return followed{}, fmt.Errorf("%s: after %d of %d events: %w", c.name, seen, events, err)
		}
		seen += len(ids)
	}
	return followed{lap{rate: float64(seen) / time.Since(began).Seconds()}, seen, 0}, nil
}

// polling is a reader that asks again after a while when it has seen all.
func polling(page func(ctx context.Context) ([]uuid.UUID, error)) reader {
	return reader{close: func() {}, next: func(ctx context.Context) ([]uuid.UUID, error) {
		for {
			ids, err := page(ctx)
			if err != nil || len(ids) > 0 {
				return ids, err
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(peerPoll):
			}
		}
	}}
}

// peerPoll is how often a reader looks that is not told.
const peerPoll = 10 * time.Millisecond
