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

// followed is what a reader was shown of the events that it should be: how long it took from
// calling append until each came, and how many never did.
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
	s.settle(ctx, all)
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

// settle waits until everything was seen, or nothing new has come for long. What was there
// before may be among what is seen, and counts for nothing.
func (s *sightings) settle(ctx context.Context, all []written) {
	for began := time.Now(); ctx.Err() == nil; time.Sleep(peerPoll) {
		s.mu.Lock()
		for len(all) > 0 && !s.seen[all[0].id].IsZero() {
			all = all[1:]
		}
		done := len(all) == 0 || s.failed != nil || time.Since(s.last) > patience && time.Since(began) > patience
		s.mu.Unlock()
		if done {
			return
		}
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

// shown lets each store's reader read in turn. It answers their laps, and rows of what the
// readers were not shown in all rounds. That ours misses an event is an error.
func (b *peersBench) shown(name string, clients int, stores []*peer, read func(*peer) (followed, error)) (all [][]lap, missed []result, err error) {
	sums := make([]followed, len(stores))
	var turns []func() (lap, error)
	for i, p := range stores {
		turns = append(turns, func() (lap, error) {
			f, err := read(p)
			if err == nil && f.missed == f.appended {
				err = fmt.Errorf("its reader was shown none of %d events", f.appended)
			}
			if err == nil && i == 0 && f.missed > 0 {
				err = fmt.Errorf("its reader was not shown %d of %d events", f.missed, f.appended)
			}
			if err != nil {
				return lap{}, fmt.Errorf("%s: %w", p.name, err)
			}
			sums[i].appended, sums[i].missed = sums[i].appended+f.appended, sums[i].missed+f.missed
			return f.lap, nil
		})
	}
	all, err = b.laps(turns...)
	for i, p := range stores[1:] {
		missed = append(missed, result{Name: name + " missed", Variant: p.variant(), Clients: clients,
			Floor: float64(sums[i+1].missed), Unit: fmt.Sprintf("of %d", sums[i+1].appended)})
	}
	return all, missed, err
}

// follows measures the delay of each store's reader, and counts what it was not shown; then
// again while somebody else keeps a write transaction open, 2 s at a time, in another database.
func (b *peersBench) follows(ctx context.Context) (results []result, err error) {
	stores := b.offering(func(p *peer) bool { return p.follow != nil })
	for _, c := range []struct {
		name string
		read func(*peer) (followed, error)
	}{
		{"follow", func(p *peer) (followed, error) { return p.follow(ctx, b.benchOptions) }},
		{"follow, foreign write", func(p *peer) (f followed, err error) {
			f.lap, err = besideForeign(ctx, b.foreign, func() (lap, error) {
				f, err = p.follow(ctx, b.benchOptions)
				return f.lap, err
			})
			return f, err
		}},
	} {
		all, missed, err := b.shown(c.name, followWriters, stores, c.read)
		if err != nil {
			return nil, err
		}
		results = append(results, rows(result{Name: c.name + " p50", Clients: followWriters, Unit: "ms"}, stores, all, p50Of)...)
		results = append(results, rows(result{Name: c.name + " p99", Clients: followWriters, Unit: "ms"}, stores, all, p99Of)...)
		results = append(results, missed...)
	}
	return results, nil
}

// reads measures how fast each store's reader reads the log from its start.
func (b *peersBench) reads(ctx context.Context) ([]result, error) {
	stores := b.offering(func(p *peer) bool { return p.read != nil })
	all, missed, err := b.shown("read all", 1, stores, func(p *peer) (followed, error) { return p.read(ctx, b.streams*eventsPerStream) })
	if err != nil {
		return nil, err
	}
	return append(rows(result{Name: "read all", Clients: 1, Unit: "events/s"}, stores, all, rateOf), missed...), nil
}
