package commands

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

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
)

// world is a tenant in London with customers, over a store in memory.
type world struct {
	*Commands
	t     testing.TB
	codec *envelope.Codec
	now   time.Time
	done  eventstore.Position // up to here follow has followed
}

var because = domain.Because{Reason: domain.Reason{Code: "test"}}

func newWorld(t testing.TB, store eventstore.Store) *world {
	codec := &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}
	w := &world{Commands: New(store, codec, "n1"), t: t, codec: codec, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Clock = func() time.Time { return w.now }
	return w
}

// open is a world whose tenant is registered.
func open(t testing.TB) *world {
	w := newWorld(t, teststore.New(t))
	w.ok(w.RegisterTenant(t.Context(), staffMember(), tenant.Register{Settings: tenant.Settings{Name: "Test", TimeZone: "Europe/London", Currency: "GBP"}}))
	return w
}

// another is a second process over the same store and keys.
func (w *world) another() *world {
	twin := *w
	twin.Commands = New(w.Store, w.codec, "n2")
	twin.Clock = w.Clock
	return &twin
}

// staffMember asks something new each time.
func staffMember() Caller { return asking(uuid.New()) }

// asking is a request under a command id.
func asking(id uuid.UUID) Caller {
	return Caller{
		Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.UUID{1}}, Roles: []access.Role{"staff"},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "192.0.2.1"}, CommandID: id,
	}
}

func (w *world) ctx() context.Context { return context.Background() }

func (w *world) ok(r Receipt, err error) Receipt {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) refuses(code string) func(Receipt, error) {
	return func(r Receipt, err error) {
		w.t.Helper()
		if domain.CodeOf(err) != code {
			w.t.Errorf("%+v, %v, want %s", r, err, code)
		}
	}
}

func (w *world) customer(number string) uuid.UUID {
	w.t.Helper()
	details := customer.Details{LegalName: "Customer " + number, TermsDays: 30}
	return w.ok(w.RegisterCustomer(w.ctx(), staffMember(), uuid.Nil, customer.Register{Number: number, Details: details})).ID
}

// content is of an invoice for a customer over an amount of pence.
func content(of uuid.UUID, number string, minor int64) invoice.Content {
	return invoice.Content{Number: number, Party: domain.Party{CustomerID: &of}, Lines: []domain.LineInput{
		{Text: "work", Quantity: "1", UnitPrice: domain.Decimal(gbp(minor).String())}}}
}

func (w *world) issue(of uuid.UUID, number string, minor int64) uuid.UUID {
	w.t.Helper()
	return w.ok(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: content(of, number, minor)})).ID
}

func (w *world) credit(of uuid.UUID, number string, minor int64, against *uuid.UUID) uuid.UUID {
	w.t.Helper()
	memo := creditmemo.Content{Number: number, Party: domain.Party{CustomerID: &of}, AgainstInvoice: against, Lines: content(of, "", minor).Lines}
	return w.ok(w.IssueCreditMemo(w.ctx(), staffMember(), uuid.Nil, creditmemo.Issue{Content: memo})).ID
}

func (w *world) pay(of uuid.UUID, minor int64, allocations ...account.Allocation) uuid.UUID {
	w.t.Helper()
	return w.ok(w.RecordPayment(w.ctx(), staffMember(), pounds(of), payment(minor, allocations...))).ID
}

func payment(minor int64, allocations ...account.Allocation) account.RecordPayment {
	return account.RecordPayment{Amount: gbp(minor), Method: "bank", Allocations: allocations}
}

func gbp(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }

func to(id uuid.UUID, minor int64) account.Allocation {
	return account.Allocation{InvoiceID: id, Amount: gbp(minor)}
}

func pounds(of uuid.UUID) Ledger { return Ledger{of, "GBP"} }

// log is the whole history.
func (w *world) log() (events []envelope.Event) {
	w.t.Helper()
	page, err := w.Store.ReadAll(w.ctx(), eventstore.Position{}, 1_000_000)
	if err != nil || !page.End {
		w.t.Fatal("reading the log: ", err, page.End)
	}
	for _, r := range page.Events {
		e, err := w.codec.Open(w.ctx(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// types are the stored names of the events on a stream.
func (w *world) types(stream eventstore.StreamName) (names []string) {
	for _, e := range w.log() {
		if e.Stream == stream {
			names = append(names, e.Type)
		}
	}
	return names
}

// follow does what the policies do with what happened since it did so last.
func (w *world) follow() {
	w.t.Helper()
	for { // what follows may lead on
		events := w.log()
		for len(events) > 0 && !w.done.Before(events[0].Pos) {
			events = events[1:]
		}
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			w.ok(w.react(e))
			w.done = e.Pos
		}
	}
}

func (w *world) react(e envelope.Event) (Receipt, error) {
	by := Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.UUID{2}}, Roles: []access.Role{"system"},
		Origin: envelope.Origin{Channel: envelope.ChannelPolicy}, CommandID: domain.DerivedID(e.ID, "policies"), Causation: e.ID}
	id, ctx := e.Stream.AggregateID(), w.ctx()
	switch d := e.Data.(type) {
	case invoice.Issued:
		return w.PostInvoice(ctx, by, id, d.Document)
	case invoice.Assigned:
		return w.PostInvoice(ctx, by, id, d.Document)
	case invoice.Restated:
		return w.AdjustInvoice(ctx, by, id, d.Document)
	case creditmemo.Issued:
		return w.PostCreditMemo(ctx, by, id, d.Document)
	case creditmemo.Assigned:
		return w.PostCreditMemo(ctx, by, id, d.Document)
	case creditmemo.Restated:
		return w.AdjustCreditMemo(ctx, by, id, d.Document)
	case account.InvoiceReversed:
		return w.FollowReversedInvoice(ctx, by, d.InvoiceID, because)
	case account.CreditReversed:
		return w.FollowReversedCreditMemo(ctx, by, d.CreditID, because)
	case account.UnappliedTransferredOut:
		return w.ReceiveTransfer(ctx, by, pounds(id), d)
	}
	return Receipt{}, nil
}

// balance is open less unapplied, by the ledger's own events.
func (w *world) balance(of uuid.UUID) (minor int64) {
	for _, e := range w.log() {
		if e.Stream == pounds(of).stream("main") {
			minor += debit(w.t, e.Data)
		}
	}
	return minor
}

func debit(t testing.TB, event any) int64 {
	switch e := event.(type) {
	case account.InvoicePosted:
		return e.Payable.Minor
	case account.InvoiceAdjusted:
		return e.Difference.Minor
	case account.InvoiceReversed:
		return -e.Amount.Minor
	case account.InvoiceWrittenOff:
		return -e.Amount.Minor
	case account.WriteOffReversed:
		return e.Amount.Minor
	case account.CreditPosted:
		return -e.Amount.Minor
	case account.CreditReversed:
		return e.Amount.Minor
	case account.PaymentReceived:
		return -e.Amount.Minor
	case account.PaymentReversed:
		return e.Amount.Minor
	case account.UnappliedTransferredOut:
		return e.Amount.Minor
	case account.UnappliedTransferredIn:
		return -e.Amount.Minor
	case account.Opened, account.PaymentAllocated, account.PaymentDeallocated, account.CreditApplied, account.CreditUnapplied, account.PaymentInitiated:
		return 0
	}
	t.Fatalf("%T has no posting here", event)
	return 0
}

// last is the last event of a type on an account.
func last[E any](w *world, of uuid.UUID) (e E) {
	w.t.Helper()
	found := false
	for _, recorded := range w.log() {
		if d, ok := recorded.Data.(E); ok && recorded.Stream == pounds(of).stream("main") {
			e, found = d, true
		}
	}
	if !found {
		w.t.Fatalf("no %T", e)
	}
	return e
}
