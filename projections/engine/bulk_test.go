package engine

import (
	"context"
	"errors"
	"hash/fnv"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// A lane is part of what is stored: another way to choose it would orphan rows.
func TestARouteStaysInItsLane(t *testing.T) {
	for range 1000 {
		route, h := uuid.New(), fnv.New32a()
		h.Write(route[:])
		if want := int(h.Sum32() % 7); laneOf(route, 7) != want {
			t.Fatalf("%s is in lane %d, was in %d", route, laneOf(route, 7), want)
		}
	}
}

// A build that holds rows back while it is far behind finds out whose row is refused all
// the same, pages later.
func TestARefusedRowIsBlamedOnItsEventThoughRowsWereHeldBack(t *testing.T) {
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 2))
	e.faults.page = func() int { return 10 }
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := newToyLog(store)
	issue := func(due domain.Date) eventstore.Position {
		c := uuid.New()
		return log.append(t, c, toyIssued{Invoice: uuid.New(), Customer: c, Minor: 1, Due: "2024-02-28"},
			toyIssued{Invoice: uuid.New(), Customer: c, Minor: 1, Due: due})
	}
	for range 30 {
		issue("2024-02-28")
	}
	bad := issue("2024-02-31")
	for range 30 {
		issue("2024-02-28")
	}
	err := e.Rebuild(t.Context(), e.Groups[0].Name, nil)
	var blamed *ApplyError
	if !errors.As(err, &blamed) || blamed.Event.Pos != bad {
		t.Fatalf("%v; want an error about %s", err, bad)
	}
}

// Until they are written, rows held back are nobody's: a lane is not said to have passed
// what no query can see, and its checkpoint stays.
func TestRowsHeldBackCountAsNotThere(t *testing.T) {
	store := teststore.New(t)
	db := pgtest.Pool(t)
	g := toyGroup(toyName(), 1)
	e := toyEngine(store, db, g)
	log := newToyLog(store)
	c := uuid.New()
	at := []eventstore.Position{{}}
	for range 20 {
		at = append(at, log.append(t, c, toyIssued{Invoice: uuid.New(), Customer: c, Minor: 1, Due: "2024-02-28"}))
	}
	e.faults.page = func() int { return 5 }
	builds, err := e.current(t.Context(), &e.Groups[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.newFollower(t.Context(), &e.Groups[0], builds[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := f.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer f.release(context.WithoutCancel(t.Context()))
	defer f.reader.close()
	l := f.lanes[0]
	for page := 1; page <= 4; page++ {
		if _, err := f.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.savedAt = time.Time{}
		if err := f.save(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var rows int
		var hi uint64
		err := db.QueryRow(t.Context(), `select (select count(*) from `+builds[0].Schema+`.invoices), hi::bigint from pj.lane where grp = $1`, g.Name).Scan(&rows, &hi)
		if err != nil {
			t.Fatal(err)
		}
		seen, _, _, _ := l.progress()
		folded, _ := l.reached()
		want := 0
		if page == 4 { // the end of the log
			want = 20
		}
		if rows != want || hi != at[want].Hi || seen != at[want] || folded != at[5*page] {
			t.Errorf("after page %d: %d rows, checkpoint %d, seen %s, folded %s; want %d", page, rows, hi, seen, folded, want)
		}
	}
}
