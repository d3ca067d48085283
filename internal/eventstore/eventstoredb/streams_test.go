package eventstoredb_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
	"portico/internal/pgtest"
)

// What was found once is found again without the log, by a store that begins anew, and what has
// come since is found too.
func TestStreamsAreListedOnce(t *testing.T) {
	t.Parallel()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	shelf := eventstoredb.Listed{DB: pgtest.Pool(t)}
	openListed := func() *eventstoredb.Store {
		s, err := eventstoredb.Open(n.URL(), shelf)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	first := openListed()
	var want []eventstore.StreamName
	add := func(s eventstore.Store, tenant string) {
		name := eventstore.Stream(tenant, "place", uuid.NewString())
		if _, err := s.Append(t.Context(), name, eventstore.NoStream, eventstore.Event{ID: uuid.New(), Type: "x", Data: []byte("{}"), Meta: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
		slices.Sort(want)
	}
	listed := func(s eventstore.Store) {
		t.Helper()
		if got, err := s.Streams(t.Context(), "", "place"); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	for range 20 {
		add(first, "t1")
	}
	listed(first)
	second := openListed()
	n.Write("foreign", 50)
	add(first, "t2")
	listed(second)
	listed(first)

	// Somebody who looked earlier and says so later takes nothing back.
	found, until, err := shelf.Take(t.Context(), "place")
	if err != nil || len(found) != 21 {
		t.Fatalf("%d on the shelf, %v", len(found), err)
	}
	if err := shelf.Put(t.Context(), "place", found[:1], eventstore.Position{Hi: 1}); err != nil {
		t.Fatal(err)
	}
	if again, still, err := shelf.Take(t.Context(), "place"); err != nil || still != until || len(again) != 21 {
		t.Errorf("%d names until %v, %v; want %v", len(again), still, err, until)
	}
	if some, err := second.Streams(t.Context(), "t2", "place"); err != nil || len(some) != 1 {
		t.Errorf("of one tenant: %v, %v", some, err)
	}
}
