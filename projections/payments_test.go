package projections

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// What goes back of a payment is told with it; what it had paid reopens (E5, E6, E7).
func TestWhatGoesBackOfAPayment(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	at, v := w.account(a), w.contactOf(a)
	first, second := w.invoice(a, "2026-03-01", "2026-04-01", 1_000, true), w.invoice(a, "2026-03-02", "2026-04-01", 500, true)
	paid := w.pay(a, "2026-03-05", 1_500, true)
	invoiceNow := func(id uuid.UUID) InvoiceDetail {
		t.Helper()
		w.settle()
		coherent(t, w, v, a)
		return get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), v, id))
	}
	same(t, "paid", invoiceNow(first).Status)

	dispute := w.ok(w.OpenChargeback(w.ctx(), w.by, at, paid, account.OpenChargeback{Amount: gbp(600), Deadline: "2026-07-01", On: "2026-03-10"}))
	if i := invoiceNow(second); i.Status != "disputed" || i.Open != gbp(500) || *i.Dispute.ChargedBack != gbp(500) || i.Allocations[0].Amount != gbp(0) || i.Allocations[0].Reversed != gbp(500) {
		t.Errorf("charged back: %+v", i)
	}
	p := get[PaymentDetail](t)(w.q.GetPayment(t.Context(), v, paid))
	if p.ChargedBack != gbp(600) || len(p.Chargebacks) != 1 || p.Chargebacks[0].Status != "open" || p.Chargebacks[0].Deadline != "2026-07-01" {
		t.Errorf("charged back: %+v", p)
	}
	w.ok(w.WinChargeback(w.ctx(), w.by, at, dispute, account.WinChargeback{On: "2026-03-20"}))
	if i := invoiceNow(second); i.Status != "paid" || i.Dispute != nil {
		t.Errorf("won: %+v", i)
	}

	w.ok(w.RequestRefund(w.ctx(), w.by, at, paid, account.RequestRefund{Amount: gbp(200), To: "card", Reopen: []uuid.UUID{second}, On: "2026-03-21", Because: why}))
	w.settle()
	p = get[PaymentDetail](t)(w.q.GetPayment(t.Context(), v, paid))
	if len(p.Refunds) != 1 || p.Refunds[0].Status != "requested" || p.Refunds[0].Amount != gbp(200) || p.Refunded != gbp(200) || p.Unapplied != gbp(300) {
		t.Errorf("refund: %+v", p)
	}

	w.ok(w.FailPayment(w.ctx(), w.by, at, paid, account.FailPayment{Code: "recalled", On: "2026-04-20"}))
	if i := invoiceNow(first); i.Status != "open" || !i.Overdue || i.DueOn != "2026-04-01" {
		t.Errorf("failed: %+v", i)
	}
	p = get[PaymentDetail](t)(w.q.GetPayment(t.Context(), v, paid))
	same(t, []any{"failed", "recalled", gbp(0)}, []any{p.Status, p.Failure, p.Unapplied})
	charges := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), v, InvoiceFilter{Text: "returned"}))
	if len(charges.Items) != 1 || charges.Items[0].Kind != "charge" || charges.Items[0].Open != gbp(200) {
		t.Errorf("what was refunded is owed again: %+v", charges.Items)
	}
	if d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), v, charges.Items[0].ID)); len(d.Lines) != 0 {
		t.Errorf("a charge has no lines: %+v", d)
	}

	var kinds []string
	for _, a := range get[Page[Activity]](t)(w.q.ListActivity(t.Context(), v, ActivityFilter{})).Items {
		kinds = append([]string{a.Kind}, kinds...)
	}
	same(t, []string{"invoice_published", "invoice_published", "payment", "chargeback", "chargeback_won", "refund", "payment_failed"}, kinds)

	mustEqualAllHistory(t, w)
}

// A charge-back of what paid nothing, once won, is credit again.
func TestAWonChargebackIsCreditAgain(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	at, v := w.account(a), w.contactOf(a)
	loose := w.pay(a, "2026-05-05", 50, false)
	dispute := w.ok(w.OpenChargeback(w.ctx(), w.by, at, loose, account.OpenChargeback{Amount: gbp(30), On: "2026-05-06"}))
	w.ok(w.WinChargeback(w.ctx(), w.by, at, dispute, account.WinChargeback{On: "2026-05-07"}))
	w.settle()
	p := get[PaymentDetail](t)(w.q.GetPayment(t.Context(), v, loose))
	same(t, []any{gbp(50), gbp(0), "won"}, []any{p.Unapplied, p.ChargedBack, p.Chargebacks[0].Status})
	coherent(t, w, v, a)
}

// An import that changes an invoice changes what is owed, and what had paid more is credit.
func TestRestatedInvoice(t *testing.T) {
	w := newWorld(t)
	a, id := w.customer("A"), uuid.New()
	content := w.content(a, "2026-03-01", "2026-04-01", 1_000)
	content.Source = &domain.Source{System: "x", ExternalID: "1", Hash: "1"}
	w.ok(w.ImportInvoice(w.ctx(), w.by, id, invoice.Import{Content: content}))
	w.pay(a, "2026-03-05", 900, true)
	content.Lines[0].UnitPrice, content.Description, content.DueOn, content.RestatedOn = major(700), "less", "2026-07-01", "2026-03-09"
	content.Source = &domain.Source{System: "x", ExternalID: "1", Hash: "2"}
	w.ok(w.ImportInvoice(w.ctx(), w.by, id, invoice.Import{Content: content}))
	w.settle()
	d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.contactOf(a), id))
	if d.Payable != gbp(700) || d.Status != "paid" || d.Description != "less" || d.DueOn != "2026-07-01" || d.Lines[0].Minor != 700 {
		t.Errorf("got %+v", d)
	}
	b := get[Balance](t)(w.q.GetBalance(t.Context(), w.contactOf(a), a, BalanceOptions{}))
	same(t, gbp(-200), b.Currencies[0].Balance)
	coherent(t, w, w.contactOf(a), a)
}

// A draft that was first for one customer and is issued to another was never the first's.
func TestADraftThatChangesHands(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	id := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: w.content(a, "2026-05-01", "2026-06-01", 100)}))
	w.ok(w.IssueInvoice(w.ctx(), w.by, id, invoice.Issue{Content: w.content(b, "2026-05-01", "2026-06-01", 100), Publish: true}))
	w.settle()
	get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.contactOf(b), id))
	_, err := w.q.GetInvoice(t.Context(), w.contactOf(a), id)
	code(t, "invoice.unknown", err)
	drafts := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), w.staff(), InvoiceFilter{Status: "draft"}))
	same(t, 0, len(drafts.Items))
}

// The tenant's lane may come late to what was done to an invoice while it was nobody's: its
// customer's lane, which has been told all of it, is not overwritten.
func TestTheTenantsLaneDoesNotTouchAssignedDocuments(t *testing.T) {
	id, customer := uuid.New(), uuid.New()
	event := func(route uuid.UUID, data any) envelope.Event {
		return envelope.Event{ID: uuid.New(), Stream: eventstore.Stream("acme", "invoice", id.String()), Pos: eventstore.Position{Hi: 1}, At: noon,
			Meta: envelope.Meta{Tenant: "acme", Route: route}, Data: data}
	}
	d := invoice.Document{Number: "N", Party: domain.Party{CustomerID: &customer}, Reference: "new"}
	d.Currency = "GBP"
	b, err := Portal.Fold(
		event(customer, invoice.Assigned{Document: d}),
		event(uuid.Nil, invoice.ReferenceCorrected{Reference: "old"}),
	)
	if row := invoices.Get(b, docKey{"acme", id}); err != nil || row == nil || row.Reference != "new" {
		t.Errorf("%v, %+v", err, row)
	}
}
