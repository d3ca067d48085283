package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const followWriters = 16

// followed is what a reader was shown of the events that were appended while it followed the
// log: how long it took from calling append until each came, and how many never did.
type followed struct {
	lap
	appended, missed int
}

// written is an event that was acknowledged, and when its append was called.
type written struct {
	id uuid.UUID
	at time.Time
}

// follow lets clients append while a reader follows, and gives the reader time to see the rest.
func (c called) follow(ctx context.Context, o benchOptions) (followed, error) {
	following, stop := context.WithCancel(ctx)
	defer stop()
	r, err := c.reader(following, true)
	if err != nil {
		return followed{}, err
	}
	defer r.close()
	s := &sightings{seen: map[uuid.UUID]time.Time{}}
	var reading sync.WaitGroup
	reading.Go(func() { s.watch(following, r) })
	wrote := make([][]written, followWriters)
	_, err = o.timed(ctx, followWriters, c.appending(func(client int, w written) { wrote[client] = append(wrote[client], w) }))
	if err != nil {
		return followed{}, err
	}
	all := slices.Concat(wrote...)
	s.settle(ctx, len(all))
	stop()
	reading.Wait()
	if s.failed != nil {
		return followed{}, s.failed
	}
	return s.compare(all), ctx.Err()
}

// sightings is what a reader has seen so far.
type sightings struct {
	mu     sync.Mutex
	seen   map[uuid.UUID]time.Time
	last   time.Time // when something new came
	failed error
}

func (s *sightings) watch(ctx context.Context, r reader) {
	for {
		ids, err := r.next(ctx)
		now := time.Now()
		s.mu.Lock()
		for _, id := range ids {
			if _, again := s.seen[id]; !again {
				s.seen[id], s.last = now, now
			}
		}
		if err != nil && ctx.Err() == nil {
			s.failed = err
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// settle waits until everything was seen, or nothing new has come for long.
func (s *sightings) settle(ctx context.Context, want int) {
	began := time.Now()
	for ctx.Err() == nil {
		s.mu.Lock()
		done := len(s.seen) >= want || s.failed != nil || time.Since(s.last) > patience && time.Since(began) > patience
		s.mu.Unlock()
		if done {
			return
		}
		time.Sleep(peerPoll)
	}
}

func (s *sightings) compare(all []written) followed {
	f := followed{appended: len(all)}
	var took []float64
	for _, w := range all {
		at, ok := s.seen[w.id]
		if !ok {
			f.missed++
			continue
		}
		took = append(took, milliseconds(at.Sub(w.at)))
	}
	f.lap = lapOf(0, took)
	return f
}

// follows measures the delay of each store's reader, and counts what it was not shown; then
// again while somebody else keeps a write transaction open, 2 s at a time, in another database.
func (b *peersBench) follows(ctx context.Context) (results []result, err error) {
	stores := b.offering(func(p *peer) bool { return p.follow != nil })
	for _, c := range []struct {
		name   string
		beside func(func() (lap, error)) (lap, error)
	}{
		{"follow", func(measure func() (lap, error)) (lap, error) { return measure() }},
		{"follow, foreign write", func(measure func() (lap, error)) (lap, error) { return besideForeign(ctx, b.foreign, measure) }},
	} {
		appended, missed := make([]int, len(stores)), make([]int, len(stores))
		var turns []func() (lap, error)
		for i, p := range stores {
			turns = append(turns, func() (lap, error) {
				return c.beside(func() (lap, error) {
					f, err := p.follow(ctx, b.benchOptions)
					if err != nil {
						return lap{}, fmt.Errorf("%s: %w", p.name, err)
					}
					appended[i], missed[i] = appended[i]+f.appended, missed[i]+f.missed
					return f.lap, nil
				})
			})
		}
		all, err := b.laps(turns...)
		if err != nil {
			return nil, err
		}
		if missed[0] > 0 {
			return nil, fmt.Errorf("our own reader missed %d of %d events", missed[0], appended[0])
		}
		results = append(results, rows(result{Name: c.name + " p50", Clients: followWriters, Unit: "ms"}, stores, all, p50Of)...)
		results = append(results, rows(result{Name: c.name + " p99", Clients: followWriters, Unit: "ms"}, stores, all, p99Of)...)
		for i, p := range stores[1:] {
			results = append(results, result{Name: c.name + " missed", Variant: p.variant(), Clients: followWriters,
				Floor: float64(missed[i+1]), Unit: fmt.Sprintf("of %d", appended[i+1])})
		}
	}
	return results, nil
}
