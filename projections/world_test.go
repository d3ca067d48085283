package projections

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/reactions"
	"portico/projections/engine"
)

// world is a whole Portico but for its API: commands, policies, read models, queries. It
// is the afternoon of 15 June 2026 in London.
type world struct {
	*commands.Commands
	t        testing.TB
	db       *pgxpool.Pool
	policies *reactions.Policies
	engine   *engine.Engine
	q        *Queries
	by       commands.Caller
	pos      eventstore.Position // of the last command
	numbers  int
}

var noon = time.Date(2026, 6, 15, 14, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	t.Helper()
	db, store, log := pgtest.Pool(t), teststore.New(t), slog.New(slog.NewTextHandler(io.Discard, nil))
	codec := &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}
	w := &world{Commands: commands.New(store, codec, "test"), t: t, db: db}
	w.Clock = func() time.Time { return noon }
	w.policies = reactions.NewPolicies(&reactions.Subscriber{Store: store, DB: db, Node: "test", Lanes: 2, Log: log}, w.Commands, log)
	w.engine = &engine.Engine{Store: store, Codec: codec, DB: db, Groups: Groups(), Log: log, Node: "test"}
	w.q = &Queries{DB: db, Schema: w.engine.ActiveSchema, Clock: w.Clock, Store: store, Codec: codec}
	if err := w.engine.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.engine.Run(ctx) })
	running.Go(func() { _ = w.policies.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	w.enter("acme", "Europe/London")
	return w
}

// enter makes a tenant, as whose staff commands go on.
func (w *world) enter(code, zone string) {
	w.t.Helper()
	w.by = commands.Caller{Tenant: code, Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Roles: []access.Role{"staff", "system"},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "192.0.2.7"}}
	w.ok(w.RegisterTenant(w.ctx(), w.by, tenant.Register{Settings: tenant.Settings{Name: code, TimeZone: zone, Currency: "GBP"}}))
}

func (w *world) ctx() context.Context { return w.t.Context() }

func (w *world) ok(r commands.Receipt, err error) uuid.UUID {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if w.pos.Before(r.Position) {
		w.pos = r.Position
	}
	return r.ID
}

func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	w.t.Cleanup(cancel)
	return ctx
}

// settle waits until policies and read models have come to where commands are.
func (w *world) settle() {
	w.t.Helper()
	w.posted()
	for _, g := range w.engine.Groups {
		if err := w.engine.WaitAll(w.within(60*time.Second), g.Name, w.pos); err != nil {
			w.t.Fatalf("%s has not reached %s: %v; %+v", g.Name, w.pos, err, w.engine.Status())
		}
	}
}

func (w *world) staff() Viewer {
	return Viewer{Tenant: w.by.Tenant, Kind: envelope.Staff, ID: w.by.Actor.ID}
}

func (w *world) contactOf(customers ...uuid.UUID) Viewer {
	all := access.Standing{ContactID: uuid.New(), Active: true, Grants: access.Everything(), Customers: map[uuid.UUID]access.Customer{}}
	for _, id := range customers {
		all.CustomerID, all.Customers[id] = id, access.Customer{Portal: true}
	}
	return Viewer{Tenant: w.by.Tenant, Kind: envelope.Contact, ID: all.ContactID, Standing: &all}
}

func (w *world) customer(number string) uuid.UUID {
	w.t.Helper()
	return w.ok(w.RegisterCustomer(w.ctx(), w.by, uuid.Nil, customer.Register{Number: number,
		Details: customer.Details{LegalName: "Customer " + number, TermsDays: 30}}))
}

func (w *world) content(of uuid.UUID, on, due domain.Date, minor int64) invoice.Content {
	w.numbers++
	return invoice.Content{Number: fmt.Sprintf("N-%03d", w.numbers), Party: domain.Party{CustomerID: optional(of)}, IssuedOn: on, DueOn: due,
		Calculation: domain.Calculation{Currency: "GBP"}, Lines: []domain.LineInput{{Text: "work", Quantity: "1", UnitPrice: major(minor)}}}
}

func major(minor int64) domain.Decimal { return domain.Decimal(gbp(minor).String()) }

func gbp(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }

func (w *world) invoice(of uuid.UUID, on, due domain.Date, minor int64, publish bool) uuid.UUID {
	w.t.Helper()
	return w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: w.content(of, on, due, minor), Publish: publish}))
}

func (w *world) memo(of uuid.UUID, on domain.Date, minor int64, against *uuid.UUID) uuid.UUID {
	w.t.Helper()
	return w.ok(w.IssueCreditMemo(w.ctx(), w.by, uuid.Nil, w.memoContent(of, on, minor, against)))
}

func (w *world) memoContent(of uuid.UUID, on domain.Date, minor int64, against *uuid.UUID) creditmemo.Issue {
	like := w.content(of, on, on, minor)
	return creditmemo.Issue{Content: creditmemo.Content{Number: like.Number, Party: like.Party, Calculation: like.Calculation,
		IssuedOn: on, AgainstInvoice: against, Lines: like.Lines}}
}

func (w *world) account(of uuid.UUID) commands.Ledger {
	return commands.Ledger{CustomerID: of, Currency: "GBP"}
}

// posted waits until the policies have posted what was issued.
func (w *world) posted() {
	w.t.Helper()
	pos, err := w.policies.Settle(w.within(60*time.Second), w.pos)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pos = pos
}

func (w *world) pay(of uuid.UUID, on domain.Date, minor int64, oldest bool, parts ...account.Allocation) uuid.UUID {
	w.t.Helper()
	w.posted()
	return w.ok(w.RecordPayment(w.ctx(), w.by, w.account(of), account.RecordPayment{
		Amount: gbp(minor), On: on, Method: "bank_transfer", Allocations: parts, OldestFirst: oldest}))
}

func toPay(of uuid.UUID, minor int64) account.Allocation {
	return account.Allocation{InvoiceID: of, Amount: gbp(minor)}
}

var why = domain.Because{Reason: domain.Reason{Code: "test"}}

// get is must for queries.
func get[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
