package account

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
)

// fill makes an event of a type whose amounts are all 7.
func fill(typ domain.Type) Event {
	v := reflect.New(typ.Go).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Type() == reflect.TypeFor[domain.Money]() {
			f.Set(reflect.ValueOf(gbp(7)))
		}
	}
	return v.Interface().(Event)
}

// machine does random things to one account and checks it after each.
type machine struct {
	s, fromStored Account
	ledger        int64
	worth         map[uuid.UUID]int64 // that came into each fund
	states        []Account
	dumps         []string // of states, as they were
}

// do decides a command and checks what follows. Decided again it must change nothing,
// unless repeats is false.
func (m *machine) do(t *rapid.T, c domain.Command[Account], repeats bool) {
	events, err := c.Decide(m.s)
	var refused *domain.Error
	if err != nil {
		if !errors.As(err, &refused) || len(events) > 0 {
			t.Fatalf("%T: %v, with %d events", c, err, len(events))
		}
		return
	}
	t.Logf("%T%+v: %d events", c, c, len(events))
	for _, e := range events {
		m.s, m.fromStored = e.Evolve(m.s), stored(t, e).Evolve(m.fromStored)
		m.ledger += debit(e)
		fund, minor := intoFund(e)
		m.worth[fund] += minor
		itemID, fundID, isOpen, isUnapplied := claims(e)
		if isOpen != nil && isOpen.Minor != open(m.s, itemID) || isUnapplied != nil && isUnapplied.Minor != unapplied(m.s, fundID) {
			t.Fatalf("%T%+v, but %d is open and %d unapplied", e, e, open(m.s, itemID), unapplied(m.s, fundID))
		}
	}
	if again, err := c.Decide(m.s); repeats && (len(again) > 0 || err != nil) {
		t.Fatalf("%T again: %d events, %v", c, len(again), err)
	}
	m.states, m.dumps = append(m.states, m.s), append(m.dumps, dump(m.s))
}

func (m *machine) check(t *rapid.T) {
	checkAccount(t, m.s, m.ledger, m.worth)
	if a, b := dump(m.s), dump(m.fromStored); a != b {
		t.Fatalf("the state from stored events differs:\n%s\n%s", a, b)
	}
}

// one draws one of n ids of a kind.
func one(t *rapid.T, kind string, n int) uuid.UUID {
	return id(fmt.Sprint(kind, rapid.IntRange(1, n).Draw(t, kind)))
}

func amount(t *rapid.T) domain.Money { return gbp(rapid.Int64Range(1, 60).Draw(t, "amount")) }

func aDate(t *rapid.T) domain.Date { return day1.AddDays(rapid.IntRange(-20, 20).Draw(t, "day")) }

func shares(t *rapid.T) []Allocation {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Allocation { return Allocation{one(t, "inv", 5), amount(t)} }), 0, 3,
		func(a Allocation) uuid.UUID { return a.InvoiceID }).Draw(t, "shares")
}

func aFund(t *rapid.T) uuid.UUID {
	return id(rapid.SampledFrom([]string{"pay1", "pay2", "pay3", "pay4", "memo1", "memo2", "in1"}).Draw(t, "fund"))
}

func anItem(t *rapid.T, m *machine) uuid.UUID {
	items := []uuid.UUID{id("inv1"), id("inv2"), id("inv3")}
	if m.s.unpaid != nil { // charges too
		for it := m.s.unpaid.Iterator(); !it.Done(); {
			_, itemID, _ := it.Next()
			items = append(items, itemID)
		}
	}
	return items[rapid.IntRange(0, len(items)-1).Draw(t, "item")]
}

func (m *machine) actions() map[string]func(*rapid.T) {
	flip := func(t *rapid.T) bool { return rapid.Bool().Draw(t, "flip") }
	return map[string]func(*rapid.T){
		"": m.check,
		"post": func(t *rapid.T) {
			n := rapid.IntRange(1, 5).Draw(t, "inv")
			m.do(t, PostInvoice{acme, id(fmt.Sprint("inv", n)), fmt.Sprint("INV-", n), gbp(rapid.Int64Range(0, 100).Draw(t, "payable")), day1, aDate(t)}, true)
		},
		"restate":  func(t *rapid.T) { m.do(t, AdjustInvoice{one(t, "inv", 5), amount(t), day2, aDate(t)}, true) },
		"reverse":  func(t *rapid.T) { m.do(t, ReverseInvoice{one(t, "inv", 5), flip(t), day2, because}, true) },
		"writeOff": func(t *rapid.T) { m.do(t, WriteOffInvoice{anItem(t, m), day2, because}, true) },
		"receive": func(t *rapid.T) {
			m.do(t, RecordPayment{acme, one(t, "pay", 4), amount(t), day1, "bank", rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "ref"), shares(t), flip(t), flip(t)}, true)
		},
		"begin": func(t *rapid.T) {
			m.do(t, BeginPayment{one(t, "pay", 4), amount(t), "card", shares(t), flip(t), domain.PaymentPolicy{Part: "any", Over: "credit"}, noon}, true)
		},
		"settle":   func(t *rapid.T) { m.do(t, SettlePayment{one(t, "pay", 4), day2}, true) },
		"fail":     func(t *rapid.T) { m.do(t, FailPayment{one(t, "pay", 4), "nsf", day2}, true) },
		"takeBack": func(t *rapid.T) { m.do(t, ReversePayment{one(t, "pay", 4), day2, because}, true) },
		"allocate": func(t *rapid.T) { m.do(t, AllocatePayment{one(t, "pay", 4), shares(t), flip(t), day2}, false) },
		"apply": func(t *rapid.T) {
			m.do(t, ApplyCredit{aFund(t), []Allocation{{anItem(t, m), amount(t)}}, flip(t), day2}, false)
		},
		"deallocate": func(t *rapid.T) { m.do(t, Deallocate{FundID: aFund(t), On: day2, Because: because}, true) },
		"refund": func(t *rapid.T) {
			m.do(t, RequestRefund{aFund(t), one(t, "refund", 4), amount(t), "bank", []uuid.UUID{one(t, "inv", 5), one(t, "inv", 5)}, day2, because}, true)
		},
		"refundSettled": func(t *rapid.T) { m.do(t, SettleRefund{one(t, "refund", 4), day2}, true) },
		"refundFailed":  func(t *rapid.T) { m.do(t, FailRefund{one(t, "refund", 4), "closed", day2}, true) },
		"chargeback": func(t *rapid.T) {
			fee := amount(t)
			m.do(t, OpenChargeback{one(t, "pay", 4), one(t, "chargeback", 3), amount(t), &fee, due, day2}, true)
		},
		"win":  func(t *rapid.T) { m.do(t, WinChargeback{one(t, "chargeback", 3), day2}, true) },
		"lose": func(t *rapid.T) { m.do(t, LoseChargeback{one(t, "chargeback", 3), day2}, true) },
		"transfer": func(t *rapid.T) {
			m.do(t, TransferUnapplied{aFund(t), one(t, "out", 2), amount(t), other, day2, because}, true)
		},
		"arrive": func(t *rapid.T) { m.do(t, ReceiveTransfer{acme, one(t, "in", 1), amount(t), other, day2}, true) },
		"credit": func(t *rapid.T) {
			against := one(t, "inv", 5)
			m.do(t, PostCredit{acme, one(t, "memo", 2), "CM", amount(t), &against, day1}, true)
		},
		"restateCredit": func(t *rapid.T) { m.do(t, AdjustCredit{one(t, "memo", 2), amount(t), day2}, true) },
		"reverseCredit": func(t *rapid.T) { m.do(t, ReverseCredit{one(t, "memo", 2), day2, because}, true) },
	}
}

// I4: whatever happens to an account, nothing is below zero, nobody pays more than is
// payable, and the ledger is what is open less what is unapplied. Stored events lead to
// the same state, repetitions to nothing, and no event changes the state it is given.
func TestI4MoneyIsConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{worth: map[uuid.UUID]int64{}}
		t.Repeat(m.actions())
		for i, s := range m.states {
			if dump(s) != m.dumps[i] {
				t.Fatalf("state %d was changed by what came after it", i)
			}
		}
	})
}
