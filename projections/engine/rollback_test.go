package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// ENGINE pitfall 18, and the way back: builds are switched forth and back under writes,
// while somebody asks two servers in turn.
func TestSwitchesForthAndBackShowNobodyLessThanBefore(t *testing.T) {
	url := pgtest.New(t)
	store, g := teststore.New(t), toyGroup(toyName(), 3)
	first, second, tool := toyEngine(store, pgtest.Open(t, url), g), toyEngine(store, pgtest.Open(t, url), g), toyEngine(store, pgtest.Open(t, url), g)
	running(t, first)
	running(t, second)
	history := newToyHistory(store, 8)
	mustReach(t, first, g.Name, bulk(t, history, 300))
	stop := writing(t, history)
	defer stop()
	reading, stopReading := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	readers.Go(func() { neverLessOf(reading, t, g.Name, first, second) })
	defer readers.Wait()
	defer stopReading()

	one := activeBuild(t, tool).Build
	if err := tool.Rebuild(t.Context(), g.Name, nil); err != nil {
		t.Fatal(err)
	}
	two := activeBuild(t, tool).Build
	time.Sleep(time.Second) // and events
	for _, want := range []Switched{{g.Name, two, one}, {g.Name, one, two}, {g.Name, two, one}} {
		began := time.Now()
		got, err := tool.Rollback(t.Context(), g.Name, 0, nil)
		if err != nil || got != want || activeBuild(t, tool).Build != want.To {
			t.Fatalf("%+v, %v; want %+v, active is %d", got, err, want, activeBuild(t, tool).Build)
		}
		t.Logf("%+v took %s", got, time.Since(began))
	}
	mustReach(t, first, g.Name, stop())
	mustEqualHistory(t, first)
}

// neverLessOf is neverLess of several servers, asked in turn.
func neverLessOf(ctx context.Context, t *testing.T, group string, servers ...*Engine) {
	most, asked := 0, 0
	for ; ctx.Err() == nil; asked++ {
		e := servers[asked%len(servers)]
		schema, err := e.ActiveSchema(ctx, group)
		var n int
		if err == nil {
			err = e.DB.QueryRow(ctx, SQL("select count(*) from {s}.entries").In(schema)).Scan(&n)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil || n < most:
			t.Errorf("%d entries in %s after %d: %v", n, schema, most, err)
			return
		default:
			most = n
		}
	}
	t.Logf("asked %d times", asked)
}

// rebuilt is an engine that does not run, two builds of which the second is active, and
// its history.
func rebuilt(t *testing.T) (*Engine, *toyHistory) {
	t.Helper()
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 2))
	history := newToyHistory(store, 5)
	bulk(t, history, 50)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Rebuild(t.Context(), e.Groups[0].Name, nil); err != nil {
		t.Fatal(err)
	}
	return e, history
}

func TestRollBackWorksWithoutAServer(t *testing.T) {
	e, history := rebuilt(t)
	bulk(t, history, 50)
	s, err := e.Rollback(t.Context(), e.Groups[0].Name, 1, nil)
	if err != nil || s != (Switched{e.Groups[0].Name, 2, 1}) {
		t.Fatalf("%+v, %v", s, err)
	}
	v := differences(t, e) // it has caught up: that is what Rollback waits for
	if v.Build != 1 || v.Differences != 0 || v.Behind != 0 || v.Rows == 0 {
		t.Fatalf("%+v", v)
	}
}

func TestThereIsNotAlwaysAWayBack(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	v1 := toyGroup(toyName(), 1)
	v2 := v1
	v2.Version = 2
	old, next := toyEngine(store, db, v1), toyEngine(store, db, v2)
	refused := func(e *Engine, group string, no int, code string) {
		t.Helper()
		if _, err := e.Rollback(t.Context(), group, no, nil); domain.CodeOf(err) != code {
			t.Errorf("roll back to %d: %v, want %s", no, err, code)
		}
	}
	refused(old, "nothing", 0, "projections.unknown_group")
	refused(old, v1.Name, 0, "projections.building")
	if err := errors.Join(old.Ensure(t.Context()), next.Ensure(t.Context())); err != nil {
		t.Fatal(err)
	}
	refused(old, v1.Name, 0, "projections.nothing_to_return_to")
	refused(next, v1.Name, 0, "projections.nothing_to_return_to") // not to the older program's
	refused(next, v1.Name, 1, "projections.nothing_to_return_to")
	refused(next, v1.Name, 2, "projections.already_active")
}

func TestARollBackThatIsInterruptedChangesNothing(t *testing.T) {
	e, history := rebuilt(t)
	g := e.Groups[0].Name
	history.step(t, func(of int) int { return 0 })
	ctx, cancel := context.WithCancel(t.Context())
	e.faults.hook = func(string) error { cancel(); return errInjected } // in the midst of catching up
	if _, err := e.Rollback(ctx, g, 0, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	e.faults.hook = nil
	kept, err := e.again(t.Context(), build{Group: g, Build: 1})
	if err != nil || kept.State != stateRetired || kept.Revived || activeBuild(t, e).Build != 2 {
		t.Fatalf("%+v, %v", kept, err)
	}
	running(t, e)
	mustReach(t, e, g, history.step(t, func(of int) int { return 1 }))
	if _, err := e.Rollback(t.Context(), g, 0, nil); err != nil {
		t.Fatal(err)
	}
	mustEqualHistory(t, e)
}

// A program killed in mid-roll-back leaves it to whoever runs next; a rebuild does not
// take it for its own.
func TestARollBackThatWasKilledIsFinishedOrTakenBack(t *testing.T) {
	e, _ := rebuilt(t)
	g := &e.Groups[0]
	if _, _, _, err := e.revive(t.Context(), g, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.Rebuild(t.Context(), g.Name, nil); err != nil || activeBuild(t, e).Build != 3 {
		t.Fatalf("%v; active %d", err, activeBuild(t, e).Build)
	}
	_, to, _, err := e.revive(t.Context(), g, 0)
	if err != nil || to.Build != 2 && to.Build != 1 {
		t.Fatal(to, err)
	}
	if _, err := e.DB.Exec(t.Context(), `update pj.lane set expires = clock_timestamp() + interval '1 hour', owner = 'x' where grp = $1 and build = $2`, g.Name, to.Build); err != nil {
		t.Fatal(err)
	}
	if err := e.Rebuild(t.Context(), g.Name, nil); domain.CodeOf(err) != "projections.rolling_back" {
		t.Fatalf("a rebuild while one rolls back: %v", err)
	}
	if _, err := e.DB.Exec(t.Context(), sqlInherit, "x"); err != nil {
		t.Fatal(err)
	}
	running(t, e)
	eventually(t, "the next server finishes it", func() bool { return activeBuild(t, e).Build == to.Build })
	mustEqualHistory(t, e)
}

func states(t *testing.T, db *pgxpool.Pool, group string) (all []string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `select array_agg(state order by build) from pj.build where grp = $1`, group).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// After a roll-back from a bad build, the next rebuild replaces the good one: that is then
// the one to return to, although the bad one is newer. The clock may be set back meanwhile.
func TestTheBuildThatWasLastActiveIsKept(t *testing.T) {
	e, _ := rebuilt(t)
	g := e.Groups[0].Name
	if _, err := e.Rollback(t.Context(), g, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DB.Exec(t.Context(), `update pj.build set changed_at = changed_at + interval '2 hours'`); err != nil {
		t.Fatal(err)
	}
	if err := e.Rebuild(t.Context(), g, nil); err != nil {
		t.Fatal(err)
	}
	if got := states(t, e.DB, g); got[0] != stateRetired || got[1] != stateDropped || got[2] != stateActive {
		t.Fatal(got)
	}
	if s, err := e.Rollback(t.Context(), g, 0, nil); err != nil || s.To != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
}

// A new program leaves the builds of the one before alone for a day, so that one can go
// back to that: also if it was stopped in good order, and had run for long.
func TestBuildsOfAnOlderProgramAreKeptForADay(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	v1 := toyGroup(toyName(), 2)
	v2 := v1
	v2.Version = 2
	old, next := toyEngine(store, db, v1), toyEngine(store, db, v2)
	customer := uuid.New()
	newToyLog(store).append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 1})
	age := func(version int, by string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), `update pj.build set made_at = made_at - $2::interval, changed_at = changed_at - $2::interval where code_version = $1`, version, by); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(old.Ensure(t.Context()), old.Rebuild(t.Context(), v1.Name, nil)); err != nil {
		t.Fatal(err)
	}
	age(1, "30 days")
	if err := errors.Join(next.Ensure(t.Context()), next.Rebuild(t.Context(), v1.Name, nil)); err != nil {
		t.Fatal(err)
	}
	if got := states(t, db, v1.Name); got[0] != stateRetired || got[1] != stateActive {
		t.Fatalf("at once: %v", got)
	}
	if schema, err := old.ActiveSchema(t.Context(), v1.Name); err != nil || schema == "" {
		t.Fatalf("the older program: %s, %v", schema, err)
	}
	age(2, "2 days")
	if err := next.tidy(t.Context(), &v2); err != nil || states(t, db, v1.Name)[1] != stateActive {
		t.Fatalf("it has passed an event today: %v, %v", states(t, db, v1.Name), err)
	}
	if _, err := db.Exec(t.Context(), `update pj.lane set event_at = event_at - interval '2 days'`); err != nil {
		t.Fatal(err)
	}
	if err := next.tidy(t.Context(), &v2); err != nil {
		t.Fatal(err)
	}
	if got := states(t, db, v1.Name); got[0] != stateDropped || got[1] != stateDropped || got[2] != stateRetired || got[3] != stateActive {
		t.Fatalf("after two days: %v", got)
	}
}
