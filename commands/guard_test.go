package commands

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/internal/eventstore"
)

// twoNodes are two processes over one log; in the first, do runs just before the first append
// to a stream of a category.
func twoNodes(w *world, category string, do func()) {
	w.Store = &meanwhile{Store: w.Store, category: category, do: do}
}

// E37: of two moves in two processes that would make a circle between them one is refused,
// whether the second comes before the first has announced its own or after.
func TestE37MovesInTwoProcesses(t *testing.T) {
	for _, moment := range []string{"guard", "customer"} {
		w := open(t)
		a, b, c := w.customer("a"), w.customer("b"), w.customer("c")
		w.ok(w.move(b, c)) // what is over before counts no more
		w.ok(w.MoveCustomer(w.ctx(), staffMember(), b, customer.Move{Because: because}))
		twin := w.another()
		var second error
		twoNodes(w, moment, func() { _, second = twin.move(b, a) })
		_, first := w.move(a, b)
		won, lost := first, second
		if moment == "guard" {
			won, lost = second, first
		}
		if won != nil || domain.CodeOf(lost) != "customer.circle" {
			t.Errorf("%s: %v, and %v", moment, first, second)
		}
	}
}

// Three at once make no circle either, and what makes none is let through meanwhile.
func TestE37ALongCircleInTwoProcesses(t *testing.T) {
	w := open(t)
	a, b, c, d := w.customer("a"), w.customer("b"), w.customer("c"), w.customer("d")
	twin := w.another()
	twoNodes(w, "customer", func() {
		twin.ok(twin.move(b, c))
		twin.refuses("customer.circle")(twin.move(c, a))
		twin.ok(twin.move(c, d))
	})
	w.ok(w.move(a, b))
}

// E17: two customers do not each go on as the other.
func TestE17MergersInTwoProcesses(t *testing.T) {
	w := open(t)
	a, b := w.customer("a"), w.customer("b")
	twin := w.another()
	twoNodes(w, "customer", func() {
		twin.refuses("customer.not_active")(twin.MergeCustomers(w.ctx(), staffMember(), b, customer.Merge{SurvivorID: a, Because: because}))
	})
	w.ok(w.MergeCustomers(w.ctx(), staffMember(), a, customer.Merge{SurvivorID: b, Because: because}))
}

// E30: of two managers who stop at once in two processes one is refused; nor do two take it
// away from each other.
func TestE30ManagersInTwoProcesses(t *testing.T) {
	for _, moment := range []string{"guard", "contact"} {
		for _, each := range []bool{false, true} {
			w := open(t)
			acme := w.customer("1")
			ann, bob := w.person(acme, access.Everything()), w.person(acme, access.Everything())
			w.among(ann, bob)
			twin := w.another()
			twin.among(ann, bob)
			stop := func(at *world, by, whom uuid.UUID) error {
				_, err := at.RevokeContactAccess(context.Background(), as(by), whom, contact.RevokeAccess{Because: because})
				return err
			}
			of := [2]uuid.UUID{ann, bob}
			if each {
				of = [2]uuid.UUID{bob, ann}
			}
			var second error
			twoNodes(w, moment, func() { second = stop(twin, bob, of[1]) })
			first := stop(w, ann, of[0])
			refused := 0
			for _, err := range []error{first, second} {
				if code := domain.CodeOf(err); code == "access.last_manager" || code == "access.not_granted" {
					refused++
				}
			}
			if refused != 1 {
				t.Errorf("%s, each the other %t: %v, and %v", moment, each, first, second)
			}
		}
	}
}

// What was announced by a process that died stands in the way of what would go wrong with
// it, and of nothing else: until the same request comes again, or another change.
func TestWhatADeadProcessAnnounced(t *testing.T) {
	w := open(t)
	a, b, c := w.customer("a"), w.customer("b"), w.customer("c")
	twin := w.another()
	w.Store = failing{w.Store, eventstore.Stream("main", "customer", a.String())}
	by := staffMember()
	to := customer.Move{ParentID: &b, Because: because}
	w.refuses("store.unavailable")(w.MoveCustomer(w.ctx(), by, a, to))
	twin.refuses("customer.circle")(twin.move(b, a))
	twin.ok(twin.move(b, c))
	twin.ok(twin.move(c, twin.customer("d")))
	if r := twin.ok(twin.MoveCustomer(w.ctx(), by, a, to)); r.Events != 1 {
		t.Errorf("the same request again: %+v", r)
	}
	e := staffMember()
	w.Store = failing{twin.Store, eventstore.Stream("main", "customer", c.String())}
	w.refuses("store.unavailable")(w.MoveCustomer(w.ctx(), e, c, customer.Move{Because: because}))
	twin.ok(twin.SwitchCustomerPortal(w.ctx(), staffMember(), c, customer.SwitchPortal{On: false, Because: because}))
	w.Store = twin.Store
	if r := w.ok(w.MoveCustomer(w.ctx(), e, c, customer.Move{Because: because})); r.Events != 1 {
		t.Errorf("after another change: %+v", r)
	}
}

// failing refuses to append to a stream.
type failing struct {
	eventstore.Store
	stream eventstore.StreamName
}

func (f failing) Append(ctx context.Context, s eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if s == f.stream {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	return f.Store.Append(ctx, s, expected, events...)
}
