package engine

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// forgetful is an engine that has shown an event, and whose database is then as it was
// before it: commits do not wait for the disk, so a server that dies forgets some.
func forgetful(t *testing.T) (e *Engine, passed func() bool) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 1)
	e = toyEngine(store, db, g)
	e.faults.lease = 300 * time.Millisecond
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	customer := uuid.New()
	pos := newToyLog(store).append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 100, Due: "2024-05-01"})
	running(t, e)
	mustReach(t, e, g.Name, pos)
	schema, err := e.ActiveSchema(t.Context(), g.Name)
	if err != nil {
		t.Fatal(err)
	}
	const sqlAgo = `with rows as (delete from {s}.invoices), balances as (delete from {s}.balances), entries as (delete from {s}.entries)
		update pj.lane set hi = 0, lo = 0 where grp = $1`
	if _, err := db.Exec(t.Context(), SQL(sqlAgo).In(schema), g.Name); err != nil {
		t.Fatal(err)
	}
	return e, func() bool {
		var there bool
		err := db.QueryRow(t.Context(), "select bool_and(hi >= $2) from pj.lane where grp = $1", g.Name, int64(pos.Hi)).Scan(&there)
		return err == nil && there
	}
}

func TestWhatTheDatabaseForgotIsDoneAgainAlthoughNothingFollows(t *testing.T) {
	e, passed := forgetful(t)
	eventually(t, "the checkpoint is there again", passed)
	mustEqualHistory(t, e)
}

// The database's clock was put back by two hours after the owner had died: nobody renews
// what seems to last for two hours more, and followers that are gone seem to be there.
func TestALeaseThatWouldLastTooLongIsOver(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 2)
	e := toyEngine(store, db, g)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`update pj.lane set owner = 'gone/1', expires = clock_timestamp() + interval '2 hours' where grp = $1`,
		`insert into pj.follower (grp, build, owner, expires) select grp, build, 'gone/1', clock_timestamp() + interval '2 hours' from pj.build where grp = $1`,
	} {
		if _, err := db.Exec(t.Context(), sql, g.Name); err != nil {
			t.Fatal(err)
		}
	}
	history := newToyHistory(store, 8)
	var pos eventstore.Position
	for n := range 40 {
		pos = history.step(t, func(of int) int { return n % of })
	}
	running(t, e)
	mustReach(t, e, g.Name, pos)
	mustEqualHistory(t, e)
	for f := range e.followers {
		if f.share.Load() != 2 {
			t.Errorf("it leaves lanes to whoever is gone: its share is %d of 2", f.share.Load())
		}
	}
}

// A switch leaves lanes of the old build behind that nobody owns, for good.
func TestLanesAreInheritedAlsoAfterASwitch(t *testing.T) {
	e, passed := forgetful(t)
	eventually(t, "the checkpoint is there again", passed)
	if err := e.Rebuild(t.Context(), e.Groups[0].Name, nil); err != nil {
		t.Fatal(err)
	}
	if err := e.Inherit(t.Context(), func(string) bool { return true }); err != nil {
		t.Error(err)
	}
}
