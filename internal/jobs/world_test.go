package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain/catalog"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

// world is a log with events of one type, and a database for what follows from them.
type world struct {
	t     *testing.T
	url   string // of the database, for its owner
	store eventstore.Store
	db    *pgxpool.Pool
	codec *envelope.Codec
	jobs  *Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := pgtest.New(t)
	db := pgtest.Open(t, url)
	return &world{t, url, teststore.New(t), db, &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}, &Store{DB: db}}
}

// happen appends an event to a stream of its own and answers it.
func (w *world) happen(name string) (at eventstore.Position, id, correlation uuid.UUID) {
	w.t.Helper()
	stream, e := w.event(name)
	appended, err := w.store.Append(w.t.Context(), stream, eventstore.NoStream, e)
	if err != nil {
		w.t.Fatal(err)
	}
	var m envelope.Meta
	if err := json.Unmarshal(e.Meta, &m); err != nil {
		w.t.Fatal(err)
	}
	return appended.Pos, e.ID, m.CorrelationID
}

// event is one that can be appended, and the stream that it begins.
func (w *world) event(name string) (eventstore.StreamName, eventstore.Event) {
	stream := eventstore.Stream("main", "tenant", uuid.NewString())
	m := envelope.Meta{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Origin: envelope.Origin{Channel: envelope.ChannelAPI, Node: "test"},
		OccurredAt: time.Now(), CommandID: uuid.New(), Command: "Test", CorrelationID: uuid.New(), CausationID: uuid.New()}
	e, err := w.codec.Seal(context.Background(), stream, uuid.New(), m, tenant.Registered{Settings: tenant.Settings{Name: name, TimeZone: "UTC", Currency: "GBP"}})
	if err != nil {
		w.t.Error(err)
	}
	return stream, e
}

// planFor plans a job of each kind for each event.
func planFor(kinds ...Kind) Plan {
	return Plan{Of: []string{"tenant."}, Jobs: func(e envelope.Event) (made []Job) {
		for _, k := range kinds {
			made = append(made, For(e, k.Name, e.Data.(tenant.Registered).Name))
		}
		return made
	}}
}

func (w *world) feeder(node string, plan Plan, kinds ...Kind) *Feeder {
	return &Feeder{Store: w.store, Jobs: w.jobs, Codec: w.codec, Plans: []Plan{plan}, Kinds: kinds, Node: node, Log: slog.New(slog.DiscardHandler)}
}

// queue is a process's own, with leases that a test can wait for.
func (w *world) queue(node string, kinds ...Kind) *Queue {
	return &Queue{Store: &Store{DB: w.db}, Node: node, Kinds: kinds, Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond, Grace: 200 * time.Millisecond}
}

// run runs something until the test ends, or the returned function is called.
func (w *world) run(f interface{ Run(context.Context) error }) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(stop)
	return stop
}

func (w *world) settle(f *Feeder, pos eventstore.Position) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if err := f.Settle(ctx, pos); err != nil {
		w.t.Fatal(err, w.table())
	}
}

// table is every job's kind, state, attempts, deaths and error.
func (w *world) table() (all []string) {
	rows, err := w.db.Query(w.t.Context(), `select format('%s %s, attempts %s, deaths %s: %s', kind, state, attempts, deaths, left(error, 80)) from portico.jobs order by made_at, kind`)
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		_ = rows.Scan(&line)
		all = append(all, "\n"+line)
	}
	return all
}

func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s%v", what, w.table())
		}
	}
}

// insert makes jobs of a kind, for tests without a feeder.
func (w *world) insert(kind string, n int) []Job {
	w.t.Helper()
	made := some(kind, n)
	if err := w.jobs.Insert(w.t.Context(), made...); err != nil {
		w.t.Fatal(err)
	}
	return made
}

// calls counts what handlers did, by job.
type calls struct {
	mu sync.Mutex
	by map[uuid.UUID]int
	of []Attempt
}

func (c *calls) note(a Attempt) (nth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[uuid.UUID]int{}
	}
	c.by[a.ID]++
	c.of = append(c.of, a)
	return c.by[a.ID]
}

func (c *calls) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.of)
}

func (c *calls) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.by)
}
