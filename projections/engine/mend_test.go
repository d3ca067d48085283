package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// mendable is an engine of a group with somebody parked, until mended is set.
func mendable(t *testing.T, hook func(point string) error) (e *Engine, sick uuid.UUID, log *toyLog, mended *atomic.Bool) {
	t.Helper()
	store := teststore.New(t)
	g := toyGroup(toyName(), 2)
	mended = &atomic.Bool{}
	g.Apply = func(b *Batch, e envelope.Event) error {
		if _, ok := e.Data.(toyPoison); ok && mended.Load() {
			return nil
		}
		return toyApply(b, e)
	}
	e, sick, log = toyEngine(store, pgtest.Pool(t), g), uuid.New(), newToyLog(store)
	e.faults.hook = hook
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	running(t, e)
	log.append(t, sick, toyIssued{Invoice: sick, Customer: sick, Minor: 5})
	mustReach(t, e, g.Name, log.append(t, sick, toyPoison{}, toyPaid{Invoice: sick, Customer: sick, Minor: 2}))
	mustBeParked(t, e, sick, 2)
	return e, sick, log, mended
}

// A database that is away for a moment does not end trying again, and nobody is said to
// have died of it.
func TestATroubleThatPassesDoesNotEndARetry(t *testing.T) {
	var troubles atomic.Int32
	e, sick, _, mended := mendable(t, func(point string) error {
		if point == "commit" && troubles.Add(-1) >= 0 {
			return context.DeadlineExceeded
		}
		return nil
	})
	mended.Store(true)
	troubles.Store(2)
	if n, err := e.Retry(within(t, 10*time.Second), e.Groups[0].Name, sick, nil); err != nil || n != 2 {
		t.Fatalf("%d events applied, %v", n, err)
	}
	if troubles.Load() >= 0 {
		t.Error("there was no trouble")
	}
	mustEqualHistory(t, e)
}

// What a retry has applied is on disk before the lane goes on: its checkpoint does not
// tell whether the server has forgotten it.
func TestARetryWaitsForTheDisk(t *testing.T) {
	e, sick, _, mended := mendable(t, nil)
	schema, err := e.ActiveSchema(t.Context(), e.Groups[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.DB.Exec(t.Context(), SQL(`create table {s}.setting (at_commit text);
		create function {s}.note() returns trigger language plpgsql as $$ begin
			insert into {s}.setting values (current_setting('synchronous_commit')); return null; end $$;
		create constraint trigger note after insert or update on {s}.balances deferrable initially deferred
			for each row execute function {s}.note()`).In(schema))
	if err != nil {
		t.Fatal(err)
	}
	mended.Store(true)
	if _, err := e.Retry(within(t, 10*time.Second), e.Groups[0].Name, sick, nil); err != nil {
		t.Fatal(err)
	}
	var at string
	if err := e.DB.QueryRow(t.Context(), SQL("select max(at_commit) from {s}.setting").In(schema)).Scan(&at); err != nil || at != "on" {
		t.Fatalf("synchronous_commit was %q, %v", at, err)
	}
}

// Who has seen a moment ago that nobody is parked does not tell a waiter that its change
// shows, when another process has parked it since.
func TestWhoWaitsLearnsOfParkingElsewhere(t *testing.T) {
	e, _, log, _ := mendable(t, nil)
	elsewhere := toyEngine(e.Store, e.DB, e.Groups[0]) // follows nothing
	c := uuid.New()
	pos := log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5})
	if err := elsewhere.Wait(within(t, 5*time.Second), e.Groups[0].Name, c, pos); err != nil {
		t.Fatal(err)
	}
	pos = log.append(t, c, toyPoison{})
	if err := elsewhere.Wait(within(t, 5*time.Second), e.Groups[0].Name, c, pos); !errors.Is(err, ErrStale) {
		t.Fatalf("the parked customer's read models are said to be up to date: %v", err)
	}
}

// Whoever was parked when a build was retired, and has been mended since, is not parked
// again by a roll-back.
func TestARollBackParksNobodyWhoWasMended(t *testing.T) {
	e, sick, log, mended := mendable(t, nil)
	name := e.Groups[0].Name
	if err := e.Rebuild(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(PointerFor)
	mended.Store(true)
	if n, err := e.Retry(within(t, 10*time.Second), name, sick, nil); err != nil || n != 2 {
		t.Fatalf("%d events applied, %v", n, err)
	}
	pos := log.append(t, sick, toyPaid{Invoice: sick, Customer: sick, Minor: 1})
	mustReach(t, e, name, pos)
	if _, err := e.Rollback(t.Context(), name, 0, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(PointerFor)
	if err := e.Wait(within(t, 5*time.Second), name, sick, pos); err != nil || toyOpen(t, e, sick) != 2 {
		t.Fatalf("after the roll-back: %v; owes %d", err, toyOpen(t, e, sick))
	}
	mustEqualHistory(t, e)
}

// A rebuild that fails is no trouble of the group for ever.
func TestTroublesEndWithTheirBuild(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	var broken atomic.Bool
	g.Apply = func(b *Batch, e envelope.Event) error {
		if broken.Load() && e.Version == 0 {
			return errPoison
		}
		return toyApply(b, e)
	}
	e := toyEngine(store, pgtest.Pool(t), g)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	running(t, e)
	c, log := uuid.New(), newToyLog(store)
	mustReach(t, e, g.Name, log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5}))
	broken.Store(true)
	if err := e.Rebuild(t.Context(), g.Name, nil); !errors.Is(err, errPoison) {
		t.Fatal(err)
	}
	eventually(t, "the group is well again", func() bool { return e.Status()[0].Error == "" })
}

// A program that does not know a type, which a newer one has held back, ends no parking.
func TestWhatIsHeldBackIsNotForgottenByAnOlderProgram(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	e, older := toyEngine(store, pgtest.Pool(t), g), (*Engine)(nil)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := running(t, e)
	sick, log := uuid.New(), newToyLog(store)
	mustReach(t, e, g.Name, log.append(t, sick, toyPoison{}))
	stop()
	older = toyEngine(store, e.DB, g)
	older.Codec = &envelope.Codec{Catalog: domain.NewCatalog(domain.Types{domain.TypeOf[toyIssued]("toy.issued")})}
	running(t, older)
	mustReach(t, older, g.Name, log.append(t, sick, toyIssued{Invoice: sick, Customer: sick, Minor: 5}))
	if n, err := older.Retry(within(t, 10*time.Second), g.Name, sick, nil); n != 0 || err == nil {
		t.Fatalf("%d events applied, %v", n, err)
	}
	mustReach(t, older, g.Name, log.append(t, sick, toyIssued{Invoice: uuid.New(), Customer: sick, Minor: 5}))
	mustBeParked(t, older, sick, 3)
}
