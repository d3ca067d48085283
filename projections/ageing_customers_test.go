package projections

import (
	"testing"

	"github.com/google/uuid"
)

// Who owes most is first; what a customer owes is in the bucket of its age after the credit, and
// the buckets add up to the balance. Pages follow each other without a gap.
func TestAgeingByCustomer(t *testing.T) {
	w := newWorld(t)
	one, two, over := w.customer("one"), w.customer("two"), w.customer("over")
	w.invoice(one, "2026-01-01", "2026-02-01", 1_000, true)
	w.invoice(one, "2026-06-01", "2026-07-01", 2_000, true)
	w.pay(one, "2026-06-02", 1_500, false)
	w.invoice(two, "2026-05-01", "2026-06-10", 4_000, true)
	w.invoice(over, "2026-05-01", "2026-06-01", 50, true)
	w.pay(over, "2026-05-02", 80, true)
	w.settle()
	f := AgeingFilter{AsOf: "2026-06-30", Paging: Paging{Limit: 2}}
	first := get[Page[CustomerAgeing]](t)(w.q.ListAgeing(t.Context(), w.staff(), f))
	f.Cursor = first.Next
	rest := get[Page[CustomerAgeing]](t)(w.q.ListAgeing(t.Context(), w.staff(), f))
	zero := gbp(0)
	same(t, []CustomerAgeing{
		{two, zero, gbp(4_000), zero, zero, zero, zero, gbp(4_000)},
		{one, gbp(1_500), zero, zero, zero, zero, zero, gbp(1_500)},
		{over, zero, zero, zero, zero, zero, gbp(-30), gbp(-30)},
	}, append(first.Items, rest.Items...))
	if _, err := w.q.ListAgeing(t.Context(), w.contactOf(one), AgeingFilter{}); err == nil {
		t.Error("a contact was told what others owe")
	}
	names := get[map[uuid.UUID]CustomerName](t)(w.q.CustomersNamed(t.Context(), w.staff(), []uuid.UUID{two}))
	if len(names) != 1 || names[two].Name == "" || names[two].Number == "" {
		t.Errorf("%+v", names)
	}
	if _, err := w.q.CustomersNamed(t.Context(), w.contactOf(one), []uuid.UUID{two}); err == nil {
		t.Error("a contact was told a customer's name")
	}
}
