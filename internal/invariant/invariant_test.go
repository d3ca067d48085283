package invariant_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain/catalog"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/invariant"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// log makes one of 12 streams with 20 events each, in partitions of 100, and answers a
// superuser's URL of it.
func log(t *testing.T) (*pgxpool.Pool, *eventstore.Postgres, string) {
	t.Helper()
	owner, super := pgtest.Superuser(t)
	pgtest.Exec(t, super, "UPDATE es.settings SET partition_size = 100")
	pool := pgtest.Open(t, owner)
	store := eventstore.OpenPostgres(pool)
	t.Cleanup(store.Close)
	write(t, store, "a", 20)
	return pool, store, super
}

func write(t *testing.T, store eventstore.Store, tenant string, events int) {
	t.Helper()
	var writers sync.WaitGroup
	for n := range 12 {
		writers.Go(func() {
			stream := eventstore.Stream(tenant, "test", fmt.Sprintf("%d", n))
			for v := range events {
				_, err := store.Append(t.Context(), stream, int64(v-1), eventstore.Event{ID: uuid.New(), Type: "test.done", Data: []byte("{}"), Meta: []byte("{}")})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

func rules(t *testing.T, pool *pgxpool.Pool) (rules []string) {
	t.Helper()
	found, err := invariant.Log(t.Context(), pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	t.Log(found)
	return slices.Compact(rules)
}

func TestALogThatWasOnlyAppendedToHoldsAllRules(t *testing.T) {
	t.Parallel()
	pool, _, _ := log(t)
	if broken := rules(t, pool); broken != nil {
		t.Errorf("broken: %v", broken)
	}
	empty := pgtest.Pool(t)
	if broken := rules(t, empty); broken != nil {
		t.Errorf("empty, broken: %v", broken)
	}
}

// Who finds a stream elsewhere has looked at the clock, and leaves that at the head.
func TestARefusedAppendIsNoFinding(t *testing.T) {
	t.Parallel()
	pool, store, _ := log(t)
	var conflict *eventstore.Conflict
	_, err := store.Append(t.Context(), "a.test-3", 4, eventstore.Event{ID: uuid.New(), Type: "test.done", Data: []byte("{}"), Meta: []byte("{}")})
	if !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	if broken := rules(t, pool); broken != nil {
		t.Errorf("broken: %v", broken)
	}
}

// Writers move the head, the streams and the partitions while it looks.
func TestWritersMakeNoFindings(t *testing.T) {
	t.Parallel()
	pool, store, _ := log(t)
	done := make(chan struct{})
	go func() { defer close(done); write(t, store, "b", 150) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		// Partitions are made beside the writers, who may be faster here than ever elsewhere.
		broken := slices.DeleteFunc(rules(t, pool), func(rule string) bool { return rule == invariant.RuleRoom })
		if len(broken) > 0 {
			t.Fatalf("broken: %v", broken)
		}
	}
}

// Each is what a superuser can do, who switches the triggers off; the application cannot.
func TestWhatASuperuserBreaksIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		want []string
	}{
		"a row is deleted":              {"DELETE FROM es.events WHERE pos = 57", []string{invariant.RuleDense, invariant.RuleStream}},
		"the last rows are deleted":     {"DELETE FROM es.events WHERE pos > 237", []string{invariant.RuleDense, invariant.RuleHead, invariant.RuleStream}},
		"the first row is deleted":      {"DELETE FROM es.events WHERE pos = 1", []string{invariant.RuleDense, invariant.RuleStream}},
		"a stream is cut":               {"UPDATE es.streams SET version = version - 1 WHERE name = 'a.test-3'", []string{invariant.RuleStream}},
		"a stream is moved":             {"UPDATE es.streams SET first_pos = first_pos + 1 WHERE name = 'a.test-3'", []string{invariant.RuleStream}},
		"a stream is forgotten":         {"DELETE FROM es.streams WHERE name = 'a.test-3'", []string{invariant.RuleStream}},
		"a stream is invented":          {"INSERT INTO es.streams (name, version, first_pos, last_pos) VALUES ('a.test-x', 0, 7, 7)", []string{invariant.RuleStream}},
		"an event changes its stream":   {"UPDATE es.events SET stream_no = (SELECT min(stream_no) FROM es.streams WHERE stream_no <> e.stream_no) FROM es.events e WHERE e.pos = es.events.pos AND e.pos = 100", []string{invariant.RuleStream}},
		"two versions change places":    {"UPDATE es.events SET version = 9 - version WHERE version IN (4, 5) AND stream_no = (SELECT stream_no FROM es.streams WHERE name = 'a.test-3')", []string{invariant.RuleStream}},
		"an event has another's id":     {"UPDATE es.events SET id = (SELECT id FROM es.events WHERE pos = 9) WHERE pos = 200", []string{invariant.RuleID}},
		"an event is made older":        {"UPDATE es.events SET at = at - interval '1 hour' WHERE pos = 111", []string{invariant.RuleTime}},
		"the head is put back":          {"UPDATE es.head SET pos = 200", []string{invariant.RuleHead}},
		"the head's time is put back":   {"UPDATE es.head SET at = at - interval '1 second'", []string{invariant.RuleHead}},
		"a partition is taken off":      {"ALTER TABLE es.events DETACH PARTITION es.events_2", []string{invariant.RuleDense, invariant.RulePartition, invariant.RuleStream}},
		"a partition is forgotten":      {"DELETE FROM es.partitions WHERE no = 2", []string{invariant.RulePartition}},
		"nobody made room ahead":        {"UPDATE es.settings SET partition_size = 1000", []string{invariant.RuleRoom}},
		"a trigger is off":              {"ALTER TABLE es.events_2 DISABLE TRIGGER append_only_truncate", []string{invariant.RuleGuard}},
		"triggers are gone":             {"DROP TRIGGER append_only_rows ON es.head", []string{invariant.RuleGuard}},
		"the program may change events": {"GRANT UPDATE ON es.events_1 TO portico_app", []string{invariant.RuleGuard}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, _, super := log(t)
			pgtest.Exec(t, super, "SET session_replication_role = replica; "+c.sql)
			got := rules(t, pool)
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

// A session may read less than there is (ADR 4): what it finds is not believed before another finds it.
// Here the first session is of a log from which something is gone.
func TestOneSessionIsNotBelieved(t *testing.T) {
	t.Parallel()
	whole, _, _ := log(t)
	broken, _, super := log(t)
	pgtest.Exec(t, super, "SET session_replication_role = replica; DELETE FROM es.events WHERE pos = 57")
	first := broken.Config().ConnConfig
	for _, c := range []struct {
		then *pgx.ConnConfig
		want int
	}{{whole.Config().ConnConfig, 0}, {first, 2}} {
		o, opened := whole.Config(), 0
		o.BeforeConnect = func(_ context.Context, to *pgx.ConnConfig) error {
			if *to = *first.Copy(); opened > 0 {
				*to = *c.then.Copy()
			}
			opened++
			return nil
		}
		pool, err := pgxpool.NewWithConfig(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		if got := rules(t, pool); len(got) != c.want || opened != 2 {
			t.Errorf("found %v in %d sessions", got, opened)
		}
	}
}

func TestEveryEnvelopeOpensOrWasErased(t *testing.T) {
	t.Parallel()
	keys := &keyring.Memory{}
	codec := &envelope.Codec{Catalog: catalog.New(), Keys: keys}
	staff, store := uuid.New(), eventstore.NewMemory()
	add := func(change func(*eventstore.Event), name string) {
		id := uuid.New()
		stream := eventstore.Stream(name, "tenant", id.String())
		sealed, err := codec.Seal(t.Context(), stream, id, envelope.Meta{
			Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: staff}, Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "203.0.113.7", Node: "n"},
			OccurredAt: time.Unix(1, 0), CommandID: uuid.New(), Command: "Close", CorrelationID: uuid.New(), CausationID: uuid.New(),
		}, tenant.BranchClosed{})
		if err != nil {
			t.Fatal(err)
		}
		change(&sealed)
		if _, err := store.Append(t.Context(), stream, eventstore.NoStream, sealed); err != nil {
			t.Fatal(err)
		}
	}
	find := func() []invariant.Finding {
		t.Helper()
		found, err := invariant.Envelopes(t.Context(), store, codec, nil)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	add(func(*eventstore.Event) {}, "main")
	if found := find(); len(found) > 0 {
		t.Error(found)
	}
	keys.Erase("main", staff)
	if found := find(); len(found) > 0 {
		t.Errorf("erased: %v", found)
	}
	staff = uuid.New() // the erased one gets no other key
	add(func(e *eventstore.Event) { e.Data = []byte("{") }, "main")
	add(func(e *eventstore.Event) { e.Meta = []byte(`{"tenant":"main"}`) }, "main")
	add(func(e *eventstore.Event) { e.Type = "tenant.tomorrow" }, "main")
	add(func(*eventstore.Event) {}, "other")
	add(func(e *eventstore.Event) { e.ID = uuid.New() }, "main") // what was sealed was sealed for another id
	found := find()
	var at []string
	for _, f := range found {
		at = append(at, f.Where)
	}
	if !slices.Equal(at, []string{"2", "3", "4", "5", "6"}) {
		t.Error(found)
	}
}
