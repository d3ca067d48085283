package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/domain/catalog"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/public"
	"portico/internal/reactions"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a log with feeds on it.
type world struct {
	*testing.T
	store eventstore.Store
	db    *pgxpool.Pool
	codec *envelope.Codec
	node  int
}

func newWorld(t *testing.T) *world {
	t.Parallel() // they wait more than they work
	return &world{T: t, store: teststore.New(t), db: pgtest.Pool(t), codec: &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}}
}

// feed is another process's feed to a target, from the log's beginning.
func (w *world) feed(to Target) *Feed {
	w.node++
	log := slog.New(slog.NewTextHandler(w.Output(), nil))
	s := &reactions.Subscriber{Store: w.store, DB: w.db, Node: strconv.Itoa(w.node), Lanes: 16, Log: log, Pause: 20 * time.Millisecond}
	f := NewFeed(s, w.codec, to, log)
	f.FromStart = true
	return f
}

// start runs a feed until the returned function is called, or the test is over.
func (w *world) start(f *Feed) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait(); _ = f.Close() })
	w.Cleanup(stop)
	return stop
}

// told waits until everything in the log is published or set aside.
func (w *world) told(f *Feed) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	head, err := w.store.Head(ctx)
	if err == nil {
		_, err = f.Subscriber.Wait(ctx, Consumer, head)
	}
	if err != nil {
		w.Fatal("not everything was published: ", err)
	}
}

// append adds an event to a stream; of nobody if customer is nil.
func (w *world) append(stream eventstore.StreamName, version int64, customer uuid.UUID, data any) uuid.UUID {
	w.Helper()
	id := uuid.Must(uuid.NewV7())
	meta := envelope.Meta{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: id}, Origin: envelope.Origin{Channel: "api", Node: "n"},
		OccurredAt: time.Now(), CommandID: id, Command: "Test", CorrelationID: id, CausationID: id, Route: customer}
	sealed, err := w.codec.Seal(w.Context(), stream, id, meta, data)
	if err == nil {
		_, err = w.store.Append(w.Context(), stream, version-1, sealed)
	}
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// invoices appends some, each issued as nobody's, assigned to a customer, and published:
// three events of a stream, of which the later ones are of another lane by customer.
func (w *world) invoices(n int) (events int) {
	w.Helper()
	for i := range n {
		id, customer := uuid.New(), uuid.New()
		stream := eventstore.Stream("main", "invoice", id.String())
		d := invoice.Document{Number: fmt.Sprint("INV-", i), Kind: "invoice", Calculation: domain.Calculation{Currency: "GBP"}, IssuedOn: "2026-03-01", DueOn: "2026-03-31"}
		w.append(stream, 0, uuid.Nil, invoice.Issued{Document: d})
		d.CustomerID = &customer
		w.append(stream, 1, customer, invoice.Assigned{Document: d})
		w.append(stream, 2, customer, invoice.Published{CustomerID: &customer, Version: 1, ContentHash: "x"})
	}
	return 3 * n
}

// message is what consumers make of a published one.
type received struct {
	topic     string
	ID        string `json:"id"`
	Type      string `json:"type"`
	Partition string `json:"partitionkey"`
	Sequence  string `json:"sequence"`
}

func parse(t *testing.T, topic string, payload []byte) received {
	t.Helper()
	r := received{topic: topic}
	if err := json.Unmarshal(payload, &r); err != nil || r.ID == "" {
		t.Errorf("published %s: %v", payload, err)
	}
	return r
}

// disorder is the first event that came after a later one of its stream, or again.
func disorder(all []received) string {
	last := map[string]string{}
	for _, r := range all {
		if r.Sequence <= last[r.Partition] {
			return fmt.Sprintf("%s %s of %s came after %s", r.Type, r.Sequence, r.Partition, last[r.Partition])
		}
		last[r.Partition] = r.Sequence
	}
	return ""
}

// memory is a broker that keeps what it takes; refuse may decline.
type memory struct {
	t      *testing.T
	mu     sync.Mutex
	kept   []received
	refuse func(r received, before int) error // before: how often it was offered before
	offers map[string]int
}

func newMemory(t *testing.T) *memory {
	return &memory{t: t, offers: map[string]int{}, refuse: func(received, int) error { return nil }}
}

func (b *memory) target() Target {
	return Target{Publisher: b, Topic: func(e public.Event) string { return e.Type }}
}

func (b *memory) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		r := parse(b.t, topic, m.Payload)
		b.mu.Lock()
		before := b.offers[r.ID]
		b.offers[r.ID]++
		err := b.refuse(r, before)
		if err == nil {
			b.kept = append(b.kept, r)
		}
		b.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *memory) Close() error { return nil }

func (b *memory) all() []received {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]received{}, b.kept...)
}

var errDown = errors.New("the broker is down")
