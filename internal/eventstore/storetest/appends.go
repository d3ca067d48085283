package storetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/internal/eventstore"
)

func appends(t *testing.T, s eventstore.Store) {
	name, ev := stream(), events(4)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	ev[0].Data, ev[0].Meta = every, bytes.Repeat([]byte("meta "), 5000)
	ev[1].Data, ev[1].Meta = []byte{}, []byte{}

	first := mustAppend(t, s, name, eventstore.NoStream, ev[0])
	rest := mustAppend(t, s, name, 0, ev[1:]...)
	if first.Version != 0 || rest.Version != 3 || first.Replayed || rest.Replayed {
		t.Errorf("appended %+v and %+v", first, rest)
	}
	if !first.Pos.Before(rest.Pos) || !(eventstore.Position{}).Before(first.Pos) {
		t.Errorf("positions %v and %v are not in order", first.Pos, rest.Pos)
	}
	holds(t, s, name, ev...)

	got, err := s.ReadStream(t.Context(), name, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if i > 0 && r.At.Before(got[i-1].At) || r.At.Location() != time.UTC || time.Since(r.At).Abs() > time.Hour {
			t.Errorf("event %d was at %v, the one before at %v", i, r.At, got[max(i-1, 0)].At)
		}
	}
	if got[0].Pos != first.Pos || got[3].Pos != rest.Pos {
		t.Errorf("answers named positions %v and %v, events are at %v and %v", first.Pos, rest.Pos, got[0].Pos, got[3].Pos)
	}

	other := stream() // nil is empty
	mustAppend(t, s, other, eventstore.NoStream, eventstore.Event{ID: ev[0].ID, Type: "x"})
	holds(t, s, other, eventstore.Event{ID: ev[0].ID, Type: "x", Data: []byte{}, Meta: []byte{}})
}

func conflicts(t *testing.T, s eventstore.Store) {
	name, ev := stream(), events(2)
	_, err := s.Append(t.Context(), name, 0, events(1)...)
	wantConflict(t, err, name, 0, eventstore.NoStream)
	mustAppend(t, s, name, eventstore.NoStream, ev...)
	for _, expected := range []int64{eventstore.NoStream, 0, 2, 1000} {
		_, err := s.Append(t.Context(), name, expected, events(3)...)
		wantConflict(t, err, name, expected, 1)
	}
	holds(t, s, name, ev...)
	if log := all(t.Context(), t, s, eventstore.Position{}, 100); len(log) != 2 {
		t.Errorf("the log has %d events", len(log))
	}
}

// replays is what a caller does whose reply was lost.
func replays(t *testing.T, s eventstore.Store) {
	name, ev := stream(), events(5)
	first := mustAppend(t, s, name, eventstore.NoStream, ev[:2]...)
	second := mustAppend(t, s, name, 1, ev[2:4]...)
	mustAppend(t, s, name, 3, ev[4])
	for _, c := range []struct {
		expected int64
		events   []eventstore.Event
		want     eventstore.Appended
	}{{eventstore.NoStream, ev[:2], first}, {1, ev[2:4], second}} {
		got := mustAppend(t, s, name, c.expected, c.events...)
		if got.Version != c.want.Version || got.Pos != c.want.Pos {
			t.Errorf("replayed as %+v, was %+v", got, c.want)
		}
	}
	// A part of what is there, from its start on, is there.
	if got := mustAppend(t, s, name, eventstore.NoStream, ev[:1]...); got.Version != 0 {
		t.Errorf("replayed as %+v", got)
	}
	holds(t, s, name, ev...)
}

func overlaps(t *testing.T, s eventstore.Store) {
	name, ev := stream(), events(4)
	mustAppend(t, s, name, eventstore.NoStream, ev[:2]...)
	mustAppend(t, s, name, 1, ev[2])
	for why, c := range map[string]struct {
		expected int64
		events   []eventstore.Event
	}{
		"longer than what is there":  {eventstore.NoStream, ev},
		"another order":              {eventstore.NoStream, []eventstore.Event{ev[1], ev[0]}},
		"another last one":           {eventstore.NoStream, []eventstore.Event{ev[0], ev[3]}},
		"another first one":          {eventstore.NoStream, []eventstore.Event{ev[3], ev[1]}},
		"the same, a version on":     {0, ev[:2]},
		"all there, and one further": {1, ev[2:4]},
	} {
		_, err := s.Append(t.Context(), name, c.expected, c.events...)
		t.Log(why)
		wantConflict(t, err, name, c.expected, 2)
	}
	holds(t, s, name, ev[:3]...)
}

func races(t *testing.T, s eventstore.Store) {
	const racers, rounds = 16, 5
	name := stream()
	var won []eventstore.Event
	for round := range int64(rounds) {
		var (
			all sync.WaitGroup
			mu  sync.Mutex
			now []eventstore.Event
		)
		for range racers {
			all.Go(func() {
				ev := events(1)
				_, err := s.Append(t.Context(), name, round-1, ev...)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					now = append(now, ev...)
					return
				}
				wantConflict(t, err, name, round-1, round)
			})
		}
		all.Wait()
		if len(now) != 1 {
			t.Fatalf("%d appends succeeded at version %d", len(now), round)
		}
		won = append(won, now...)
	}
	holds(t, s, name, won...)
}

func limits(t *testing.T, s eventstore.Store) {
	name := stream()
	big := func(data int) []eventstore.Event {
		return []eventstore.Event{{ID: uuid.New(), Type: "big", Data: make([]byte, data), Meta: []byte("{}")}}
	}
	const most = eventstore.MaxBytes - len("big") - len("{}")
	ok := events(1)[0]
	with := func(change func(*eventstore.Event)) []eventstore.Event {
		e := ok
		change(&e)
		return []eventstore.Event{e}
	}
	for why, c := range map[string]struct {
		name     eventstore.StreamName
		expected int64
		events   []eventstore.Event
		tooLarge bool
	}{
		"too many events":             {name, -1, events(eventstore.MaxEvents + 1), true},
		"too many bytes":              {name, -1, big(most + 1), true},
		"no event":                    {name, -1, nil, false},
		"no id":                       {name, -1, with(func(e *eventstore.Event) { e.ID = uuid.Nil }), false},
		"no type":                     {name, -1, with(func(e *eventstore.Event) { e.Type = "" }), false},
		"a type of the engine's":      {name, -1, with(func(e *eventstore.Event) { e.Type = "$x" }), false},
		"a type that is no text":      {name, -1, with(func(e *eventstore.Event) { e.Type = "a\x00b" }), false},
		"a type that is no UTF-8":     {name, -1, with(func(e *eventstore.Event) { e.Type = "a\xff" }), false},
		"a stream that is not a name": {"nonsense", -1, []eventstore.Event{ok}, false},
		"any version":                 {name, -2, []eventstore.Event{ok}, false},
	} {
		_, err := s.Append(t.Context(), c.name, c.expected, c.events...)
		if err == nil || errors.Is(err, eventstore.ErrTooLarge) != c.tooLarge {
			t.Errorf("%s: %v", why, err)
		}
	}
	holds(t, s, name)
	mustAppend(t, s, name, -1, big(most)...)
	mustAppend(t, s, name, 0, events(eventstore.MaxEvents)...)
}

func aliasing(t *testing.T, s eventstore.Store) {
	name, ev := stream(), events(1)
	want := eventstore.Event{ID: ev[0].ID, Type: ev[0].Type, Data: bytes.Clone(ev[0].Data), Meta: bytes.Clone(ev[0].Meta)}
	mustAppend(t, s, name, -1, ev...)
	ev[0].Data[0], ev[0].Meta[0] = 'X', 'X'
	holds(t, s, name, want)
	got, err := s.ReadStream(t.Context(), name, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	got[0].Data[0] = 'X'
	p, err := s.ReadAll(t.Context(), eventstore.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, p.Events[0].Event); diff != "" {
		t.Errorf("history was altered (-want +got):\n%s", diff)
	}
}

func contexts(t *testing.T, s eventstore.Store) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	name := stream()
	if _, err := s.Append(ended, name, -1, events(1)...); !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if _, err := s.ReadStream(ended, name, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("read stream: %v", err)
	}
	if _, err := s.ReadAll(ended, eventstore.Position{}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("read all: %v", err)
	}
	if _, err := s.Head(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("head: %v", err)
	}
	holds(t, s, name)
}
