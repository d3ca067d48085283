package archive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/archive"
	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
	"portico/internal/invariant"
)

// engine is an EventStoreDB with events of others in it.
func engine(t *testing.T) *eventstoredb.Store {
	t.Helper()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	n.Write("$stats-0", 30)
	s, err := eventstoredb.Open(n.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// fill appends n events, some of them together, to streams that take turns.
func fill(t *testing.T, s eventstore.Store, n int) {
	t.Helper()
	for i := 0; i < n; {
		stream := eventstore.Stream("main", "test", fmt.Sprint(i%13))
		at, err := s.Versions(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		var events []eventstore.Event
		for range 1 + i%3 {
			events = append(events, eventstore.Event{ID: uuid.New(), Type: "test.done", Data: []byte(bodies[i%len(bodies)]), Meta: fmt.Appendf(nil, `{"tenant":"main","n":%d}`, i)})
			i++
		}
		if _, err := s.Append(t.Context(), stream, at[0], events...); err != nil {
			t.Fatal(err)
		}
	}
}

func whole(t *testing.T, s eventstore.Store) []eventstore.Recorded {
	t.Helper()
	return db{Log: &archive.Log{Store: s}}.all(t)
}

// failing is a target that is cut off after so many events.
type failing struct {
	archive.Target
	left int
}

var errCut = errors.New("cut off")

func (f *failing) Write(ctx context.Context, events []eventstore.Recorded) error {
	n := min(f.left, len(events))
	if err := f.Target.Write(ctx, events[:n]); err != nil {
		return err
	}
	if f.left -= n; n < len(events) {
		return errCut
	}
	return nil
}

func copied(t *testing.T, from eventstore.Store, to archive.Target, want uint64) {
	t.Helper()
	written, err := archive.Copy(t.Context(), from, to, nil)
	if err != nil || written != want {
		t.Fatalf("%d events copied, %v; want %d", written, err, want)
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// A copy has the same events under the same ids, at the same versions, with the same times and in
// the same order, and the copy of a copy is the original.
func TestALogIsCopiedToEventStoreDBAndBack(t *testing.T) {
	t.Parallel()
	d, there := newDB(t), engine(t)
	fill(t, d.Store, 400)
	at := d.all(t)
	cut := &failing{there, 150}
	if _, err := archive.Copy(t.Context(), d.Store, cut, nil); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if _, _, err := archive.Same(t.Context(), d.Store, there, nil, nil); err == nil {
		t.Error("half a copy is said to be whole")
	} else {
		refused(t, err, "log.copy_unfinished")
	}
	time.Sleep(5 * time.Millisecond) // the engine's own times come to be others
	copied(t, d.Store, there, uint64(len(at)-150))
	copied(t, d.Store, there, 0)
	fill(t, d.Store, 30)
	original := d.all(t)
	copied(t, d.Store, there, uint64(len(original)-len(at)))

	onlyPlace := cmpopts.IgnoreFields(eventstore.Recorded{}, "Pos")
	elsewhere := whole(t, there)
	if diff := cmp.Diff(original, elsewhere, onlyPlace); diff != "" {
		t.Fatalf("the copy differs: %s", diff)
	}
	asked := []eventstore.Position{{}, original[0].Pos, original[17].Pos, original[len(original)-1].Pos}
	events, moved, err := archive.Same(t.Context(), d.Store, there, asked, nil)
	want := map[eventstore.Position]eventstore.Position{{}: {}, asked[1]: elsewhere[0].Pos, asked[2]: elsewhere[17].Pos, asked[3]: elsewhere[len(original)-1].Pos}
	if err != nil || events != uint64(len(original)) || !cmp.Equal(moved, want) {
		t.Errorf("%d compared, %v; moved %v, want %v", events, err, moved, want)
	}

	owner, super := fresh(t)
	back, err := archive.OpenPostgres(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(back.Close)
	if _, err := archive.Copy(t.Context(), there, &failing{back, 200}, nil); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	copied(t, there, back, uint64(len(original)-200))
	if diff := cmp.Diff(original, whole(t, back)); diff != "" { // positions too
		t.Errorf("the copy of the copy differs: %s", diff)
	}
	b := open(t, owner, super)
	for _, query := range same[:2] {
		if diff := cmp.Diff(texts(t, d.DB, query), texts(t, b.DB, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if found, err := invariant.Log(t.Context(), b.DB, nil); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	fill(t, back, 10) // it can be gone on with
	if found, _, err := invariant.Order(t.Context(), back, nil); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// touched is a log in which one event reads otherwise.
type touched struct {
	eventstore.Store
	no    int
	touch func(*eventstore.Recorded)
}

func (s touched) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	p, err := s.Store.ReadAll(ctx, after, limit)
	if after == (eventstore.Position{}) && len(p.Events) > s.no {
		s.touch(&p.Events[s.no])
	}
	return p, err
}

func TestACopyThatDiffersIsFound(t *testing.T) {
	t.Parallel()
	here, there := eventstore.NewMemory(), engine(t)
	fill(t, here, 40)
	copied(t, here, there, uint64(len(whole(t, here))))
	for what, touch := range map[string]func(*eventstore.Recorded){
		"id":       func(e *eventstore.Recorded) { e.ID = uuid.New() },
		"type":     func(e *eventstore.Recorded) { e.Type = "test.undone" },
		"data":     func(e *eventstore.Recorded) { e.Data = append(slices.Clone(e.Data), ' ') },
		"metadata": func(e *eventstore.Recorded) { e.Meta = []byte("{}") },
		"time":     func(e *eventstore.Recorded) { e.At = e.At.Add(time.Microsecond) },
		"place":    func(e *eventstore.Recorded) { e.Version++ },
	} {
		_, _, err := archive.Same(t.Context(), here, touched{there, 20, touch}, nil, nil)
		refused(t, err, "log.copy_differs")
		if err != nil && !strings.Contains(err.Error(), "the "+what+" of") {
			t.Errorf("%s: %v", what, err)
		}
	}
	fill(t, there, 1)
	_, err := archive.Copy(t.Context(), here, there, nil)
	refused(t, err, "log.copy_ahead")
	other := eventstore.NewMemory()
	fill(t, other, 5)
	_, err = archive.Copy(t.Context(), other, there, nil)
	refused(t, err, "log.copy_differs")
}
