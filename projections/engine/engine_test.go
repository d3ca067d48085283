package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// ENGINE pitfall 13: two owners of a lane.
func TestAFrozenOwnerIsFenced(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 1)
	first, second := toyEngine(store, db, g), toyEngine(store, db, g)
	first.faults.lease, second.faults.lease = 300*time.Millisecond, 300*time.Millisecond
	if err := first.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	customer, log := uuid.New(), newToyLog(store)
	pos := log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 100, Due: "2024-05-01"})
	freeze, frozen, thaw := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	first.faults.hook = func(point string) error {
		select {
		case <-freeze: // at every point: a stopped process renews nothing either
			if point == "commit" {
				once.Do(func() { close(frozen) })
			}
			<-thaw
		default:
		}
		return nil
	}
	running(t, first)
	mustReach(t, first, g.Name, pos)
	close(freeze)
	// A batch that changes a row and inserts none: nothing but the checkpoint can stop it.
	pos = log.append(t, customer, toyReminded{Invoice: customer, Customer: customer})
	<-frozen
	running(t, second)
	mustReach(t, second, g.Name, pos)
	pos = log.append(t, customer, toyPaid{Invoice: customer, Customer: customer, Minor: 30})
	mustReach(t, second, g.Name, pos)
	close(thaw)
	eventually(t, "the first is fenced", func() bool { return first.Status()[0].Fenced > 0 })
	mustEqualHistory(t, second)
	var open int64
	schema, err := second.ActiveSchema(t.Context(), g.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(t.Context(), SQL("select sum(open) from {s}.balances").In(schema)).Scan(&open); err != nil || open != 70 {
		t.Fatalf("open %d, %v", open, err)
	}
}

func TestProcessesShareTheLanesAndTakeThemOver(t *testing.T) {
	url := pgtest.New(t)
	db, store := pgtest.Open(t, url), teststore.New(t)
	g := toyGroup(toyName(), 4)
	first, second, third := toyEngine(store, db, g), toyEngine(store, pgtest.Open(t, url), g), toyEngine(store, db, g)
	stopFirst := running(t, first)
	history := newToyHistory(store, 20)
	var pos eventstore.Position
	step := func() {
		for n := range 50 {
			pos = history.step(t, func(of int) int { return (n*7 + history.made) % of })
		}
	}
	step()
	mustReach(t, first, g.Name, pos)
	running(t, second)
	step()
	mustReach(t, third, g.Name, pos) // which works on no lane itself
	stopFirst()
	step()
	mustReach(t, second, g.Name, pos)
	mustReach(t, third, g.Name, pos)
	mustEqualHistory(t, third)
}

func TestRebuildWhileEventsArriveSwitchesWithoutGap(t *testing.T) {
	url := pgtest.New(t)
	store := teststore.New(t)
	g := toyGroup(toyName(), 3)
	server, tool := toyEngine(store, pgtest.Open(t, url), g), toyEngine(store, pgtest.Open(t, url), g)
	running(t, server)
	history := newToyHistory(store, 10)
	var pos eventstore.Position
	for n := range 3000 {
		pos = history.step(t, func(of int) int { return (n*13 + history.made) % of })
	}
	mustReach(t, server, g.Name, pos)
	before, err := server.ActiveSchema(t.Context(), g.Name)
	if err != nil {
		t.Fatal(err)
	}
	tool.faults.hook = func(string) error { time.Sleep(30 * time.Millisecond); return nil } // always a little behind
	reading, stopReading := context.WithCancel(t.Context())
	var reader sync.WaitGroup
	reader.Go(func() { neverLess(reading, t, server, g.Name) })
	defer reader.Wait()
	defer stopReading()
	rebuilt := make(chan error, 1)
	calls := 0
	go func() { rebuilt <- tool.Rebuild(context.Background(), g.Name, func(done, total uint64) { calls++ }) }()
	for writing := true; writing; {
		select {
		case err := <-rebuilt:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
			pos = history.step(t, func(of int) int { return (history.made * 11) % of })
			time.Sleep(2 * time.Millisecond)
		}
		mustReach(t, server, g.Name, pos) // read your writes, all the way through
	}
	pos = history.step(t, func(of int) int { return 0 })
	time.Sleep(PointerFor)
	mustReach(t, server, g.Name, pos)
	after, _ := server.ActiveSchema(t.Context(), g.Name)
	if after == before || calls == 0 {
		t.Fatalf("active before %s, after %s; %d reports of progress", before, after, calls)
	}
	mustEqualHistory(t, server)
}

func TestOneBuildIsKeptForRollBackAndIndexesAreMade(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 2)
	e := toyEngine(store, pgtest.Pool(t), g)
	history := newToyHistory(store, 5)
	for n := range 100 {
		history.step(t, func(of int) int { return n % of })
	}
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rebuilds := 1; rebuilds <= 3; rebuilds++ {
		if err := e.Rebuild(t.Context(), g.Name, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(PointerFor)
		now, err := e.ActiveSchema(t.Context(), g.Name)
		if err != nil {
			t.Fatal(err)
		}
		var schemas, indexes int
		err = e.DB.QueryRow(t.Context(), `select (select count(*) from pg_namespace where starts_with(nspname, 'p_' || $1 || '_')),
			(select count(*) from pg_indexes where schemaname = $2)`, g.Name, now).Scan(&schemas, &indexes)
		if err != nil || schemas != 2 || indexes != 5 {
			t.Fatalf("after %d rebuilds %d schemas (want 2), %d indexes in %s (want 5): %v", rebuilds, schemas, indexes, now, err)
		}
	}
	mustEqualHistory(t, e)
}

// A reply that was lost: the batch is committed, and its lane does not know.
func TestWhatALaneKnewDoesNotOutliveItsTerm(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	e := toyEngine(store, pgtest.Pool(t), g)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	commits := 0
	e.faults.hook = func(point string) error {
		if point == "committed" {
			if commits++; commits == 2 {
				return errInjected
			}
		}
		return nil
	}
	running(t, e)
	customer, log := uuid.New(), newToyLog(store)
	pos := log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 100})
	for range 3 {
		mustReach(t, e, g.Name, pos)
		pos = log.append(t, customer, toyPaid{Invoice: customer, Customer: customer, Minor: 10})
	}
	mustReach(t, e, g.Name, pos)
	mustEqualHistory(t, e)
}

// neverLess reads without a token: what was there must stay (ENGINE pitfall 18).
func neverLess(ctx context.Context, t *testing.T, e *Engine, group string) {
	for most := 0; ctx.Err() == nil; {
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
}

func TestANewVersionIsBuiltBesideTheOld(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	v1 := toyGroup(toyName(), 2)
	v2 := v1
	v2.Version, v2.Lanes = 2, 3
	old, next := toyEngine(store, db, v1), toyEngine(store, db, v2)
	running(t, old)
	history := newToyHistory(store, 5)
	var pos eventstore.Position
	for n := range 200 {
		pos = history.step(t, func(of int) int { return n % of })
	}
	mustReach(t, old, v1.Name, pos)
	if _, err := next.ActiveSchema(t.Context(), v2.Name); domain.CodeOf(err) != "projections.building" {
		t.Fatalf("before the new version is built: %v", err)
	}
	running(t, next)
	mustReach(t, next, v2.Name, pos)
	pos = history.step(t, func(of int) int { return 0 })
	mustReach(t, old, v1.Name, pos)
	mustReach(t, next, v2.Name, pos)
	mustEqualHistory(t, old)
	mustEqualHistory(t, next)
	listed, err := next.List(t.Context())
	if err != nil || len(listed) != 2 || listed[1].Version != 2 || listed[1].State != stateActive || listed[1].Leased != 3 || listed[1].Head != pos {
		t.Fatalf("%+v, %v", listed, err)
	}
}

func TestOverThePostgresStore(t *testing.T) {
	db := pgtest.Pool(t)
	store := eventstore.OpenPostgres(db)
	t.Cleanup(store.Close)
	g := toyGroup(toyName(), 3)
	e := toyEngine(store, db, g)
	running(t, e)
	history := newToyHistory(store, 10)
	var pos eventstore.Position
	for n := range 300 {
		pos = history.step(t, func(of int) int { return (n*7 + history.made) % of })
	}
	mustReach(t, e, g.Name, pos)
	mustEqualHistory(t, e)
}

func TestWaitIsBounded(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 4)
	e := toyEngine(store, pgtest.Pool(t), g)
	running(t, e)
	customer := uuid.New()
	pos := newToyLog(store).append(t, customer, toyReminded{Invoice: customer, Customer: customer})
	if err := e.Wait(within(t, 5*time.Second), g.Name, customer, pos); err != nil {
		t.Fatal(err)
	}
	pos.Hi++
	began := time.Now()
	if err := e.Wait(within(t, 50*time.Millisecond), g.Name, customer, pos); !errors.Is(err, ErrStale) || time.Since(began) > time.Second {
		t.Fatalf("%v after %s", err, time.Since(began))
	}
}

func TestAnEventThatCannotBeAppliedStopsAStrictGroupVisibly(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	sick, well := toyGroup(toyName(), 2), toyGroup(toyName(), 1)
	sick.Strict = true
	well.Apply = func(b *Batch, e envelope.Event) error {
		if _, ok := e.Data.(toyPoison); ok {
			return nil
		}
		return toyApply(b, e)
	}
	e := toyEngine(store, db, sick, well)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := running(t, e)
	customer, log := uuid.New(), newToyLog(store)
	log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 1})
	pos := log.append(t, customer, toyPoison{})
	mustReach(t, e, well.Name, pos)
	eventually(t, "the error shows", func() bool { return strings.Contains(e.Status()[0].Error, errPoison.Error()) })
	if e.Status()[1].Error != "" {
		t.Fatalf("the other group: %+v", e.Status()[1])
	}
	if err := e.Wait(within(t, 100*time.Millisecond), sick.Name, customer, pos); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	if err := e.Rebuild(t.Context(), sick.Name, nil); !errors.Is(err, errPoison) {
		t.Fatalf("a rebuild is strict: %v", err)
	}
	stop()
	sick.Apply = well.Apply // the fix
	e = toyEngine(store, db, sick)
	running(t, e)
	mustReach(t, e, sick.Name, pos)
	mustEqualHistory(t, e)
	if e.Status()[0].Error != "" {
		t.Fatal(e.Status()[0].Error)
	}
}

func TestUnknownTypesAreSkippedAndCounted(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	e := toyEngine(store, pgtest.Pool(t), g)
	e.Codec = &envelope.Codec{Catalog: domain.NewCatalog(domain.Types{domain.TypeOf[toyIssued]("toy.issued")})}
	running(t, e)
	customer, log := uuid.New(), newToyLog(store)
	log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 1}, toyPoison{})
	pos := log.append(t, customer, toyPoison{}) // nothing but the unknown in the last page
	mustReach(t, e, g.Name, pos)
	if n := e.Status()[0].Unknown; n < 2 {
		t.Fatalf("%d unknown", n)
	}
	mustEqualHistory(t, e)
}

func TestVerifySaysWhatDiffers(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 2)
	e := toyEngine(store, db, g)
	running(t, e)
	log := newToyLog(store)
	var pos eventstore.Position
	var ids []uuid.UUID
	for n := range 30 {
		id := uuid.New()
		ids = append(ids, id)
		pos = log.append(t, id, toyIssued{Invoice: id, Customer: id, Minor: int64(n)})
	}
	mustReach(t, e, g.Name, pos)
	mustEqualHistory(t, e)
	schema, _ := e.ActiveSchema(t.Context(), g.Name)
	for _, sql := range []SQL{
		"update {s}.invoices set total = total + 1 where id = $1", "delete from {s}.balances where customer = $1",
		"insert into {s}.entries (hi, lo, customer, amount) values (20000, 7, $1, 5)", "update {s}.invoices set due = '2024-01-01' where id = $1",
	} {
		if _, err := db.Exec(t.Context(), sql.In(schema), ids[3]); err != nil {
			t.Fatal(err)
		}
	}
	v := differences(t, e)
	want := map[string]Difference{
		"total":   {Table: "invoices", Key: ids[3].String(), Kind: Differs, Column: "total", Live: "4", Fresh: "3"},
		"due":     {Table: "invoices", Key: ids[3].String(), Kind: Differs, Column: "due", Live: "2024-01-01"},
		"missing": {Table: "balances", Key: ids[3].String() + " GBP", Kind: Missing},
		"extra":   {Table: "entries", Key: "20000 7", Kind: Extra},
	}
	if v.Differences != 4 || v.Rows != 90 {
		t.Fatalf("%+v", v)
	}
	for _, d := range v.First {
		name := d.Column
		if name == "" {
			name = d.Kind
		}
		if want[name] != d {
			t.Errorf("%+v, want %+v", d, want[name])
		}
	}
	var left int
	if err := db.QueryRow(t.Context(), "select count(*) from pg_namespace where nspname like 'p\\_'||$1||'\\_%'", g.Name).Scan(&left); err != nil || left != 1 {
		t.Fatalf("%d schemas, %v", left, err)
	}
}

func TestOnlyTroublesThatPassAreTriedAgain(t *testing.T) {
	for code, want := range map[string]bool{"08006": true, "40P01": true, "53300": true, "55P03": true, "57P01": true,
		"25P03": true, "25006": true, "23505": false, "22003": false, "42P01": false} {
		if got := transient(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	if transient(errPoison) || !transient(context.DeadlineExceeded) {
		t.Error("a writer's error is not transient, an expired context is")
	}
}
