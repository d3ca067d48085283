package account

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
)

// debit is what an event adds to the customer's debt, from the event's own amounts: the
// ledger that any reader of the log can draw up.
func debit(e Event) int64 {
	switch e := e.(type) {
	case InvoicePosted:
		return e.Payable.Minor
	case InvoiceAdjusted:
		return e.Difference.Minor
	case InvoiceReversed:
		return -e.Amount.Minor
	case InvoiceWrittenOff:
		return -e.Amount.Minor
	case WriteOffReversed:
		return e.Amount.Minor
	case ChargePosted:
		return e.Amount.Minor
	}
	_, minor := intoFund(e)
	switch e := e.(type) {
	case RefundRequested:
		minor = -e.Amount.Minor
	case RefundFailed:
		minor = e.Amount.Minor
	case UnappliedTransferredOut:
		minor = -e.Amount.Minor
	}
	return -minor
}

// intoFund is what an event adds to all that a fund ever was worth: applied, unapplied or
// spent.
func intoFund(e Event) (fund uuid.UUID, minor int64) {
	switch e := e.(type) {
	case PaymentReceived:
		return e.PaymentID, e.Amount.Minor
	case PaymentFailed:
		return e.PaymentID, -e.Amount.Minor
	case PaymentReversed:
		return e.PaymentID, -e.Amount.Minor
	case ChargebackOpened:
		return e.PaymentID, -e.Amount.Minor
	case ChargebackReversed:
		return e.PaymentID, e.Amount.Minor
	case CreditPosted:
		return e.CreditID, e.Amount.Minor
	case CreditAdjusted:
		return e.CreditID, e.Difference.Minor
	case CreditReversed:
		return e.CreditID, -e.Amount.Minor
	case UnappliedTransferredIn:
		return e.TransferID, e.Amount.Minor
	}
	return uuid.Nil, 0
}

// claims are the amounts that an event says it left open and unapplied.
func claims(e Event) (itemID, fundID uuid.UUID, open, unapplied *domain.Money) {
	switch e := e.(type) {
	case PaymentAllocated:
		return e.InvoiceID, e.PaymentID, &e.Open, &e.Unapplied
	case PaymentDeallocated:
		return e.InvoiceID, e.PaymentID, &e.Open, &e.Unapplied
	case CreditApplied:
		return e.InvoiceID, e.CreditID, &e.Open, &e.Unapplied
	case CreditUnapplied:
		return e.InvoiceID, e.CreditID, &e.Open, &e.Unapplied
	case InvoiceAdjusted:
		return e.InvoiceID, uuid.Nil, &e.Open, nil
	case WriteOffReversed:
		return e.InvoiceID, uuid.Nil, &e.Open, nil
	case RefundRequested:
		return uuid.Nil, e.FundID, nil, &e.Unapplied
	case RefundFailed:
		return uuid.Nil, e.FundID, nil, &e.Unapplied
	case ChargebackReversed:
		return uuid.Nil, e.PaymentID, nil, &e.Unapplied
	case CreditAdjusted:
		return uuid.Nil, e.CreditID, nil, &e.Unapplied
	case UnappliedTransferredOut:
		return uuid.Nil, e.FundID, nil, &e.Unapplied
	}
	return uuid.Nil, uuid.Nil, nil, nil
}

// fatal is what testing.T and rapid.T have in common here.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkAccount holds a state against I4, the ledger, and what came into each fund.
func checkAccount(t fatal, s Account, ledger int64, worth map[uuid.UUID]int64) {
	t.Helper()
	open, free, paid := int64(0), int64(0), map[uuid.UUID]int64{}
	for id, f := range all(s.funds) {
		total := f.unapplied + f.spent
		for _, u := range f.uses {
			i, _ := s.items.get(u.item)
			if u.amount <= 0 || !slices.Contains(i.payers, id) {
				t.Fatalf("%s pays %d of %s, whose payers are %v", id, u.amount, u.item, i.payers)
			}
			paid[u.item] += u.amount
			total += u.amount
		}
		if free += f.unapplied; f.unapplied < 0 || total != worth[id] {
			t.Fatalf("fund %s: %+v, but %d came into it", id, f, worth[id])
		}
	}
	unpaid := 0
	for id, i := range all(s.items) {
		if i.open < 0 || i.writtenOff < 0 || !i.reversed && i.open+i.writtenOff+paid[id] != i.payable || i.reversed && paid[id]+i.open != 0 {
			t.Fatalf("item %s: %+v, with %d allocated", id, i, paid[id])
		}
		if open += i.open; i.open > 0 {
			unpaid++
			if got, _ := s.unpaid.Get(i.key(id)); got != id {
				t.Fatalf("item %s is open but not in the list of what is unpaid", id)
			}
		}
	}
	if s.unpaid != nil && s.unpaid.Len() != unpaid {
		t.Fatalf("%d are listed as unpaid, %d are open", s.unpaid.Len(), unpaid)
	}
	if ledger != open-free {
		t.Fatalf("the ledger says %d, open less unapplied is %d - %d", ledger, open, free)
	}
}

func all[V any](t table[V]) map[uuid.UUID]V {
	m := map[uuid.UUID]V{}
	if t.m != nil {
		for it := t.m.Iterator(); !it.Done(); {
			id, v, _ := it.Next()
			m[id] = v
		}
	}
	return m
}

// dump is a whole state as text, to compare states by.
func dump(s Account) string {
	var b strings.Builder
	fmt.Fprintln(&b, s.customer, s.currency, all(s.items), all(s.funds), all(s.refunds), all(s.transfers), all(s.awaiting), all(s.references), all(s.reserved))
	for id, c := range all(s.chargebacks) {
		charge := uuid.Nil
		if c.charge != nil {
			charge, c.charge = *c.charge, nil
		}
		fmt.Fprintln(&b, id, c, charge)
	}
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines)
	if s.unpaid != nil {
		for it := s.unpaid.Iterator(); !it.Done(); {
			key, _, _ := it.Next()
			lines = append(lines, key)
		}
	}
	return strings.Join(lines, "\n")
}

var catalog = domain.NewCatalog(Types)

func stored(t fatal, e Event) Event {
	t.Helper()
	typ, data, err := catalog.Encode(e)
	if err != nil {
		t.Fatalf("%v", err)
	}
	back, err := catalog.Decode(typ.Name, typ.Version, data)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return back.(Event)
}

// Whatever the case tables do must balance, too.
func TestEveryEventTypeHasItsPosting(t *testing.T) {
	neutral := []string{"account.opened", "account.credit_applied", "account.credit_unapplied", "account.payment_initiated", "account.payment_settled",
		"account.payment_allocated", "account.payment_deallocated", "account.refund_settled", "account.chargeback_lost"}
	for _, typ := range Types {
		e := fill(typ)
		if moves := debit(e) != 0; moves == slices.Contains(neutral, typ.Name) {
			t.Errorf("%s moves %d", typ.Name, debit(e))
		}
	}
}
