package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

// toyPersonal is an event whose personal field can be damaged.
type toyPersonal struct {
	Customer uuid.UUID
	Name     string `json:"name" personal:"stream"`
}

func (toyPersonal) Evolve(s toyState) toyState { return s }

// poisons are the ways in which an event cannot be applied. spoil changes an event that is
// well; mend is what a later version of the program does about it.
var poisons = map[string]struct {
	event any
	spoil func(eventstore.Event) eventstore.Event
}{
	"the writer refuses it": {event: toyPoison{}},
	"the writer panics":     {event: toyPaid{Invoice: uuid.New(), Minor: 7}},
	"PostgreSQL refuses its row": {event: toyIssued{Invoice: uuid.New(), Minor: 1, Due: "2024-02-31",
		At: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)}},
	"corrupt JSON": {event: toyReminded{}, spoil: func(e eventstore.Event) eventstore.Event {
		e.Data = e.Data[:len(e.Data)-3]
		return e
	}},
	"a version that this program does not know": {event: toyReminded{}, spoil: func(e eventstore.Event) eventstore.Event {
		e.Meta = []byte(strings.Replace(string(e.Meta), `"schema":1`, `"schema":9`, 1))
		return e
	}},
	"personal data that do not open": {event: toyPersonal{Name: "Ada"}, spoil: func(e eventstore.Event) eventstore.Event {
		e.Data = []byte(strings.Replace(string(e.Data), `{"$e":[1,"`, `{"$e":[1,"AAAA`, 1))
		return e
	}},
}

// spoiling hands some events to the store other than they are, as a fault would.
type spoiling struct {
	eventstore.Store
	spoil func(eventstore.Event) eventstore.Event
}

func (s *spoiling) Append(ctx context.Context, stream eventstore.StreamName, v int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if s.spoil != nil {
		events[0] = s.spoil(events[0])
	}
	return s.Store.Append(ctx, stream, v, events...)
}

// ENGINE pitfall 16, for each kind of poison: others go on, the customer is parked, and
// once the fault is mended a retry makes its rows as if nothing had happened.
func TestAPoisonEventParksItsCustomerAlone(t *testing.T) {
	for name, poison := range poisons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &spoiling{Store: teststore.New(t)}
			var mended atomic.Bool
			g := toyGroup(toyName(), 2)
			g.Apply = func(b *Batch, e envelope.Event) error {
				if mended.Load() && e.Type != "toy.issued" && e.Version == 1 { // the poison, by its place
					return nil
				}
				if d, ok := e.Data.(toyIssued); ok && mended.Load() && d.Due == "2024-02-31" {
					return nil
				}
				return toyApply(b, e)
			}
			e := toyEngine(store, pgtest.Pool(t), g)
			log := newToyLog(store)
			log.codec = &envelope.Codec{Catalog: domain.NewCatalog(append(domain.Types{domain.TypeOf[toyPersonal]("toy.personal")}, toyTypes...)), Keys: &keyring.Memory{}}
			e.Codec = log.codec
			if err := e.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			running(t, e)
			sick, well := uuid.New(), uuid.New()
			issue := func(c uuid.UUID) toyIssued { return toyIssued{Invoice: uuid.New(), Customer: c, Minor: 100} }
			first := issue(sick)
			log.append(t, sick, first)
			store.spoil = poison.spoil
			log.append(t, sick, poison.event)
			store.spoil = nil
			log.append(t, sick, toyPaid{Invoice: first.Invoice, Customer: sick, Minor: 10}, issue(sick))
			pos := log.append(t, well, issue(well))
			mustReach(t, e, g.Name, pos)
			mustBeParked(t, e, sick, 3)
			if err := e.Wait(within(t, 5*time.Second), g.Name, sick, pos); !errors.Is(err, ErrStale) {
				t.Errorf("the parked customer's read models are said to be up to date: %v", err)
			}
			if err := e.Wait(within(t, 5*time.Second), g.Name, well, pos); err != nil {
				t.Errorf("the other customer: %v", err)
			}
			if got := toyOpen(t, e, sick); got != 100 {
				t.Errorf("the parked customer owes %d: not what was before the event", got)
			}
			pos = log.append(t, sick, issue(sick)) // comes while parked
			mustReach(t, e, g.Name, pos)
			mustBeParked(t, e, sick, 4)
			if _, err := e.Retry(t.Context(), g.Name, sick, nil); err == nil {
				t.Error("tried again without a change, and it went well")
			}
			mustBeParked(t, e, sick, 4)
			mended.Store(true)
			if poison.spoil != nil { // such an event cannot be read, ever: the writer is not asked
				return
			}
			if n, err := e.Retry(t.Context(), g.Name, sick, nil); err != nil || n != 4 {
				t.Fatalf("%d events applied, %v", n, err)
			}
			if parked, _ := e.Parked(t.Context()); len(parked) != 0 || toyOpen(t, e, sick) != 290 {
				t.Errorf("still parked: %+v; owes %d", parked, toyOpen(t, e, sick))
			}
			pos = log.append(t, sick, issue(sick))
			mustReach(t, e, g.Name, pos)
			mustEqualHistory(t, e)
		})
	}
}

// What is held back is applied in the order of the log, also where its positions get another digit:
// the payment is of an invoice that must be there by then.
func TestWhatIsHeldBackIsAppliedInOrder(t *testing.T) {
	store := teststore.New(t)
	var mended atomic.Bool
	g := toyGroup(toyName(), 1)
	g.Apply = func(b *Batch, e envelope.Event) error {
		if _, poison := e.Data.(toyPoison); poison && mended.Load() {
			return nil
		}
		return toyApply(b, e)
	}
	e := toyEngine(store, pgtest.Pool(t), g)
	log := newToyLog(store)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	running(t, e)
	sick := uuid.New()
	log.append(t, sick, toyPoison{})
	var pos eventstore.Position
	for range 12 { // across 9 and 10, and in bytes across 999 and 1000
		invoice := uuid.New()
		log.append(t, sick, toyIssued{Invoice: invoice, Customer: sick, Minor: 100})
		pos = log.append(t, sick, toyPaid{Invoice: invoice, Customer: sick, Minor: 100})
	}
	mustReach(t, e, g.Name, pos)
	mustBeParked(t, e, sick, 25)
	mended.Store(true)
	if n, err := e.Retry(t.Context(), g.Name, sick, nil); err != nil || n != 25 {
		t.Fatalf("%d events applied, %v", n, err)
	}
	if got := toyOpen(t, e, sick); got != 0 {
		t.Errorf("%d is open", got)
	}
	mustEqualHistory(t, e)
}

func mustBeParked(t *testing.T, e *Engine, route uuid.UUID, held int64) {
	t.Helper()
	parked, err := e.Parked(t.Context())
	if err != nil || len(parked) != 1 || parked[0].Route != route || parked[0].Held != held || parked[0].Error == "" {
		t.Fatalf("parked: %+v, %v; want %s with %d events", parked, err, route, held)
	}
	if n := e.Status()[0].Parked; n != 1 {
		t.Errorf("%d parked in the status", n)
	}
}

func toyOpen(t *testing.T, e *Engine, customer uuid.UUID) (open int64) {
	t.Helper()
	schema, err := e.ActiveSchema(t.Context(), e.Groups[0].Name)
	if err == nil {
		err = e.DB.QueryRow(t.Context(), SQL("select open from {s}.balances where customer = $1").In(schema), customer).Scan(&open)
	}
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// Whoever is parked stays so when another process takes the lane over, and in a rebuild
// with the same program; a rebuild is strict about everybody else.
func TestParkingOutlivesItsProcessAndRebuilds(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 2)
	first := toyEngine(store, db, g)
	if err := first.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := running(t, first)
	sick, log := uuid.New(), newToyLog(store)
	pos := log.append(t, sick, toyIssued{Invoice: sick, Customer: sick, Minor: 5}, toyPoison{})
	mustReach(t, first, g.Name, pos)
	stop()
	second := toyEngine(store, db, g)
	running(t, second)
	pos = log.append(t, sick, toyPaid{Invoice: sick, Customer: sick, Minor: 5})
	mustReach(t, second, g.Name, pos)
	if toyOpen(t, second, sick) != 5 {
		t.Error("the second process has applied what follows a poison event")
	}
	mustEqualHistory(t, second) // a fresh fold parks too, at the same event
	if err := second.Rebuild(t.Context(), g.Name, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(PointerFor)
	if parked, err := second.Parked(t.Context()); err != nil || len(parked) != 1 || parked[0].Held != 2 {
		t.Fatalf("after a rebuild: %+v, %v", parked, err)
	}
	mustEqualHistory(t, second)
}

// A rebuild that meets an event which the active build could apply stops: the new code is
// wrong, and nobody's pages may suffer for it.
func TestARebuildIsStrict(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	var broken atomic.Bool
	g.Apply = func(b *Batch, e envelope.Event) error {
		if broken.Load() && e.Type == "toy.reminded" {
			return errPoison
		}
		return toyApply(b, e)
	}
	e := toyEngine(store, pgtest.Pool(t), g)
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := running(t, e)
	c, log := uuid.New(), newToyLog(store)
	mustReach(t, e, g.Name, log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5}, toyReminded{Invoice: c, Customer: c}))
	stop()
	broken.Store(true)
	if err := e.Rebuild(t.Context(), g.Name, nil); !errors.Is(err, errPoison) {
		t.Errorf("a rebuild went past an event that it cannot apply: %v", err)
	}
	if b, err := e.active(t.Context(), g.Name); err != nil || b.Build != 1 {
		t.Errorf("active is %+v, %v", b, err)
	}
}

// Processes share the lanes evenly, and hand over when another comes or goes.
func TestLanesAreSharedEvenly(t *testing.T) {
	db, store := pgtest.Pool(t), teststore.New(t)
	g := toyGroup(toyName(), 6)
	var engines []*Engine
	var stops []func()
	for range 3 {
		e := toyEngine(store, db, g)
		e.faults.lease = 3 * time.Second
		engines, stops = append(engines, e), append(stops, running(t, e))
		time.Sleep(20 * time.Millisecond)
	}
	spread := func(want ...int) {
		t.Helper()
		eventually(t, fmt.Sprintf("lanes are spread %v", want), func() bool {
			for i, n := range want {
				if len(engines[i].Status()[0].Lanes) != n {
					return false
				}
			}
			return true
		})
	}
	history := newToyHistory(store, 20)
	var pos eventstore.Position
	write := func() {
		for n := range 60 {
			pos = history.step(t, func(of int) int { return (n*7 + history.made) % of })
		}
	}
	write()
	spread(2, 2, 2)
	write()
	stops[1]()
	spread(3, 0, 3)
	write()
	stops[0]()
	spread(0, 0, 6)
	mustReach(t, engines[2], g.Name, pos)
	mustEqualHistory(t, engines[2])
}
