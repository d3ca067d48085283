package projections

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/internal/pgtest"
)

// coherent checks that all that a viewer is told about a customer's money agrees.
func coherent(t interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, w *world, v Viewer, of uuid.UUID) {
	balance := func(asOf domain.Date) CurrencyBalance {
		b, err := w.q.GetBalance(w.t.Context(), v, of, BalanceOptions{AsOf: asOf})
		if err != nil || len(b.Currencies) > 1 {
			t.Fatalf("balance: %v, %+v", err, b)
		}
		if len(b.Currencies) == 0 {
			return balanceRow{Currency: "GBP"}.view()
		}
		return b.Currencies[0]
	}
	statement := func(o StatementOptions) Statement {
		o.Currency = "GBP"
		s, err := w.q.GetStatement(w.t.Context(), v, of, o)
		if err != nil {
			t.Fatalf("statement: %v", err)
		}
		if s.Opening.Minor+s.Debits.Minor-s.Credits.Minor != s.Closing.Minor {
			t.Errorf("%s + %s - %s is not %s", s.Opening, s.Debits, s.Credits, s.Closing)
		}
		return s
	}
	now := balance("")
	a := now.Ageing
	if sum := a.NotDue.Plus(a.Days30).Plus(a.Days60).Plus(a.Days90).Plus(a.Over90); sum != now.Open {
		t.Errorf("ageing adds up to %s, %s is open", sum, now.Open)
	}
	all := statement(StatementOptions{To: "2999-12-31"})
	if all.Closing != now.Balance {
		t.Errorf("the ledger closes at %s, items and funds say %s", all.Closing, now.Balance)
	}
	later := balance("2999-12-31")
	if later.Balance != now.Balance || later.Open != now.Open || later.UnappliedCredit != now.UnappliedCredit {
		t.Errorf("as of ever after %+v, now %+v", later, now)
	}
	invoices, err := w.q.ListInvoices(w.t.Context(), v, InvoiceFilter{CustomerID: of, Paging: Paging{Limit: 200}})
	open := gbp(0)
	for _, i := range invoices.Items {
		if open = open.Plus(i.Open); i.Open.Minor < 0 {
			t.Errorf("%s has %s open", i.Number, i.Open)
		}
	}
	if err != nil || invoices.Next != "" || open != now.Open {
		t.Errorf("the list has %s open, the balance %s (%v)", open, now.Open, err)
	}
	closing := gbp(0)
	for _, month := range []domain.Date{"2026-03", "2026-04", "2026-05", "2026-06", "2026-07"} {
		s := statement(StatementOptions{From: month + "-01", To: (month + "-01").AddDays(40)[:7] + "-01"})
		s = statement(StatementOptions{From: month + "-01", To: (s.To).AddDays(-1)})
		if s.Opening != closing {
			t.Errorf("%s opens at %s, the month before closed at %s", month, s.Opening, closing)
		}
		if closing = s.Closing; closing != balance(s.To).Balance {
			t.Errorf("on %s the ledger is at %s, items and funds at %s", s.To, closing, balance(s.To).Balance)
		}
	}
	if closing != all.Closing {
		t.Errorf("statements chain to %s, the ledger closes at %s", closing, all.Closing)
	}
}

// Whatever staff do in whatever order: the ledger, items and funds, ageing, statements,
// lists and totals agree, to staff and to contacts; and read models that grew event by
// event are those of a fresh fold (I4, I12).
func TestAnyHistoryOfMoneyIsCoherent(t *testing.T) {
	w := newWorld(t)
	round := 0
	pgtest.Draws(t, 100)
	rapid.Check(t, func(r *rapid.T) {
		round++
		w.enter(fmt.Sprintf("t%d", round), "Europe/London")
		h := &moneyHistory{world: w, r: r}
		h.customers = []uuid.UUID{w.customer("A"), w.customer("B")}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			h.step()
		}
		w.settle()
		for _, c := range h.customers {
			coherent(r, w, w.staff(), c)
			coherent(r, w, w.contactOf(c), c)
		}
		h.totals()
	})
	mustEqualAllHistory(t, w)
}

func mustEqualAllHistory(t *testing.T, w *world) {
	t.Helper()
	all, err := w.engine.Verify(t.Context(), nil, nil)
	if err != nil || len(all) != len(Groups()) {
		t.Fatal(err, all)
	}
	for _, v := range all {
		if v.Differences != 0 || v.Rows == 0 && v.Group != Access.Name {
			t.Errorf("%s: %d rows, %d differences: %+v", v.Group, v.Rows, v.Differences, v.First)
		}
	}
}

type moneyHistory struct {
	*world
	r         *rapid.T
	customers []uuid.UUID
	invoices  [2][]uuid.UUID
	funds     [2][]uuid.UUID
	cases     [2][]uuid.UUID
	refunds   [2][]uuid.UUID
}

// step does something, or is refused: both happen.
func (h *moneyHistory) step() {
	n := rapid.IntRange(0, 1).Draw(h.r, "customer")
	c, at := h.customers[n], h.world.account(h.customers[n])
	on := domain.Date(rapid.SampledFrom([]string{"2026-03-31", "2026-04-15", "2026-05-01", "2026-06-15", "2026-07-01"}).Draw(h.r, "on"))
	minor := rapid.Int64Range(1, 500).Draw(h.r, "minor")
	h.posted()
	switch rapid.IntRange(0, 18).Draw(h.r, "what") {
	case 0, 1, 2:
		h.invoices[n] = append(h.invoices[n], h.invoice(c, on, on.AddDays(30), minor-1, rapid.Bool().Draw(h.r, "published")))
	case 3:
		var against *uuid.UUID
		if id := h.any(h.invoices[n]); id != uuid.Nil && rapid.Bool().Draw(h.r, "against") {
			against = &id
		}
		h.funds[n] = append(h.funds[n], h.try(h.IssueCreditMemo(h.ctx(), h.by, uuid.Nil, h.memoContent(c, on, minor, against))))
	case 4, 5, 6:
		h.funds[n] = append(h.funds[n], h.pay(c, on, minor, rapid.Bool().Draw(h.r, "oldest")))
	default:
		h.more(n, at, on, minor)
	}
}

func (h *moneyHistory) any(ids []uuid.UUID) uuid.UUID {
	if len(ids) == 0 {
		return uuid.Nil
	}
	return rapid.SampledFrom(ids).Draw(h.r, "id")
}

// try does what may be refused.
func (h *moneyHistory) try(r commands.Receipt, err error) uuid.UUID {
	if domain.CodeOf(err) == "internal" {
		h.r.Fatal(err)
	}
	if h.pos.Before(r.Position) {
		h.pos = r.Position
	}
	return r.ID
}

func (h *moneyHistory) more(n int, at commands.Ledger, on domain.Date, minor int64) {
	ctx, i, f := h.ctx(), h.any(h.invoices[n]), h.any(h.funds[n])
	switch rapid.IntRange(0, 13).Draw(h.r, "more") {
	case 0:
		h.try(h.ApplyCredit(ctx, h.by, at, f, account.ApplyCredit{OldestFirst: true, On: on}))
	case 1:
		h.try(h.Deallocate(ctx, h.by, at, f, account.Deallocate{On: on, Because: why}))
	case 2:
		h.refunds[n] = append(h.refunds[n], h.try(h.RequestRefund(ctx, h.by, at, f, account.RequestRefund{Amount: gbp(minor), To: "card", On: on, Because: why})))
	case 3:
		h.try(h.FailRefund(ctx, h.by, at, h.any(h.refunds[n]), account.FailRefund{Code: "closed", On: on}))
	case 4:
		h.try(h.FailPayment(ctx, h.by, at, f, account.FailPayment{Code: "bounced", On: on}))
	case 5:
		h.try(h.ReversePayment(ctx, h.by, at, f, account.ReversePayment{On: on, Because: why}))
	case 6:
		fee := gbp(7)
		h.cases[n] = append(h.cases[n], h.try(h.OpenChargeback(ctx, h.by, at, f, account.OpenChargeback{Amount: gbp(minor), Fee: &fee, On: on})))
	case 7:
		h.try(h.WinChargeback(ctx, h.by, at, h.any(h.cases[n]), account.WinChargeback{On: on}))
	case 8:
		h.try(h.LoseChargeback(ctx, h.by, at, h.any(h.cases[n]), account.LoseChargeback{On: on}))
	case 9:
		h.try(h.TransferUnapplied(ctx, h.by, at, f, account.TransferUnapplied{Amount: gbp(minor), ToCustomerID: h.customers[1-n], On: on, Because: why}))
	case 10:
		h.try(h.WriteOffInvoice(ctx, h.by, at, i, account.WriteOffInvoice{On: on, Because: why}))
	case 11:
		h.try(h.VoidInvoice(ctx, h.by, i, invoice.Void{Release: rapid.Bool().Draw(h.r, "release"), On: on, Because: why}))
	case 12:
		h.try(h.PublishInvoice(ctx, h.by, i, invoice.Publish{}))
	case 13:
		h.try(h.CorrectInvoiceReference(ctx, h.by, i, invoice.CorrectReference{Reference: string(major(minor)), Because: why}))
	}
}

// totals checks staff's sums against customers' balances, and against each other.
func (h *moneyHistory) totals() {
	list, err := h.q.ListCustomers(h.ctx(), h.staff(), CustomerFilter{})
	sum, err2 := h.q.GetReceivablesSummary(h.ctx(), h.staff())
	ageing, err3 := h.q.GetAgeing(h.ctx(), h.staff(), "2999-12-31")
	if err != nil || err2 != nil || err3 != nil || len(list.Items) != len(h.customers) || sum.Customers != int64(len(h.customers)) {
		h.r.Fatal(err, err2, err3, list, sum)
	}
	total := gbp(0)
	for _, c := range list.Items {
		for _, t := range c.Totals {
			b, err := h.q.GetBalance(h.ctx(), h.staff(), c.ID, BalanceOptions{})
			if err != nil || b.Currencies[0].Open != t.Open || b.Currencies[0].UnappliedCredit != t.Unapplied {
				h.r.Errorf("totals %+v, balance %+v, %v", t, b, err)
			}
			byKind := t.Invoiced.Plus(t.Charged).Minus(t.Credited).Minus(t.Received).Plus(t.Refunded).Minus(t.WrittenOff).Minus(t.Transferred)
			if byKind != t.Balance {
				h.r.Errorf("by kind %s, balance %s: %+v", byKind, t.Balance, t)
			}
			total = total.Plus(t.Balance)
		}
	}
	for _, c := range ageing.Currencies {
		parts := c.NotDue.Amount.Plus(c.Days30.Amount).Plus(c.Days60.Amount).Plus(c.Days90.Amount).Plus(c.Over90.Amount).Plus(c.Overpaid.Amount)
		if c.Total.Amount != total || parts != total {
			h.r.Errorf("ageing %+v; accounts have %s", c, total)
		}
	}
}

// A balance for the whole tree adds up its customers; the accounts stay apart (E17).
func TestConsolidatedBalance(t *testing.T) {
	w := newWorld(t)
	top, mid, low, other := w.customer("top"), w.customer("mid"), w.customer("low"), w.customer("other")
	w.ok(w.MoveCustomer(w.ctx(), w.by, mid, customer.Move{ParentID: &top, Because: why}))
	w.ok(w.MoveCustomer(w.ctx(), w.by, low, customer.Move{ParentID: &mid, Because: why}))
	for n, c := range []uuid.UUID{top, mid, low, other} {
		w.invoice(c, "2026-05-01", "2026-06-01", []int64{1, 20, 300, 4_000}[n], true)
	}
	w.settle()
	for c, want := range map[uuid.UUID]int64{top: 321, mid: 320, low: 300, other: 4_000} {
		b := get[Balance](t)(w.q.GetBalance(t.Context(), w.staff(), c, BalanceOptions{Consolidated: true}))
		if b.Currencies[0].Balance != gbp(want) {
			t.Errorf("got %+v, want %d", b, want)
		}
	}
	if c := get[Customer](t)(w.q.GetCustomer(t.Context(), w.staff(), top)); len(c.Children) != 1 || c.Children[0] != mid {
		t.Errorf("got %+v", c)
	}
	if c := get[Customer](t)(w.q.GetCustomer(t.Context(), w.contactOf(mid), mid)); c.ParentID != nil || c.Children != nil {
		t.Errorf("a contact sees the tree: %+v", c)
	}
}
