package engine

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// routeIn is a customer of a lane.
func routeIn(lane, lanes int) (c uuid.UUID) {
	for c = uuid.New(); laneOf(c, lanes) != lane; c = uuid.New() {
	}
	return c
}

const (
	sqlDie   = `update pj.lane set expires = clock_timestamp() - interval '1 s', owner = 'dead/one' where grp = $1`
	sqlAlone = `update pj.lane set attempts = 4, trying_hi = 1, trying_lo = 0 where grp = $1 and lane = 1`
	sqlDeath = `update pj.lane set attempts = case when lane < 2 then 2 else 0 end, trying_hi = 0, trying_lo = 0 where grp = $1`
)

// died is as if whoever had a group's lanes had died, of events in the first two lanes if
// of is sqlDeath.
func died(t *testing.T, e *Engine, of ...string) {
	t.Helper()
	for _, sql := range append(of, sqlDie) {
		if _, err := e.DB.Exec(t.Context(), sql, e.Groups[0].Name); err != nil {
			t.Fatal(err)
		}
	}
}

// What a process has tried and survived is not blamed, also if that changed no row, and
// if it has died of what another lane tried after that.
func TestWhatWasSurvivedIsNotBlamed(t *testing.T) {
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 3))
	name := e.Groups[0].Name
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, well, deadly := newToyLog(store), routeIn(0, 3), routeIn(1, 3)
	log.append(t, well, toyReminded{Invoice: well, Customer: well}) // of nothing: no row changes
	log.append(t, deadly, toyReminded{Invoice: deadly, Customer: deadly})
	log.append(t, well, toyIssued{Invoice: well, Customer: well, Minor: 5})
	log.append(t, routeIn(2, 3), toyReminded{})
	died(t, e, sqlDeath)
	f := onlyFollower(t, e)
	for range 2 { // one event each
		if _, err := f.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	died(t, e, sqlAlone) // twice, in the middle of the second one's event
	f = onlyFollower(t, e)
	for end := false; !end; {
		var err error
		if end, err = f.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	parked, err := e.Parked(t.Context())
	if err != nil || len(parked) != 1 || parked[0].Route != deadly {
		t.Fatalf("parked: %+v, %v; want %s alone", parked, err, deadly)
	}
	// Nor is anything left to blame once all is calm.
	var most int
	if err := e.DB.QueryRow(t.Context(), "select max(attempts) from pj.lane where grp = $1", name).Scan(&most); err != nil || most != 0 {
		t.Errorf("a lane has %d attempts, %v", most, err)
	}
}

// Who lets a lane go has survived what it tried last.
func TestWhoLetsALaneGoLeavesNobodyToBlame(t *testing.T) {
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 1))
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, c := newToyLog(store), uuid.New()
	log.append(t, c, toyReminded{Invoice: c, Customer: c}, toyReminded{Invoice: c, Customer: c}, toyIssued{Invoice: c, Customer: c, Minor: 5})
	died(t, e, sqlDeath)
	f := onlyFollower(t, e)
	if _, err := f.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.release(context.WithoutCancel(t.Context()))
	f = onlyFollower(t, e) // it is killed before it has tried anything
	if err := f.seek(t.Context()); err != nil || f.lanes[0].suspect == nil {
		t.Fatalf("the lane is trusted although the cause of two deaths was not found: %v", err)
	}
	died(t, e)
	f = onlyFollower(t, e)
	for end := false; !end; {
		var err error
		if end, err = f.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if parked, err := e.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Fatalf("parked: %+v, %v", parked, err)
	}
}

// Once an event that is tried alone is folded, it is not what kills the process: nothing
// is blamed for a death at its commit.
func TestADeathAtTheCommitIsNobodysFault(t *testing.T) {
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 1))
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, c := newToyLog(store), uuid.New()
	log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5})
	died(t, e, sqlDeath)
	e.faults.hook = func(point string) error {
		if point == "commit" {
			return errInjected
		}
		return nil
	}
	for range 4 {
		f := onlyFollower(t, e)
		if _, err := f.turn(t.Context()); err == nil {
			t.Fatal("it was not killed")
		}
		died(t, e)
	}
	e.faults.hook = nil
	f := onlyFollower(t, e)
	if _, err := f.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if parked, err := e.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Fatalf("parked: %+v, %v", parked, err)
	}
}
