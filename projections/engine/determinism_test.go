package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// toyHistory makes up events, in chunks as they are appended.
type toyHistory struct {
	log       *toyLog
	customers []uuid.UUID
	invoices  map[uuid.UUID][]uuid.UUID
	made      int
}

func newToyHistory(store eventstore.Store, customers int) *toyHistory {
	h := &toyHistory{log: newToyLog(store), invoices: map[uuid.UUID][]uuid.UUID{}}
	for n := range customers {
		h.customers = append(h.customers, uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(n), byte(n >> 8)}))
	}
	return h
}

func (h *toyHistory) step(t interface {
	Helper()
	Fatal(...any)
}, pick func(n int) int) eventstore.Position {
	c := h.customers[pick(len(h.customers))]
	var events []any
	for range 1 + pick(4) {
		open := h.invoices[c]
		kind := pick(10)
		switch {
		case len(open) == 0 || kind < 3:
			h.made++
			id := domain.DerivedID(c, "invoice", string(rune(h.made)))
			h.invoices[c] = append(open, id)
			events = append(events, toyIssued{Invoice: id, Customer: c, Minor: int64(100 + pick(900)), Due: "2024-05-01",
				At: time.Date(2024, 3, 1, 12, 0, h.made, 999_999_999, time.FixedZone("", 7200)), Text: "a\tb"})
		case kind < 7:
			events = append(events, toyPaid{Invoice: open[pick(len(open))], Customer: c, Minor: int64(1 + pick(300))})
		case kind < 9:
			events = append(events, toyReminded{Invoice: open[pick(len(open))], Customer: c})
		default:
			n := pick(len(open))
			events = append(events, toyForgotten{Invoice: open[n], Customer: c})
			h.invoices[c] = append(append([]uuid.UUID{}, open[:n]...), open[n+1:]...)
		}
	}
	return h.log.append(t, c, events...)
}

// chaos makes an engine fail at random commits, before or after they are done, and read
// pages of random sizes.
type chaos struct {
	mu  sync.Mutex
	rng *rand.Rand
	p   float64
}

var errInjected = errors.Join(errors.New("injected"), context.DeadlineExceeded)

func (c *chaos) hook(string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rng.Float64() < c.p {
		return errInjected
	}
	return nil
}

func (c *chaos) page() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return 1 + c.rng.IntN(40)
}

// bulk is how many bytes a build holds back: from nothing to some pages.
func (c *chaos) bulk() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.IntN(100_000)
}

func TestReadModelsEqualAFreshFoldWhateverHappened(t *testing.T) {
	db := pgtest.Pool(t)
	pgtest.Draws(t, 36) // each takes two seconds
	rapid.Check(t, func(r *rapid.T) {
		seed := rapid.Uint64().Draw(r, "seed")
		liveThroughChaos(t, r, db, seed, rapid.IntRange(1, 5).Draw(r, "lanes"))
	})
}

func liveThroughChaos(t *testing.T, r *rapid.T, db *pgxpool.Pool, seed uint64, lanes int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	store := teststore.New(t)
	g := toyGroup(toyName(), lanes)
	history := newToyHistory(store, 7)
	c := &chaos{rng: rand.New(rand.NewPCG(seed, 2)), p: 0.15}
	var pos eventstore.Position
	for range 3 { // lives of the process
		ctx, cancel := context.WithCancel(context.Background())
		var processes sync.WaitGroup
		for range 2 {
			e := toyEngine(store, db, g)
			e.faults.hook, e.faults.page, e.faults.bulk, e.faults.lease = c.hook, c.page, c.bulk, 30*time.Millisecond
			processes.Go(func() { _ = e.Run(ctx) })
		}
		for range 40 {
			pos = history.step(r, rng.IntN)
			if rng.IntN(8) == 0 {
				time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
			}
		}
		cancel() // wherever it is
		processes.Wait()
	}
	e := toyEngine(store, db, g)
	stop := running(t, e)
	defer stop()
	if err := e.WaitAll(within(t, 20*time.Second), g.Name, pos); err != nil {
		r.Fatalf("%v: %+v", err, e.Status())
	}
	live := differencesIn(r, e)
	if live.Differences != 0 || live.Rows == 0 {
		r.Fatalf("%d differences in %d rows, the first: %+v", live.Differences, live.Rows, live.First)
	}
	stop()
	e.faults.page, e.faults.bulk = c.page, c.bulk
	if err := e.Rebuild(context.Background(), g.Name, nil); err != nil {
		r.Fatal(err)
	}
	if again := differencesIn(r, e); again.Differences != 0 || again.Rows != live.Rows || again.Build == live.Build {
		r.Fatalf("after a rebuild: %+v, before: %+v", again, live)
	}
}

func differencesIn(r *rapid.T, e *Engine) Verified {
	v, err := e.Verify(context.Background(), nil, nil)
	if err != nil {
		r.Fatal(err)
	}
	return v[0]
}

// The control: an engine that commits rows and checkpoint apart is found out.
func TestVerifyFindsACheckpointThatIsNotInTheRowsTransaction(t *testing.T) {
	for _, loose := range []bool{false, true} {
		store := teststore.New(t)
		e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 1))
		e.faults.loose = loose
		commits := 0
		struck := make(chan struct{})
		e.faults.hook = func(point string) error {
			if point == "commit" {
				if commits++; commits == 4 { // loose: rows, checkpoint, rows, and now this checkpoint
					close(struck)
					return errInjected
				}
			}
			return nil
		}
		if err := e.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := running(t, e)
		customer := uuid.New()
		log := newToyLog(store)
		var pos eventstore.Position
		for n := range 6 {
			pos = log.append(t, customer, toyIssued{Invoice: uuid.New(), Customer: customer, Minor: int64(n)},
				toyReminded{Customer: customer})
			if !loose {
				mustReach(t, e, e.Groups[0].Name, pos)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if loose { // the entry that is inserted again stops the group; let it go on without
			for n := 0; !isClosed(struck); n++ { // a slow machine takes many events in one batch
				if n == 300 {
					t.Fatal("the fault never struck")
				}
				log.append(t, customer, toyIssued{Invoice: uuid.New(), Customer: customer, Minor: int64(n)})
				time.Sleep(100 * time.Millisecond)
			}
			stop()
			if v := differences(t, e); v.Differences == 0 {
				t.Error("rows were committed without their checkpoint, and verify found nothing")
			}
			continue
		}
		mustEqualHistory(t, e)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
