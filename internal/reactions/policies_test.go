package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/catalog"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is one process: its own commands and policies over a shared store and database.
type world struct {
	store    eventstore.Store
	db       *pgxpool.Pool
	commands *commands.Commands
	policies *Policies
}

func newWorld(t *testing.T, store eventstore.Store, db *pgxpool.Pool, keys envelope.Keys, node string) *world {
	t.Helper()
	c := commands.New(store, &envelope.Codec{Catalog: catalog.New(), Keys: keys}, node)
	log := slog.New(slog.DiscardHandler)
	return &world{store, db, c, NewPolicies(&Subscriber{Store: store, DB: db, Node: node, Lanes: 4, Log: log}, c, log)}
}

// start runs the policies until the returned function is called.
func (w *world) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.policies.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

var staffMember = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Roles: []access.Role{"staff"},
	Origin: envelope.Origin{Channel: envelope.ChannelAPI},
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) customers(t *testing.T, n int) []uuid.UUID {
	ctx, ok := t.Context(), must[commands.Receipt](t)
	ok(w.commands.RegisterTenant(ctx, staffMember, tenant.Register{Settings: tenant.Settings{Name: "Test", TimeZone: "Europe/London", Currency: "GBP"}}))
	ids := make([]uuid.UUID, n)
	for i := range ids {
		details := customer.Details{LegalName: fmt.Sprint("Customer ", i), TermsDays: 30}
		ids[i] = ok(w.commands.RegisterCustomer(ctx, staffMember, uuid.Nil, customer.Register{Number: fmt.Sprint(i), Details: details})).ID
	}
	return ids
}

func (w *world) issue(t *testing.T, of uuid.UUID, number string, minor int) commands.Receipt {
	t.Helper()
	content := invoice.Content{Number: number, Party: domain.Party{CustomerID: &of}, IssuedOn: "2026-03-01",
		Lines: []domain.LineInput{{Text: "work", Quantity: "1", UnitPrice: domain.Decimal(fmt.Sprintf("%d.%02d", minor/100, minor%100))}}}
	return must[commands.Receipt](t)(w.commands.IssueInvoice(t.Context(), staffMember, uuid.Nil, invoice.Issue{Content: content, Publish: true}))
}

// payable is what the account's own events say has been posted, by invoice.
func (w *world) payable(t *testing.T, of uuid.UUID) map[uuid.UUID]int64 {
	t.Helper()
	posted := map[uuid.UUID]int64{}
	for _, r := range must[[]eventstore.Recorded](t)(w.store.ReadStream(t.Context(), eventstore.Stream("main", "account", account.ID(of, "GBP")), 0, 10_000)) {
		e := must[envelope.Event](t)(w.commands.Codec.Open(t.Context(), r))
		if p, ok := e.Data.(account.InvoicePosted); ok {
			if _, twice := posted[p.InvoiceID]; twice {
				t.Fatalf("invoice %s was posted twice", p.Number)
			}
			posted[p.InvoiceID] = p.Payable.Minor
		}
	}
	return posted
}

func TestIssuedInvoicesArePosted(t *testing.T) {
	w := newWorld(t, teststore.New(t), pgtest.Pool(t), &keyring.Memory{}, "one")
	of := w.customers(t, 1)[0]
	defer w.start()()
	r := w.issue(t, of, "INV-1", 12_345)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	end, err := w.policies.Settle(ctx, r.Position)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.payable(t, of); got[r.ID] != 12_345 {
		t.Errorf("posted = %v, want 12345 for %s", got, r.ID)
	}
	if head, _ := w.store.Head(ctx); end != head {
		t.Errorf("settled up to %v, the posting is at %v", end, head)
	}
}

// A policy that dies at any moment, again and again, posts each invoice exactly once.
func TestPoliciesSurviveCrashes(t *testing.T) {
	store, db, keys := teststore.New(t), pgtest.Pool(t), &keyring.Memory{}
	w := newWorld(t, store, db, keys, "writer")
	customers := w.customers(t, 5)
	want := map[uuid.UUID]map[uuid.UUID]int64{}
	var last commands.Receipt
	for i := range 60 {
		of := customers[i%len(customers)]
		last = w.issue(t, of, fmt.Sprint("INV-", i), 100+i)
		if want[of] == nil {
			want[of] = map[uuid.UUID]int64{}
		}
		want[of][last.ID] = int64(100 + i)
	}
	for crash := range 12 {
		victim := newWorld(t, crashing{store, rand.IntN(12)}, db, keys, fmt.Sprint("victim ", crash))
		stop := victim.start()
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		stop()
	}
	survivor := newWorld(t, store, db, keys, "survivor")
	defer survivor.start()()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must[eventstore.Position](t)(survivor.policies.Settle(ctx, last.Position))
	for _, of := range customers {
		if got := survivor.payable(t, of); fmt.Sprint(got) != fmt.Sprint(want[of]) {
			t.Errorf("customer %s: posted %v, want %v", of, got, want[of])
		}
	}
}

// crashing is a store that fails some appends before and some after they happened.
type crashing struct {
	eventstore.Store
	after int
}

func (c crashing) Append(ctx context.Context, s eventstore.StreamName, v int64, e ...eventstore.Event) (eventstore.Appended, error) {
	switch rand.IntN(c.after + 2) {
	case 0:
		return eventstore.Appended{}, eventstore.ErrUnavailable
	case 1:
		if _, err := c.Store.Append(ctx, s, v, e...); err != nil {
			return eventstore.Appended{}, err
		}
		return eventstore.Appended{}, eventstore.ErrUnknownOutcome
	}
	return c.Store.Append(ctx, s, v, e...)
}

// Of two processes one has the lease; when it ends the other takes over.
func TestOneProcessRunsThePolicies(t *testing.T) {
	store, db, keys := teststore.New(t), pgtest.Pool(t), &keyring.Memory{}
	one, two := newWorld(t, store, db, keys, "one"), newWorld(t, store, db, keys, "two")
	of := one.customers(t, 1)[0]
	stopOne := one.start()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must[eventstore.Position](t)(one.policies.Settle(ctx, one.issue(t, of, "A", 1).Position))
	defer two.start()()
	// two does not own the consumer: it learns from the database that the work is done
	must[eventstore.Position](t)(two.policies.Settle(ctx, one.issue(t, of, "B", 2).Position))
	if two.policies.Subscriber.owned(topic) != nil {
		t.Error("both processes own the policies")
	}
	stopOne()
	must[eventstore.Position](t)(two.policies.Settle(ctx, two.issue(t, of, "C", 3).Position))
	if got := two.payable(t, of); len(got) != 3 {
		t.Errorf("posted %v, want three invoices", got)
	}
}

// A process that lost its lease while it was asleep does not move the checkpoint.
func TestLateOwnerIsFenced(t *testing.T) {
	db := pgtest.Pool(t)
	s := &Subscriber{DB: db, Node: "late", Log: slog.New(slog.DiscardHandler)}
	late := must[*term](t)(s.lease(t.Context(), "x"))
	if _, err := db.Exec(t.Context(), `update portico.consumers set expires = clock_timestamp() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	if next := must[*term](t)(s.lease(t.Context(), "x")); next == nil {
		t.Fatal("an expired lease was not given on")
	}
	if err := s.save(t.Context(), late, eventstore.Position{Hi: 9}, eventstore.Position{}, "10 s"); err != errFenced {
		t.Errorf("save by the late owner: %v, want %v", err, errFenced)
	}
}

// What a process held that is known to be dead is free at once; what others hold stays theirs.
func TestDeadOwnersAreInherited(t *testing.T) {
	s := &Subscriber{DB: pgtest.Pool(t), Node: "gone/1", Log: slog.New(slog.DiscardHandler)}
	must[*term](t)(s.lease(t.Context(), "x"))
	for _, c := range []struct {
		dead string
		free bool
	}{{"other/2", false}, {"gone/1", true}} {
		if err := s.Inherit(t.Context(), func(node string) bool { return node == c.dead }); err != nil {
			t.Fatal(err)
		}
		if got := must[*term](t)(s.lease(t.Context(), "x")); (got != nil) != c.free {
			t.Errorf("with %s dead the lease is free: %v, want %v", c.dead, got != nil, c.free)
		}
	}
}

// The mark never passes what is still being handled.
func TestLowWaterMark(t *testing.T) {
	at := func(n uint64) eventstore.Position { return eventstore.Position{Hi: n} }
	tm := newTerm("x", 1, at(0), at(0))
	for n := uint64(1); n <= 5; n++ {
		tm.begin(at(n))
	}
	for _, step := range []struct{ done, low uint64 }{{2, 0}, {1, 2}, {5, 2}, {4, 2}, {3, 5}} {
		tm.done(at(step.done))
		if tm.low() != at(step.low) {
			t.Fatalf("after %d the mark is %v, want %d", step.done, tm.low(), step.low)
		}
	}
}

// What an aggregate refuses for good is written down, and the log goes on.
func TestRefusalsAreRecorded(t *testing.T) {
	w := newWorld(t, teststore.New(t), pgtest.Pool(t), &keyring.Memory{}, "one")
	of := w.customers(t, 1)[0]
	stranger := uuid.New()
	// A restatement of an invoice that is on no account: the account refuses it.
	meta := envelope.Meta{Tenant: "main", Actor: staffMember.Actor, Origin: envelope.Origin{Channel: "api", Node: "n"}, OccurredAt: time.Now(),
		CommandID: uuid.New(), Command: "Test", CorrelationID: uuid.New(), CausationID: uuid.New(), Route: stranger}
	stream := eventstore.Stream("main", "invoice", uuid.NewString())
	document := invoice.Document{Number: "X", Party: domain.Party{CustomerID: &stranger}, Calculation: domain.Calculation{Currency: "GBP"}}
	sealed := must[eventstore.Event](t)(w.commands.Codec.Seal(t.Context(), stream, uuid.New(), meta, invoice.Restated{Version: 2, Document: document}))
	must[eventstore.Appended](t)(w.store.Append(t.Context(), stream, eventstore.NoStream, sealed))
	defer w.start()()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must[eventstore.Position](t)(w.policies.Settle(ctx, w.issue(t, of, "INV-1", 5).Position))
	var code string
	if err := w.db.QueryRow(ctx, `select code from portico.policy_refusals`).Scan(&code); err != nil || code != "account.unknown_invoice" {
		t.Errorf("recorded refusal: %q, %v", code, err)
	}
}

// What can never be opened is set aside: the customer's other events, and everybody else's
// wait for nothing, are carried over; mended, it is carried over too.
func TestAnUnreadableEventIsSetAsideAndCarriedOverLater(t *testing.T) {
	w := newWorld(t, teststore.New(t), pgtest.Pool(t), &keyring.Memory{}, "one")
	of := w.customers(t, 1)[0]
	w.policies.Subscriber.pauses = time.Millisecond
	good := *w.commands.Codec
	w.policies.Codec = &envelope.Codec{Catalog: domain.NewCatalog(domain.Types{domain.TypeOf[brokenIssued]("invoice.issued", domain.Unchanged)}), Keys: good.Keys}
	first := w.issue(t, of, "INV-1", 5)
	stop := w.start()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	must[eventstore.Position](t)(w.policies.Settle(ctx, first.Position))
	stop()
	open := must[[]Refusal](t)(w.policies.Refusals(ctx))
	if len(open) != 1 || open[0].Code != "internal" || !strings.Contains(open[0].Message, "not mended") || len(w.payable(t, of)) != 0 {
		t.Fatalf("set aside: %+v", open)
	}
	if err := w.policies.Retry(ctx, open[0]); err == nil {
		t.Fatal("tried again without a change, and it went well")
	}
	w.policies.Codec = &good
	if err := w.policies.Retry(ctx, open[0]); err != nil {
		t.Fatal(err)
	}
	if open := must[[]Refusal](t)(w.policies.Refusals(ctx)); len(open) != 0 || w.payable(t, of)[first.ID] != 5 {
		t.Errorf("still set aside: %+v; posted %v", open, w.payable(t, of))
	}
}

// brokenIssued is an invoice.issued that a program cannot read.
type brokenIssued struct{}

func (brokenIssued) Evolve(s struct{}) struct{} { return s }

func (*brokenIssued) UnmarshalJSON([]byte) error { return errors.New("not mended") }
