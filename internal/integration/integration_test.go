package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"portico/domain"
	"portico/domain/catalog"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/public"
	"portico/internal/reactions"
)

// firstSlow refuses the first offer of every invoice.issued, so that whatever may overtake
// it does.
func firstSlow(r received, before int) error {
	if r.Type == "portico.invoice.issued.v1" && before == 0 {
		return errDown
	}
	return nil
}

// Events of one stream arrive in order, also when the invoice becomes a customer's midway.
func TestOrderPerStream(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	b.refuse = firstSlow
	n := w.invoices(20)
	f := w.feed(b.target())
	w.start(f)
	w.told(f)
	if got := b.all(); len(got) != n || disorder(got) != "" {
		t.Errorf("%d events, want %d; %s", len(got), n, disorder(got))
	}
}

// The control: with lanes by customer, as policies have them, the same check finds disorder.
func TestOrderPerStreamNeedsLanesByStream(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	b.refuse = firstSlow
	w.invoices(20)
	f := w.feed(b.target())
	f.Subscriber.ByStream = false
	w.start(f)
	w.told(f)
	if disorder(b.all()) == "" {
		t.Error("an assigned invoice's events kept their order in lanes by customer: this test shows nothing")
	}
}

// Each kind of event arrives, once, under the id of its event; what is not public does not.
func TestEachKindArrivesOnce(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	want := w.oneOfEach()
	f := w.feed(b.target())
	w.start(f)
	w.told(f)
	w.arrived(want, b.all())
}

// oneOfEach appends an event of every type there is, and answers the ids of those to be
// told, by public type.
func (w *world) oneOfEach() map[string]string {
	w.Helper()
	types := map[string]string{}
	for _, k := range public.Kinds() {
		types[k.Stored] = k.Type
	}
	want := map[string]string{}
	for _, typ := range catalog.New().All() {
		raw, err := os.ReadFile(filepath.Join("../../domain/catalog/testdata", fmt.Sprintf("%s.v%d.json", typ.Name, typ.Version)))
		if err != nil {
			w.Fatal(err)
		}
		data, err := w.codec.Catalog.Decode(typ.Name, typ.Version, raw)
		if err != nil {
			w.Fatal(err)
		}
		id := w.append(eventstore.Stream("main", "thing", uuid.NewString()), 0, uuid.New(), data)
		if told := types[typ.Name]; told != "" {
			want[told] = id.String()
		}
	}
	return want
}

func (w *world) arrived(want map[string]string, all []received) {
	w.Helper()
	for _, r := range all {
		if want[r.Type] != r.ID {
			w.Errorf("%s arrived as %s, want %q once", r.Type, r.ID, want[r.Type])
		}
		delete(want, r.Type)
	}
	for typ := range want {
		w.Errorf("%s did not arrive", typ)
	}
}

// The checkpoint stays before an event that the broker has not acknowledged, however long
// that takes, and other streams' events go on meanwhile.
func TestTheCheckpointWaitsForTheBroker(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	w.invoices(1)
	before, _ := w.store.Head(t.Context())
	stuck := w.append(eventstore.Stream("main", "invoice", uuid.NewString()), 0, uuid.New(), invoice.Issued{})
	w.invoices(5)
	b.refuse = func(r received, _ int) error {
		if r.ID == stuck.String() {
			return errDown
		}
		return nil
	}
	f := w.feed(b.target())
	stop := w.start(f)
	// Who shares the stuck one's lane, one of 16, waits with it; not all five do.
	w.eventually(func() bool { return len(b.all()) >= 6 && b.offered(stuck.String()) >= 3 })
	stop()
	low, _, err := f.Subscriber.Progress(t.Context(), Consumer)
	if err != nil || before.Before(low) {
		t.Errorf("the checkpoint is at %v, after the event that nobody has taken (after %v): %v", low, before, err)
	}
	if open, _ := f.Subscriber.Refusals(t.Context(), ""); len(open) > 0 {
		t.Errorf("set aside although the broker was down: %+v", open)
	}
	b.set(nil)
	next := w.feed(b.target())
	w.start(next)
	w.told(next)
	if b.all()[len(b.all())-1].ID == "" || !b.has(stuck.String()) {
		t.Error("what waited was lost")
	}
}

// During an outage nothing is lost, nothing is set aside, and nobody tries all the time.
func TestAnOutageIsWaitedOut(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	down := func(received, int) error { return errDown }
	b.set(down)
	n := w.invoices(30)
	f := w.feed(b.target())
	w.start(f)
	began := time.Now()
	w.eventually(func() bool { return b.tries() >= 16 })
	time.Sleep(500 * time.Millisecond)
	// 16 lanes, waits from 15 ms, doubling up to 480 ms
	if tries, most := b.tries(), 16*(7+int(time.Since(began)/(480*time.Millisecond))); tries > most {
		t.Errorf("%d tries in %v, want %d at most", tries, time.Since(began), most)
	}
	b.set(nil)
	w.told(f)
	if got := b.all(); len(got) != n || disorder(got) != "" {
		t.Errorf("%d events, want %d; %s", len(got), n, disorder(got))
	}
	if open, _ := f.Subscriber.Refusals(t.Context(), ""); len(open) > 0 {
		t.Errorf("set aside although the broker was down: %+v", open)
	}
}

// A feed that has never run begins at the log's end; once it has run it goes on where it
// stopped, and tells what happened in between.
func TestWhereAFeedBegins(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	w.invoices(2)
	f := w.feed(b.target())
	f.FromStart = false
	stop := w.start(f)
	w.told(f)
	w.invoices(1)
	w.told(f)
	if got := len(b.all()); got != 3 {
		t.Errorf("%d events were told, want the 3 since the start", got)
	}
	stop()
	w.invoices(1) // while it is off
	again := w.feed(b.target())
	again.FromStart = false
	w.start(again)
	w.told(again)
	if got := len(b.all()); got != 6 {
		t.Errorf("%d events were told, want also the 3 while it was off", got)
	}
}

// Replay tells everything after a position again, also while the feed runs, and never skips.
func TestReplay(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	w.invoices(1)
	half, _ := w.store.Head(t.Context())
	w.invoices(1)
	f := w.feed(b.target())
	w.start(f)
	w.told(f)
	w.eventually(func() bool { return f.Subscriber.Rewind(t.Context(), Consumer, half) == nil }) // once the checkpoint is saved
	w.invoices(1)                                                                                // whoever has the lease learns by saving its checkpoint that it has to begin again
	w.eventually(func() bool { return repeated(b.all()) >= 3 })
	head, _ := w.store.Head(t.Context())
	if err := f.Subscriber.Rewind(t.Context(), Consumer, eventstore.Position{Hi: head.Hi + 1}); !errors.Is(err, reactions.ErrNotBefore) {
		t.Errorf("forward: %v", err)
	}
}

// repeated is how many events came more than once.
func repeated(all []received) int {
	seen := map[string]bool{}
	for _, r := range all {
		seen[r.ID] = true
	}
	return len(all) - len(seen)
}

// A feed that dies at any moment, again and again, tells everything, each stream in order
// but for repetitions.
func TestFeedSurvivesCrashes(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	n := w.invoices(60)
	for crash := range 8 {
		stop := w.start(w.feed(b.target()))
		time.Sleep(time.Duration(5+crash*7) * time.Millisecond)
		stop()
		// As if it had died before it saved its checkpoint.
		if _, err := w.db.Exec(t.Context(), `update portico.consumers set low_hi = greatest(low_hi - 10, 0)`); err != nil {
			t.Fatal(err)
		}
	}
	last := w.feed(b.target())
	w.start(last)
	w.told(last)
	first, seen := []received{}, map[string]bool{}
	for _, r := range b.all() {
		if !seen[r.ID] {
			first = append(first, r)
		}
		seen[r.ID] = true
	}
	if len(first) != n || disorder(first) != "" {
		t.Errorf("%d events, want %d; %s", len(first), n, disorder(first))
	}
}

// broken is an invoice.issued that a program cannot read.
type broken struct{}

func (broken) Evolve(s struct{}) struct{} { return s }

func (*broken) UnmarshalJSON([]byte) error { return errors.New("not mended") }

// What cannot be translated is set aside where operators see it, all else goes on; mended,
// it is told. A broker that does not take so large a message is asked once.
func TestWhatCannotBeToldIsSetAside(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	w.invoices(1)
	large := w.append(eventstore.Stream("main", "contact", uuid.NewString()), 0, uuid.New(), one(t, "contact.removed"))
	b.refuse = func(r received, _ int) error {
		if r.ID == large.String() {
			return fmt.Errorf("publishing: %w", nats.ErrMaxPayload)
		}
		return nil
	}
	f := w.feed(b.target())
	f.Codec = &envelope.Codec{Catalog: domain.NewCatalog(append(withoutIssued(), domain.TypeOf[broken]("invoice.issued", domain.Unchanged))), Keys: w.codec.Keys}
	w.start(f)
	w.told(f)
	open, err := f.Subscriber.Refusals(t.Context(), Consumer)
	if err != nil || len(open) != 2 || len(b.all()) != 2 {
		t.Fatalf("set aside %+v, told %d, %v", open, len(b.all()), err)
	}
	if b.offered(large.String()) != 1 {
		t.Errorf("what is too large was offered %d times", b.offered(large.String()))
	}
	if err := f.Retry(t.Context(), open[0]); err == nil {
		t.Error("tried again without a change, and it went well")
	}
	b.set(nil)
	f.Codec = w.codec
	for _, r := range open {
		if err := f.Retry(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	if open, _ := f.Subscriber.Refusals(t.Context(), ""); len(open) != 0 || len(b.all()) != 4 {
		t.Errorf("still set aside: %+v; told %d", open, len(b.all()))
	}
}

func withoutIssued() (types domain.Types) {
	for _, t := range catalog.New().All() {
		if t.Name != "invoice.issued" {
			types = append(types, t)
		}
	}
	return types
}

// one is an event of a type, with whatever its golden form has.
func one(t *testing.T, name string) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../domain/catalog/testdata", name+".v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := catalog.New().Decode(name, 1, raw)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of two processes one publishes; when it ends the other takes over.
func TestOneProcessPublishes(t *testing.T) {
	w, b := newWorld(t), newMemory(t)
	one, two := w.feed(b.target()), w.feed(b.target())
	stop := w.start(one)
	w.start(two)
	w.invoices(5)
	w.told(two)
	stop()
	w.invoices(5)
	w.told(two)
	if got := b.all(); len(got) != 30 || disorder(got) != "" {
		t.Errorf("%d events, want 30; %s", len(got), disorder(got))
	}
}

func (w *world) eventually(holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			w.Fatal("it did not happen")
		}
	}
}

func (b *memory) set(refuse func(received, int) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if refuse == nil {
		refuse = func(received, int) error { return nil }
	}
	b.refuse = refuse
}

func (b *memory) offered(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.offers[id]
}

func (b *memory) tries() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, offers := range b.offers {
		n += offers
	}
	return n
}

func (b *memory) has(id string) bool {
	for _, r := range b.all() {
		if r.ID == id {
			return true
		}
	}
	return false
}
