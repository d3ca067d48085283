package projections

import (
	"testing"
	"time"

	"portico/domain"
	"portico/domain/account"
)

// Buckets are by days past the due date, both bounds within; credit is set against what is
// due first; who has more credit than is open is apart.
func TestAgeing(t *testing.T) {
	w := newWorld(t)
	asOf := domain.Date("2026-06-30")
	for n, days := range []int{0, 1, 30, 31, 60, 61, 90, 91} {
		due := asOf.AddDays(-days)
		w.invoice(w.customer(string(rune('A'+n))), due, due, 100, true)
	}
	two := w.customer("two")
	old := w.invoice(two, "2026-01-01", "2026-02-01", 1_000, true)
	w.invoice(two, "2026-06-01", "2026-07-01", 2_000, true)
	w.pay(two, "2026-06-02", 1_500, false, toPay(old, 300)) // 1,200 pay nothing yet
	over := w.customer("over")
	w.invoice(over, "2026-05-01", "2026-06-01", 50, true)
	w.pay(over, "2026-05-02", 80, true)
	future := w.customer("future")
	w.invoice(future, "2026-07-01", "2026-08-01", 9_999, true) // not yet, as of that date
	w.settle()
	report := get[AgeingReport](t)(w.q.GetAgeing(t.Context(), w.staff(), asOf))
	bucket := func(items, open, accounts, amount int64) AgeingBucket {
		return AgeingBucket{items, gbp(open), accounts, gbp(amount)}
	}
	same(t, []CurrencyAgeing{{
		Currency: "GBP",
		NotDue:   bucket(2, 2_100, 2, 1_600), // two's credit leaves 1,500 of 2,000
		Days30:   bucket(2, 200, 2, 200), Days60: bucket(2, 200, 2, 200), Days90: bucket(2, 200, 2, 200),
		Over90:   bucket(2, 800, 1, 100), // two's 700 are covered
		Overpaid: AgeingTotal{1, gbp(-30)},
		Total:    AgeingTotal{10, gbp(1_600 + 600 + 100 - 30)},
	}}, report.Currencies)

	early := get[AgeingReport](t)(w.q.GetAgeing(t.Context(), w.staff(), "2026-02-01"))
	same(t, bucket(1, 1_000, 1, 1_000), early.Currencies[0].NotDue) // of two: paid later
}

// Overdue and pending count from the clock, in the tenant's zone (E43).
func TestBalance(t *testing.T) {
	w := newWorld(t)
	w.enter("kiritimati", "Pacific/Kiritimati") // 14 hours ahead: it is the 16th there
	a := w.customer("A")
	i := w.invoice(a, "2026-05-15", "2026-06-15", 1_000, true)
	w.posted()
	w.ok(w.BeginPayment(w.ctx(), w.by, w.account(a), account.BeginPayment{Amount: gbp(1_000), Method: "card", Allocations: []account.Allocation{toPay(i, 1_000)}}))
	w.settle()
	b := get[Balance](t)(w.q.GetBalance(t.Context(), w.contactOf(a), a, BalanceOptions{}))
	same(t, Balance{CustomerID: a, AsOf: "2026-06-16", Currencies: []CurrencyBalance{{
		Currency: "GBP", Open: gbp(1_000), Overdue: gbp(1_000), UnappliedCredit: gbp(0), Balance: gbp(1_000), Pending: gbp(1_000),
		Ageing: Ageing{gbp(0), gbp(1_000), gbp(0), gbp(0), gbp(0)},
		Due:    Due{Soon: gbp(0), Later: gbp(0), OverdueItems: 1},
	}}}, b)
	d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.contactOf(a), i))
	if !d.Overdue {
		t.Error("it is the day after the due date there")
	}
	w.q.Clock = func() time.Time { return noon.Add(-5 * time.Hour) }
	b = get[Balance](t)(w.q.GetBalance(t.Context(), w.contactOf(a), a, BalanceOptions{}))
	if b.AsOf != "2026-06-15" || b.Currencies[0].Overdue != gbp(0) || b.Currencies[0].Due != (Due{Soon: gbp(1_000), Later: gbp(0), SoonItems: 1}) {
		t.Errorf("on the due date itself: %+v", b)
	}
}
