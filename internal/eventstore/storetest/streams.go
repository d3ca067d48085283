package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

func tellsVersions(t *testing.T, s eventstore.Store) {
	one, two, none := stream(), stream(), stream()
	mustAppend(t, s, one, -1, events(3)...)
	mustAppend(t, s, two, -1, events(1)...)
	got, err := s.Versions(t.Context(), two, none, one, two)
	if err != nil || !slices.Equal(got, []int64{0, -1, 2, 0}) {
		t.Errorf("versions %v, %v", got, err)
	}
	if got, err := s.Versions(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("of no stream: %v, %v", got, err)
	}
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			name := stream()
			for i := range int64(25) {
				if _, err := s.Append(t.Context(), name, i-1, events(1)...); err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Versions(t.Context(), one, name); err != nil || !slices.Equal(got, []int64{2, i}) {
					t.Errorf("versions %v, %v after %d was appended", got, err, i)
				}
			}
		})
	}
	done.Wait()
}

func listsStreams(t *testing.T, s eventstore.Store) {
	if got, err := s.Streams(t.Context(), "", "place"); err != nil || len(got) != 0 {
		t.Fatalf("an empty log has %v, %v", got, err)
	}
	name := func(tenant, category string) eventstore.StreamName {
		n := eventstore.Stream(tenant, category, uuid.NewString())
		mustAppend(t, s, n, -1, events(2)...)
		return n
	}
	first := []eventstore.StreamName{name("t1", "place"), name("t1", "place")}
	other := name("t12", "place") // not to be taken for the first one's
	name("t1", "places")
	name("t1", "plac")
	name("t2", "thing")
	want := func(tenant string, want ...eventstore.StreamName) {
		t.Helper()
		slices.Sort(want)
		got, err := s.Streams(t.Context(), tenant, "place")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("of %q: %v, %v, want %v", tenant, got, err, want)
		}
	}
	want("t1", first...)
	want("t12", other)
	want("", append(first, other)...)
	want("t2")
	late := name("t2", "place")
	mustAppend(t, s, first[0], 1, events(1)...)
	want("t2", late)
	want("t1", first...)
}
