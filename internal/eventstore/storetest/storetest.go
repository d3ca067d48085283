// Package storetest is the contract of eventstore.Store (ENGINE §1): every adapter must
// pass Run. It knows nothing of any engine; what only one engine promises is tested
// beside that adapter.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// Run checks an adapter. Open answers an empty store each time it is called, and sees to
// its end by itself (t.Cleanup).
func Run(t *testing.T, open func(t *testing.T) eventstore.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, eventstore.Store)
	}{
		{"appends at the expected version and gives back the exact bytes", appends},
		{"a stream elsewhere is a conflict that tells the version and writes nothing", conflicts},
		{"the same ids at the same version are one append", replays},
		{"other ids, another version or a partial overlap is a conflict", overlaps},
		{"of racing appends one wins and the others get a conflict", races},
		{"an append beyond the limits is refused and writes nothing", limits},
		{"history is out of its writer's and its readers' reach", aliasing},
		{"a stream is read from a version on", readsStream},
		{"the log is read in pages, strictly after a position", readsPages},
		{"a page is bounded in bytes", readsBytes},
		{"an empty log has nothing and ends there", readsEmpty},
		{"a tailing reader misses nothing while many write", tails},
		{"what was appended can be read at once", readsOwnWrites},
		{"appends wake every waiter, who is also ticked each second", wakes},
		{"versions are told of several streams as of now", tellsVersions},
		{"streams of a category are listed", listsStreams},
		{"a context that has ended appends nothing", contexts},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func stream() eventstore.StreamName {
	return eventstore.Stream("t1", "thing", uuid.NewString())
}

// events makes n events with ids of their own.
func events(n int) (made []eventstore.Event) {
	for i := range n {
		id := uuid.New()
		made = append(made, eventstore.Event{ID: id, Type: "thing.happened",
			Data: fmt.Appendf(nil, `{"n":%d,"id":%q}`, i, id), Meta: []byte("{}")})
	}
	return made
}

func mustAppend(t *testing.T, s eventstore.Store, name eventstore.StreamName, expected int64, ev ...eventstore.Event) eventstore.Appended {
	t.Helper()
	a, err := s.Append(t.Context(), name, expected, ev...)
	if err != nil {
		t.Fatalf("append at %d: %v", expected, err)
	}
	return a
}

func wantConflict(t *testing.T, err error, name eventstore.StreamName, expected, actual int64) {
	t.Helper()
	var c *eventstore.Conflict
	if !errors.As(err, &c) || *c != (eventstore.Conflict{Stream: name, Expected: expected, Actual: actual}) {
		t.Errorf("error = %v, want a conflict of %d with %d", err, expected, actual)
	}
}

// holds checks that a stream has exactly these events.
func holds(t *testing.T, s eventstore.Store, name eventstore.StreamName, want ...eventstore.Event) {
	t.Helper()
	got, err := s.ReadStream(t.Context(), name, 0, len(want)+10)
	if err != nil {
		t.Fatal(err)
	}
	var bare []eventstore.Event
	for i, r := range got {
		if r.Version != int64(i) || r.Stream != name {
			t.Errorf("event %d is version %d of %s", i, r.Version, r.Stream)
		}
		bare = append(bare, r.Event)
	}
	if diff := cmp.Diff(want, bare); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// all reads the log to its end.
func all(ctx context.Context, t *testing.T, s eventstore.Store, after eventstore.Position, limit int) (got []eventstore.Recorded) {
	t.Helper()
	for {
		p, err := s.ReadAll(ctx, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Events) > limit {
			t.Fatalf("a page of %d, limit %d", len(p.Events), limit)
		}
		got, after = append(got, p.Events...), p.Next
		if p.End {
			return got
		}
	}
}
