package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
	"portico/internal/eventstore/storetest"
	"portico/internal/pgtest"
)

func TestPostgresKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) eventstore.Store { return open(t, pgtest.New(t)) })
}

// Two stores on one database are what two processes are.
func TestTwoStoresOnOneDatabaseKeepTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		url := pgtest.New(t)
		return storetest.Turns(open(t, url), open(t, url))
	})
}

// open is a store as the application's role.
func open(t *testing.T, url string) *eventstore.Postgres {
	t.Helper()
	s := eventstore.OpenPostgres(pgtest.Open(t, url))
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func stream() eventstore.StreamName { return eventstore.Stream("t1", "thing", uuid.NewString()) }

func event() eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: "thing.happened", Data: []byte("{}"), Meta: []byte("{}")}
}

func mustAppend(t *testing.T, s eventstore.Store, name eventstore.StreamName, expected int64, ev ...eventstore.Event) eventstore.Appended {
	t.Helper()
	a, err := s.Append(t.Context(), name, expected, ev...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// readDense reads the whole log, and fails unless its positions are 1 to n.
func readDense(t *testing.T, s eventstore.Store) (log []eventstore.Recorded) {
	t.Helper()
	for after := (eventstore.Position{}); ; {
		p, err := s.ReadAll(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		log, after = append(log, p.Events...), p.Next
		if p.End {
			break
		}
	}
	for i, e := range log {
		if e.Pos != (eventstore.Position{Hi: uint64(i + 1)}) {
			t.Fatalf("event %d is at %v", i+1, e.Pos)
		}
	}
	return log
}

func TestTwoStoresOnOneDatabaseStayDenseAndWakeEachOther(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	stores := []*eventstore.Postgres{open(t, url), open(t, url)}
	wake := stores[0].Wake(t.Context())
	mustAppend(t, stores[1], stream(), -1, event())
	for range 4 { // in less time than four ticks of a second take
		mustAppend(t, stores[1], stream(), -1, event())
		select {
		case <-wake:
		case <-time.After(400 * time.Millisecond):
			t.Error("another process's append woke nobody")
		}
	}
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			name := stream()
			for v := range int64(50) {
				if _, err := stores[i%2].Append(t.Context(), name, v-1, event()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if log := readDense(t, stores[1]); len(log) != 5+16*50 {
		t.Errorf("%d events", len(log))
	}
}

func TestPartitionsAreMadeAheadAndReadAcross(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pgtest.Exec(t, url, "UPDATE es.settings SET partition_size = 100")
	stores := []*eventstore.Postgres{open(t, url), open(t, url)}
	long := stream()
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			name := stream()
			for v := range int64(250) {
				if i == 0 {
					name = long
				}
				if _, err := stores[i%2].Append(t.Context(), name, v-1, event()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	many := make([]eventstore.Event, eventstore.MaxEvents)
	for i := range many {
		many[i] = event()
	}
	mustAppend(t, stores[0], stream(), -1, many...)
	if log := readDense(t, stores[0]); len(log) != 1500 {
		t.Errorf("%d events", len(log))
	}
	if got, err := stores[1].ReadStream(t.Context(), long, 100, 1000); err != nil || len(got) != 150 || got[149].Version != 249 {
		t.Errorf("%d events of the long stream, %v", len(got), err)
	}
	var partitions, outOfOrder int
	err := connect(t, url).QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE first_pos <> (no - 1) * 100 + 1 OR last_pos <> no * 100)
		FROM es.partitions`).Scan(&partitions, &outOfOrder)
	// Room for half a partition behind the head, and never much more than the largest append asked for.
	if err != nil || partitions < 16 || partitions > 22 || outOfOrder > 0 {
		t.Errorf("%d partitions, %d out of order, %v", partitions, outOfOrder, err)
	}
}

// An open write transaction in another database holds back pg_snapshot_xmin of the whole
// server, which stalls readers that go by it (ENGINE §7, 3).
func TestALongTransactionElsewhereStallsNoReader(t *testing.T) {
	t.Parallel()
	other, err := connect(t, pgtest.New(t)).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback(context.Background())
	if _, err := other.Exec(t.Context(), "CREATE TABLE public.held (a int)"); err != nil {
		t.Fatal(err)
	}
	url := pgtest.New(t)
	s := open(t, url)
	mustAppend(t, s, stream(), -1, event())
	if log := readDense(t, s); len(log) != 1 {
		t.Errorf("%d events", len(log))
	}
	// The control: a reader that goes by xid8 is stalled.
	pgtest.Exec(t, url, "CREATE TABLE public.naive (tx xid8 DEFAULT pg_current_xact_id())", "INSERT INTO public.naive DEFAULT VALUES")
	var visible int
	err = connect(t, url).QueryRow(t.Context(), "SELECT count(*) FROM public.naive WHERE tx < pg_snapshot_xmin(pg_current_snapshot())").Scan(&visible)
	if err != nil || visible != 0 {
		t.Errorf("the control sees %d rows, %v: the foreign transaction proves nothing", visible, err)
	}
}

// Transaction A begins first, B writes first: the log has B's event first (ENGINE §7, 2).
func TestAnOlderTransactionThatWritesLaterComesLater(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, name := open(t, url), stream()
	a, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Rollback(context.Background())
	if _, err := a.Exec(t.Context(), "SELECT pg_current_xact_id()"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, name, -1, event())
	if err := appendIn(t.Context(), a, name, 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := readDense(t, s)
	if len(log) != 2 || log[0].Version != 0 || log[1].Version != 1 {
		t.Errorf("the log is %v", log)
	}
}

// A program from before es.append_one goes on beside a newer one.
func TestAnOlderProgramAppendsBesideANewerOne(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := open(t, url)
	mustAppend(t, s, stream(), -1, event())
	finished := slowWriters(t, url, func(ctx context.Context, tx pgx.Tx) error { return appendIn(ctx, tx, stream(), -1) })
	var newer sync.WaitGroup
	for range 8 {
		newer.Go(func() {
			name := stream()
			for v := range int64(20) {
				if _, err := s.Append(t.Context(), name, v-1, event()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	newer.Wait()
	<-finished
	if log := readDense(t, s); len(log) != 1+gapWriters*gapRows+8*20 {
		t.Errorf("%d events", len(log))
	}
}

// appendIn appends one event inside somebody's transaction.
func appendIn(ctx context.Context, tx pgx.Tx, name eventstore.StreamName, expected int64) error {
	var outcome string
	err := tx.QueryRow(ctx, `SELECT outcome FROM es.append(ARRAY[$1], ARRAY[$2::bigint], ARRAY[1], ARRAY[1], ARRAY[1],
		ARRAY[$3::uuid], ARRAY['thing.happened'], ARRAY['{}'::bytea], ARRAY['{}'::bytea])`, string(name), expected, uuid.New()).Scan(&outcome)
	if err == nil && outcome != "ok" {
		err = errors.New(outcome)
	}
	return err
}

func TestTimeNeverRunsBackwardsAlongTheLog(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := open(t, url)
	mustAppend(t, s, stream(), -1, event())
	pgtest.Exec(t, url, "UPDATE es.head SET at = now() + interval '1 hour'") // what a clock that was wrong leaves
	mustAppend(t, s, stream(), -1, event())
	mustAppend(t, s, stream(), -1, event())
	log := readDense(t, s)
	if log[1].At.Before(time.Now().Add(50*time.Minute)) || log[2].At.Before(log[1].At) {
		t.Errorf("times %v, %v, %v", log[0].At, log[1].At, log[2].At)
	}
}

func TestHistoryCannotBeChanged(t *testing.T) {
	t.Parallel()
	owner, superuser := pgtest.Superuser(t)
	pgtest.Exec(t, owner, "UPDATE es.settings SET partition_size = 2")
	s, name := open(t, owner), stream()
	for v := range int64(5) {
		mustAppend(t, s, name, v-1, event())
	}
	var attempts []string
	for _, table := range []string{"es.events", "es.events_1", "es.events_2", "es.events_3", "es.streams", "es.head"} {
		attempts = append(attempts, "DELETE FROM "+table, "TRUNCATE "+table, "TRUNCATE "+table+" CASCADE")
	}
	for _, table := range []string{"es.events", "es.events_1", "es.events_2", "es.events_3"} {
		attempts = append(attempts, "UPDATE "+table+" SET data = 'x'", "UPDATE "+table+" SET pos = pos + 1000000")
	}
	for who, url := range map[string]string{"app": owner + "&role=portico_app", "owner": owner, "superuser": superuser} {
		c := connect(t, url)
		for _, sql := range attempts {
			if _, err := c.Exec(t.Context(), sql); err == nil {
				t.Errorf("%s may %s", who, sql)
			}
		}
	}
	if log := readDense(t, s); len(log) != 5 {
		t.Errorf("%d events are left", len(log))
	}
}

// The application's role reads, and calls these functions; nobody else may do even that.
func TestPrivilegesOnTheLog(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := open(t, url)
	mustAppend(t, s, stream(), -1, event()) // makes a partition
	const sqlGranted = `
		SELECT coalesce(string_agg(granted, '; ' ORDER BY granted), '') FROM (
			SELECT c.relname || ' ' || p.privilege FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p(privilege)
			WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND has_table_privilege($1, c.oid, p.privilege)
			UNION ALL SELECT f.proname || ' EXECUTE' FROM pg_proc f WHERE f.pronamespace = 'es'::regnamespace AND has_function_privilege($1, f.oid, 'EXECUTE')
			UNION ALL SELECT 'es ' || p.privilege FROM unnest('{USAGE,CREATE}'::text[]) p(privilege) WHERE has_schema_privilege($1, 'es', p.privilege)
		) g(granted)`
	c := connect(t, url)
	for role, want := range map[string]string{
		"portico_app": "append EXECUTE; append_many EXECUTE; append_one EXECUTE; archives INSERT; archives SELECT; ensure_partitions EXECUTE; es USAGE; events SELECT; head SELECT; listed_streams DELETE; listed_streams INSERT; listed_streams SELECT; listed_streams UPDATE; listed_until DELETE; listed_until INSERT; listed_until SELECT; listed_until UPDATE; partitions SELECT; processes DELETE; processes INSERT; processes SELECT; processes UPDATE; read_stream EXECUTE; restore SELECT; settings SELECT; source DELETE; source INSERT; source SELECT; source UPDATE; streams SELECT",
		"public":      "",
	} {
		var got string
		if err := c.QueryRow(t.Context(), sqlGranted, role).Scan(&got); err != nil || got != want {
			t.Errorf("%s has %q, %v", role, got, err)
		}
	}
	var unfixed int
	err := c.QueryRow(t.Context(), `SELECT count(*) FROM pg_proc WHERE pronamespace = 'es'::regnamespace
		AND NOT coalesce('search_path=pg_catalog, es, pg_temp' = ANY (proconfig), false)`).Scan(&unfixed)
	if err != nil || unfixed != 0 {
		t.Errorf("%d functions have no fixed search_path, %v", unfixed, err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t))
	s.Close()
	if _, err := s.Append(t.Context(), stream(), -1, event()); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("error = %v", err)
	}
}
