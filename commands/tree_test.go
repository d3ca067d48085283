package commands

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/customer"
	"portico/internal/eventstore"
)

func (w *world) under(number string, parent uuid.UUID) (Receipt, error) {
	details := customer.Details{LegalName: "Customer " + number}
	return w.RegisterCustomer(w.ctx(), staffMember(), uuid.Nil, customer.Register{Number: number, Details: details, ParentID: &parent})
}

func (w *world) move(id, parent uuid.UUID) (Receipt, error) {
	return w.MoveCustomer(w.ctx(), staffMember(), id, customer.Move{ParentID: &parent, Because: because})
}

// E37: customers are a tree, eight deep at most.
func TestE37CustomerTree(t *testing.T) {
	w := open(t)
	chain := []uuid.UUID{w.customer("1")}
	for n := 2; n <= customer.MaxDepth; n++ {
		chain = append(chain, w.ok(w.under(fmt.Sprint(n), chain[n-2])).ID)
	}
	w.refuses("customer.too_deep")(w.under("9", chain[7]))
	w.refuses("customer.unknown")(w.under("9", uuid.New()))
	w.ok(w.under("9", chain[6])) // the refused ones used no number up
	alone := w.customer("alone")
	w.refuses("customer.too_deep")(w.move(alone, chain[7]))
	w.refuses("customer.circle")(w.move(chain[0], chain[0]))
	w.refuses("customer.circle")(w.move(chain[0], chain[1]))
	w.refuses("customer.circle")(w.move(chain[0], chain[6]))
	w.refuses("customer.unknown")(w.move(alone, uuid.New()))
	w.ok(w.move(alone, chain[6]))
	w.ok(w.MoveCustomer(t.Context(), staffMember(), alone, customer.Move{Because: because}))
	w.ok(w.move(chain[0], alone)) // alone is at the top again
	w.ok(w.CloseCustomer(t.Context(), staffMember(), chain[1], customer.Close{Because: because}))
	w.refuses("customer.not_active")(w.move(chain[7], chain[1]))
	w.ok(w.move(w.customer("under the closed"), chain[2]))
	w.ok(w.CloseCustomer(t.Context(), staffMember(), alone, customer.Close{Because: because}))
	w.refuses("customer.not_active")(w.move(chain[7], alone))
}

// E37: of two moves at once that would make a circle between them, the second sees the
// first.
func TestE37MovesAtOnce(t *testing.T) {
	w := open(t)
	a, b := w.customer("a"), w.customer("b")
	second := make(chan error, 1)
	w.Store = &meanwhile{Store: w.Store, stream: eventstore.Stream("main", "customer", a.String()), do: func() {
		go func() {
			_, err := w.move(b, a)
			second <- err
		}()
		select { // time for the second to look at the tree, if nothing keeps it
		case err := <-second:
			t.Error("the second did not wait: ", err)
			second <- err
		case <-time.After(50 * time.Millisecond):
		}
	}}
	w.ok(w.move(a, b))
	if err := <-second; domain.CodeOf(err) != "customer.circle" {
		t.Errorf("%v", err)
	}
}
