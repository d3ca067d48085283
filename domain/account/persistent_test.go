package account

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/domain/spec"
)

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Account](t, Types) }

// A state is shared by all who decide on the account; go test -race watches.
func TestManyDecideOnOneState(t *testing.T) {
	var history events
	for i := range 40 {
		c := post(id(fmt.Sprint("inv", i)), 100)
		c.Number = fmt.Sprint(i)
		history = and(history, c)
		history = and(history, pay(id(fmt.Sprint("pay", i)), 60, to(c.InvoiceID, 50)))
	}
	shared := domain.Fold(Account{}, history...)
	was := dump(shared)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			s := shared
			for i := range 40 {
				payment := id(fmt.Sprint("pay", (i+g)%40))
				for _, c := range []domain.Command[Account]{
					pay(uuid.New(), 500, to(id(fmt.Sprint("inv", (i*g)%40)), 20)), AllocatePayment{PaymentID: payment, OldestFirst: true, On: day2},
					Deallocate{FundID: payment, On: day2, Because: because}, FailPayment{payment, "nsf", day2},
				} {
					events, err := c.Decide(s)
					if err != nil {
						t.Error(err)
					}
					s = domain.Fold(s, events...)
				}
			}
		})
	}
	all.Wait()
	if dump(shared) != was {
		t.Error("the shared state has changed")
	}
}

// E49: where no invoice gets more than it asks for, the order of arrival does not matter.
func TestE49OrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := map[uuid.UUID]int64{}
		var commands []domain.Command[Account]
		for i := range rapid.IntRange(1, 4).Draw(t, "invoices") {
			c := PostInvoice{acme, id(fmt.Sprint("inv", i)), fmt.Sprint(i), gbp(rapid.Int64Range(0, 100).Draw(t, "payable")), day1, aDate(t)}
			left[c.InvoiceID] = c.Payable.Minor
			commands = append(commands, c)
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "payments") {
			c := pay(id(fmt.Sprint("pay", i)), rapid.Int64Range(0, 20).Draw(t, "surplus"))
			for n := range len(left) {
				invoice := id(fmt.Sprint("inv", n))
				if part := rapid.Int64Range(0, left[invoice]).Draw(t, "part"); part > 0 {
					left[invoice] -= part
					c.Amount.Minor += part
					c.Allocations = append(c.Allocations, to(invoice, part))
				}
			}
			if c.AwaitInvoices = true; c.Amount.Minor > 0 {
				commands = append(commands, c)
			}
		}
		straight := state(commands...)
		shuffled := state(rapid.Permutation(commands).Draw(t, "order")...)
		for itemID := range all(straight.items) {
			if open(straight, itemID) != open(shuffled, itemID) || open(straight, itemID) != left[itemID] {
				t.Fatalf("%d is open, or %d, want %d", open(straight, itemID), open(shuffled, itemID), left[itemID])
			}
		}
		for fundID := range all(straight.funds) {
			if unapplied(straight, fundID) != unapplied(shuffled, fundID) {
				t.Fatalf("%d is unapplied, or %d", unapplied(straight, fundID), unapplied(shuffled, fundID))
			}
		}
	})
}
