package storetest

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

func readsStream(t *testing.T, s eventstore.Store) {
	name := stream()
	mustAppend(t, s, name, -1, events(10)...)
	mustAppend(t, s, stream(), -1, events(10)...)
	for _, c := range []struct {
		from            int64
		limit           int
		first, wantSize int
	}{{0, 100, 0, 10}, {0, 4, 0, 4}, {4, 4, 4, 4}, {8, 4, 8, 2}, {10, 4, 0, 0}, {math.MaxInt64, 4, 0, 0}, {-5, 3, 0, 3}, {0, 0, 0, 0}} {
		got, err := s.ReadStream(t.Context(), name, c.from, c.limit)
		if err != nil || len(got) != c.wantSize || len(got) > 0 && got[0].Version != int64(c.first) {
			t.Errorf("from %d, at most %d: %d events, %v", c.from, c.limit, len(got), err)
		}
	}
	if got, err := s.ReadStream(t.Context(), stream(), 0, 10); err != nil || len(got) != 0 {
		t.Errorf("a missing stream is %v, %v", got, err)
	}
}

func readsPages(t *testing.T, s eventstore.Store) {
	var last eventstore.Appended
	for range 5 {
		name := stream()
		mustAppend(t, s, name, -1, events(2)...)
		last = mustAppend(t, s, name, 1, events(1)...)
	}
	head, err := s.Head(t.Context())
	if err != nil || head != last.Pos {
		t.Errorf("head is %v, %v; the last append was at %v", head, err, last.Pos)
	}
	whole := all(t.Context(), t, s, eventstore.Position{}, 1000)
	if len(whole) != 15 {
		t.Fatalf("%d events", len(whole))
	}
	for _, limit := range []int{1, 4, 5, 15} {
		for from, e := range whole {
			rest := all(t.Context(), t, s, e.Pos, limit)
			if len(rest) != 14-from || len(rest) > 0 && rest[0].ID != whole[from+1].ID {
				t.Errorf("after %v in pages of %d: %d events", e.Pos, limit, len(rest))
			}
		}
	}
	p, err := s.ReadAll(t.Context(), head, 10)
	if err != nil || len(p.Events) != 0 || p.Next != head || !p.End {
		t.Errorf("after the head: %+v, %v", p, err)
	}
	if p, err := s.ReadAll(t.Context(), whole[0].Pos, 3); err != nil || p.End || p.Next != whole[3].Pos {
		t.Errorf("a page in the middle: %v %v, %v", p.Next, p.End, err)
	}
	for _, far := range []uint64{math.MaxInt64, math.MaxUint64} {
		if p, err := s.ReadAll(t.Context(), eventstore.Position{Hi: far}, 3); err != nil || len(p.Events) != 0 || !p.End {
			t.Errorf("far beyond the head: %d events, %v", len(p.Events), err)
		}
	}
	if _, err := s.ReadAll(t.Context(), head, 0); err == nil {
		t.Error("a page of nothing would never end")
	}
}

func readsBytes(t *testing.T, s eventstore.Store) {
	const n, size = 26, 700 << 10
	name := stream()
	for i := range int64(n) {
		mustAppend(t, s, name, i-1, eventstore.Event{ID: uuid.New(), Type: "big", Data: make([]byte, size)})
	}
	var after eventstore.Position
	seen := int64(0)
	for pages := 0; ; pages++ {
		p, err := s.ReadAll(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if bytes := len(p.Events) * size; bytes > eventstore.PageBytes || !p.End && bytes < eventstore.PageBytes/2 {
			t.Fatalf("a page of %d bytes", bytes)
		}
		for _, e := range p.Events {
			if e.Version != seen {
				t.Fatalf("version %d, want %d", e.Version, seen)
			}
			seen++
		}
		if after = p.Next; p.End {
			break
		}
	}
	if seen != n {
		t.Errorf("%d events, want %d", seen, n)
	}
}

func readsEmpty(t *testing.T, s eventstore.Store) {
	p, err := s.ReadAll(t.Context(), eventstore.Position{}, 10)
	if err != nil || len(p.Events) != 0 || !p.End || p.Next != (eventstore.Position{}) {
		t.Errorf("%+v, %v", p, err)
	}
	if head, err := s.Head(t.Context()); err != nil || head != (eventstore.Position{}) {
		t.Errorf("head %v, %v", head, err)
	}
}

// tails follows the log while 8 writers append to streams of their own and to a shared
// one: it must see every event once, in an order that agrees with every stream's.
func tails(t *testing.T, s eventstore.Store) {
	const writers, appends = 8, 40
	var (
		done   sync.WaitGroup
		mu     sync.Mutex
		want   = map[uuid.UUID]bool{}
		shared = stream()
	)
	wrote := func(ev []eventstore.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range ev {
			want[e.ID] = true
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range writers {
		done.Go(func() {
			name, version := stream(), eventstore.NoStream
			for range appends {
				ev := events(1 + rand.IntN(3))
				a, err := s.Append(ctx, name, version, ev...)
				if err != nil {
					t.Error(err)
					return
				}
				version = a.Version
				wrote(ev)
				one := events(1)
				if at, err := s.ReadStream(ctx, shared, 0, 1000); err == nil {
					if _, err := s.Append(ctx, shared, int64(len(at))-1, one...); err == nil {
						wrote(one)
					}
				}
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
		})
	}
	finished := make(chan struct{})
	go func() { done.Wait(); close(finished) }()

	seen := follow(ctx, t, s, finished)
	if len(seen) != len(want) {
		t.Errorf("saw %d events of %d", len(seen), len(want))
	}
	for id := range want {
		if !seen[id] {
			t.Fatalf("never saw %s", id)
		}
	}
}

// follow tails the log until it has ended after the writers have.
func follow(ctx context.Context, t *testing.T, s eventstore.Store, finished <-chan struct{}) map[uuid.UUID]bool {
	t.Helper()
	seen, versions := map[uuid.UUID]bool{}, map[eventstore.StreamName]int64{}
	var last eventstore.Recorded
	wake := s.Wake(ctx)
	for last := &last; ; {
		over := false
		select {
		case <-finished:
			over = true
		default:
		}
		p, err := s.ReadAll(ctx, last.Pos, 1+rand.IntN(50))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if seen[e.ID] || !last.Pos.Before(e.Pos) || e.At.Before(last.At) {
				t.Fatalf("%s at %v of %v comes after %v of %v, seen before: %v", e.ID, e.Pos, e.At, last.Pos, last.At, seen[e.ID])
			}
			if e.Version != versions[e.Stream] {
				t.Fatalf("%s: version %d follows %d events", e.Stream, e.Version, versions[e.Stream])
			}
			seen[e.ID] = true
			versions[e.Stream]++
			*last = e
		}
		if p.End && over {
			return seen
		}
		if p.End {
			select {
			case <-wake:
			case <-finished:
			}
		}
	}
}

func readsOwnWrites(t *testing.T, s eventstore.Store) {
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			name := stream()
			for i := range int64(25) {
				before, err := s.Head(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				ev := events(1)
				a, err := s.Append(t.Context(), name, i-1, ev...)
				if err != nil {
					t.Error(err)
					return
				}
				found := false
				for _, e := range all(t.Context(), t, s, before, 100) {
					found = found || e.ID == ev[0].ID && e.Pos == a.Pos
				}
				if !found {
					t.Errorf("appended at %v, not read after %v", a.Pos, before)
				}
			}
		})
	}
	done.Wait()
}

func wakes(t *testing.T, s eventstore.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiters := []<-chan struct{}{s.Wake(ctx), s.Wake(ctx), s.Wake(ctx)}
	within := func(d time.Duration, why string) {
		t.Helper()
		for i, w := range waiters {
			select {
			case <-w:
			case <-time.After(d):
				t.Errorf("waiter %d: no tick in %v %s", i, d, why)
			}
		}
	}
	for i := range int64(3) {
		if i > 0 { // the first append may also make room; the others must be told at once
			time.Sleep(10 * time.Millisecond)
		}
		name := stream()
		mustAppend(t, s, name, -1, events(1)...)
		within(800*time.Millisecond, "after an append")
	}
	within(2*time.Second, "of silence")
	within(2*time.Second, "of silence")
	cancel()
	for i, w := range waiters {
		open := true
		for end := time.After(time.Second); open; {
			select {
			case _, open = <-w:
			case <-end:
				t.Fatalf("waiter %d: still open after its context has ended", i)
			}
		}
	}
}
