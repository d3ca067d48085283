package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain/customer"
	"portico/internal/eventstore"
	esnode "portico/internal/eventstore/eventstoredb/node"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

// shown is every row of every read model, without the positions: those are each log's own.
func shown(t *testing.T, a *app) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, g := range a.engine.Groups {
		schema, err := a.engine.ActiveSchema(t.Context(), g.Name)
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := a.folds.Query(t.Context(), `select relname from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`, schema)
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			rows, _ := a.folds.Query(t.Context(), fmt.Sprintf(`
				select (select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(r)) where key !~ '(^|_)(hi|lo)$')::text
				from %s r order by 1`, pgx.Identifier{schema, table}.Sanitize()))
			if all[g.Name+"."+table], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// do runs a command of the program in this process.
func do(t *testing.T, s *settings, args ...string) (string, error) {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append(args, "--database-url", s.databaseURL, "--data-dir", s.dataDir, "--key-file", s.keyFile))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// at opens the business with its log in a store, and waits until read models and jobs have come to
// the end of it.
func at(t *testing.T, s *settings, address string, do func(a *app)) {
	t.Helper()
	there := *s
	there.eventStore = address
	a, err := open(t.Context(), &there)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	stop := a.run(allRoles)
	defer stop()
	if err := a.engine.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(a)
}

// fed is how many jobs there are once the feeder has come to the end of the log.
func fed(t *testing.T, a *app) (jobs int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(pg.Across(t.Context()), 20*time.Second)
	defer cancel()
	if err := a.feeder.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	feeding := make(chan struct{})
	go func() { defer close(feeding); _ = a.feeder.Run(ctx) }()
	head, err := a.store.Head(ctx)
	for err == nil {
		var low eventstore.Position
		if low, err = a.feeder.Progress(ctx); !low.Before(head) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err == nil {
		err = a.pool.QueryRow(ctx, "select count(*) from portico.jobs").Scan(&jobs)
	}
	cancel()
	<-feeding
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// placed checks that what remembers the place of an event remembers where it is now.
func placed(t *testing.T, a *app) {
	t.Helper()
	at := map[uuid.UUID]string{}
	for after := (eventstore.Position{}); ; {
		page, err := a.store.ReadAll(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			at[e.ID] = e.Pos.String()
		}
		if after = page.Next; page.End {
			break
		}
	}
	rows, _ := a.pool.Query(t.Context(), `select causation, pos_hi || '.' || pos_lo from portico.jobs where causation is not null
		union select event_id, pos from portico.policy_refusals`) // its error is in rows
	var id uuid.UUID
	var pos string
	found, err := pgx.ForEachRow(rows, []any{&id, &pos}, func() error {
		if at[id] != pos {
			t.Errorf("event %s is said to be at %s, and is at %s", id, pos, at[id])
		}
		return nil
	})
	if err != nil || found.RowsAffected() < 100 {
		t.Errorf("%v places, %v", found, err)
	}
}

// A business moves to EventStoreDB and back: read models made from the copy equal the originals, and
// nothing is done a second time.
func TestABusinessMovesToEventStoreDBAndBack(t *testing.T) {
	t.Parallel()
	s := emptyBusiness(t)
	a, err := open(t.Context(), s)
	if err == nil {
		err = loadedSample(t.Context(), a)
	}
	if err != nil {
		t.Fatal(err)
	}
	original, jobs := shown(t, a), fed(t, a)
	if _, err := a.pool.Exec(t.Context(), `insert into portico.policy_refusals (consumer, event_id, stream, pos, code, message)
		select 'policies', e.id, s.name, e.pos || '.0', 'test', 'test' from es.events e join es.streams s using (stream_no) where e.pos = 77`); err != nil {
		t.Fatal(err)
	}
	placed(t, a)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if len(original) < 20 || jobs == 0 {
		t.Fatalf("%d tables, %d jobs", len(original), jobs)
	}
	n, err := esnode.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	n.Write("$stats-0", 7)

	if out, err := do(t, s, "log", "copy", "--to", n.URL()); err != nil || !strings.Contains(out, "compared, all the same") || strings.Contains(out, "stands in") {
		t.Fatalf("%s, %v", out, err)
	}
	refusedBy := func(s *settings, address, code string) {
		t.Helper()
		there := *s
		there.eventStore = address
		if a, err := open(t.Context(), &there); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("opened with %s: %v", address, err)
			if err == nil {
				_ = a.close()
			}
		}
	}
	refusedBy(s, n.URL(), "log.other_store") // it was copied, and not moved to
	if out, err := do(t, s, "log", "copy", "--to", n.URL(), "--switch"); err != nil || !strings.Contains(out, "0 events copied") || !strings.Contains(out, "stands in the copy") {
		t.Fatalf("%s, %v", out, err)
	}
	refusedBy(s, onPostgres, "log.other_store")
	another, err := esnode.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(another.Stop)
	refusedBy(s, another.URL(), "log.other_log")

	at(t, s, n.URL(), func(a *app) {
		if diff := cmp.Diff(original, shown(t, a)); diff != "" {
			t.Errorf("read models of the copy: %s", diff)
		}
		placed(t, a)
		if again := fed(t, a); again != jobs {
			t.Errorf("%d jobs after the move, %d before", again, jobs)
		}
		r, err := a.commands.RegisterCustomer(t.Context(), a.operator("staff"), uuid.New(), customer.Register{Number: "MOVED-1", Details: customer.Details{LegalName: "Came later"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.waiter.Wait(t.Context(), "portal", uuid.Nil, r.Position); err != nil {
			t.Fatal(err)
		}
		original, jobs = shown(t, a), fed(t, a)
	})
	if out, err := do(t, s, "log", "verify", "--event-store", n.URL()); err != nil || !strings.Contains(out, " 0 findings") {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := do(t, s, "log", "copy", "--from", n.URL(), "--to", onPostgres, "--switch"); err != nil || !strings.Contains(out, "2 events copied") {
		t.Fatalf("%s, %v", out, err)
	}
	at(t, s, "", func(a *app) {
		if diff := cmp.Diff(original, shown(t, a)); diff != "" {
			t.Errorf("read models after the way back: %s", diff)
		}
		placed(t, a)
		if again := fed(t, a); again != jobs {
			t.Errorf("%d jobs after the way back, %d before", again, jobs)
		}
	})
	if out, err := do(t, s, "log", "verify"); err != nil || !strings.Contains(out, " 0 findings") {
		t.Errorf("%s, %v", out, err)
	}
}

// While somebody folds read models nothing moves, and a server whose log was left stops.
func TestNobodyMovesBesideAServer(t *testing.T) {
	t.Parallel()
	s := emptyBusiness(t)
	server := portico(t, dataDir(t), "serve", "--addr", "127.0.0.1:0", "--database-url", s.databaseURL, "--key-file", s.keyFile)
	var said bytes.Buffer
	server.Stderr = &said
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !servesOn.MatchString(line) {
		t.Fatalf("%q, %v: %s", line, err, said.String())
	}
	n, err := esnode.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	if out, err := do(t, s, "log", "copy", "--to", n.URL(), "--switch"); err == nil || !strings.Contains(err.Error(), "are at work on this database") {
		t.Errorf("%s, %v", out, err)
	}
	pgtest.Exec(t, s.databaseURL, "UPDATE es.source SET store = 'eventstoredb'") // as if somebody had, from another machine
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(said.String(), "log.other_store") {
			t.Errorf("the server ended with %v: %s", err, said.String())
		}
	case <-time.After(30 * time.Second):
		t.Error("the server goes on in a log that was left")
	}
}

// A server that slept while its log was moved away appends nothing to what was left, from the first
// moment on, and ends.
func TestWhoSleptThroughAMoveAppendsNothing(t *testing.T) {
	t.Parallel()
	n, err := esnode.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	c := newCluster(t)
	p := c.payer()
	p.pay(0)
	c.signal(0, syscall.SIGSTOP)
	c.signal(1, syscall.SIGTERM)
	if err := c.nodes[1].Wait(); err != nil {
		t.Error(err)
	}
	soon(t, "nobody counts as at work", func() bool {
		return portico(t, c.dir, "log", "copy", "--to", n.URL(), "--switch", "--database-url", c.url).Run() == nil
	})
	head := c.rows("select pos::text from es.head")
	ended := make(chan error, 1)
	go func() { ended <- c.nodes[0].Wait() }()
	var asking sync.WaitGroup
	for range 8 { // they wait for it to wake
		asking.Go(func() {
			if got := c.ask(0, c.staff, "POST", "/v1/customers/"+p.id+"/accounts/GBP/payments", `{"amount":{"minor":1,"currency":"GBP"},"method":"cash"}`); got.status == 200 || got.status == 201 {
				t.Errorf("a payment was taken: %d %v", got.status, got.body)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	c.signal(0, syscall.SIGCONT)
	asking.Wait()
	if now := c.rows("select pos::text from es.head"); now[0] != head[0] {
		t.Errorf("the log that was left went on from %v to %v", head, now)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the server ends as if it had been asked to")
		}
	case <-time.After(20 * time.Second):
		t.Error("the server goes on in a log that was left")
	}
}
