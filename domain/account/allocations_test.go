package account

import (
	"testing"

	"portico/domain"
	"portico/domain/spec"
)

func TestAllocatePayment(t *testing.T) {
	given := did(post(inv1, 100), post(inv2, 100), pay(pay1, 150))
	allocate := func(parts ...Allocation) AllocatePayment { return AllocatePayment{pay1, parts, false, day2} }
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "as told", Given: given, When: allocate(to(inv2, 30), to(inv1, 20)), Then: events{
			PaymentAllocated{pay1, inv2, gbp(30), gbp(70), gbp(120), day2}, PaymentAllocated{pay1, inv1, gbp(20), gbp(80), gbp(100), day2}}},
		{Name: "E3: the rest to the oldest", Given: given, When: AllocatePayment{pay1, []Allocation{to(inv2, 100)}, true, day2}, Then: events{
			PaymentAllocated{pay1, inv2, gbp(100), gbp(0), gbp(50), day2}, PaymentAllocated{pay1, inv1, gbp(50), gbp(50), gbp(0), day2}}},
		{Name: "E10: a written-off invoice by name", Given: did(post(inv1, 100), WriteOffInvoice{InvoiceID: inv1, On: day1, Because: because}, pay(pay1, 10)),
			When: allocate(to(inv1, 10)), Then: events{WriteOffReversed{inv1, gbp(10), gbp(10), day2}, PaymentAllocated{pay1, inv1, gbp(10), gbp(0), gbp(0), day2}}},
		{Name: "I4: no more than there is", Given: given, When: allocate(to(inv1, 100), to(inv2, 51)), Code: "account.exceeds_credit"},
		{Name: "I4: no more than is open", Given: given, When: allocate(to(inv1, 101)), Code: "account.exceeds_open"},
		{Name: "each invoice once", Given: given, When: allocate(to(inv1, 1), to(inv1, 1)), Code: "account.invoice_twice"},
		{Name: "no share of nothing", Given: given, When: allocate(to(inv1, 0)), Code: "money.not_positive"},
		{Name: "E12: in its currency", Given: given, When: allocate(Allocation{inv1, domain.Money{Minor: 1, Currency: "JPY"}}), Code: "account.wrong_currency"},
		{Name: "not to an unknown invoice", Given: given, When: allocate(to(memo1, 1)), Code: "account.unknown_invoice"},
		{Name: "not to a voided invoice", Given: with(given, InvoiceReversed{inv1, gbp(100), day1}), When: allocate(to(inv1, 1)), Code: "account.invoice_reversed"},
		{Name: "not of an unknown payment", Given: did(post(inv1, 1)), When: allocate(to(inv1, 1)), Code: "account.unknown_payment"},
		{Name: "not of a credit memo", Given: did(credit(5, nil)), When: AllocatePayment{PaymentID: memo1, On: day2}, Code: "account.unknown_payment"},
		{Name: "not of a failed payment", Given: and(given, FailPayment{pay1, "nsf", day1}), When: allocate(to(inv1, 1)), Code: "account.exceeds_credit"},
		{Name: "nothing to nobody is nothing", Given: given, When: allocate()},
	})
}

func TestApplyCredit(t *testing.T) {
	given := did(post(inv1, 100), credit(60, nil), pay(pay1, 30))
	apply := ApplyCredit{CreditID: memo1, Allocations: []Allocation{to(inv1, 40)}, On: day2}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "a memo's", Given: given, When: apply, Then: events{CreditApplied{memo1, inv1, gbp(40), gbp(60), gbp(20), day2}}},
		{Name: "E1: a payment's, as credit", Given: given, When: ApplyCredit{pay1, nil, true, day2},
			Then: events{PaymentAllocated{pay1, inv1, gbp(30), gbp(70), gbp(0), day2}}},
		{Name: "a transfer's", Given: did(post(inv1, 5), ReceiveTransfer{acme, refund1, gbp(9), other, day1}), When: ApplyCredit{refund1, nil, true, day2},
			Then: events{CreditApplied{refund1, inv1, gbp(5), gbp(0), gbp(4), day2}}},
		{Name: "I4: no more than there is", Given: did(post(inv1, 100), credit(39, nil)), When: apply, Code: "account.exceeds_credit"},
		{Name: "I4: no more than is open", Given: did(post(inv1, 39), credit(60, nil)), When: apply, Code: "account.exceeds_open"},
		{Name: "an unknown credit is refused", Given: did(post(inv1, 100)), When: apply, Code: "account.unknown_credit"},
	})
}

func TestDeallocate(t *testing.T) {
	given := did(post(inv1, 100), post(inv2, 10), pay(pay1, 60, to(inv1, 50), to(inv2, 10)), credit(5, &inv1))
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "all of it, the last first", Given: given, When: Deallocate{FundID: pay1, On: day2, Because: because}, Then: events{
			PaymentDeallocated{pay1, inv2, gbp(10), gbp(10), gbp(10), day2}, PaymentDeallocated{pay1, inv1, gbp(50), gbp(95), gbp(60), day2}}},
		{Name: "one invoice's part", Given: given, When: Deallocate{pay1, inv2, day2, because},
			Then: events{PaymentDeallocated{pay1, inv2, gbp(10), gbp(10), gbp(10), day2}}},
		{Name: "a credit's", Given: given, When: Deallocate{memo1, inv1, day2, because},
			Then: events{CreditUnapplied{memo1, inv1, gbp(5), gbp(50), gbp(5), day2}}},
		{Name: "what pays nothing has nothing to take back", Given: did(pay(pay1, 5)), When: Deallocate{FundID: pay1, On: day2, Because: because}},
		{Name: "only with a reason", Given: given, When: Deallocate{FundID: pay1, On: day2}, Code: "reason.missing"},
		{Name: "not of what is unknown", When: Deallocate{FundID: pay1, On: day2, Because: because}, Code: "account.unknown_credit"},
	})
}

// Whatever one decision allocates, one decision can take back within the store's limit.
func TestPartsAreBounded(t *testing.T) {
	var s Account
	do := func(c domain.Command[Account]) events {
		t.Helper()
		events, err := c.Decide(s)
		if err != nil || len(events) > 500 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		s = domain.Fold(s, events...)
		return events
	}
	for i := range maxParts + 100 {
		c := post(id(string(rune(i))), 1)
		c.Number = string(rune(i))
		do(c)
	}
	all := pay(pay1, 1000)
	all.OldestFirst = true
	if n := len(do(all)); n != 1+maxParts {
		t.Errorf("one payment led to %d events", n)
	}
	do(AllocatePayment{PaymentID: pay1, OldestFirst: true, On: day1})
	unpaid := id(string(rune(maxParts + 1)))
	if _, err := (AllocatePayment{PaymentID: pay1, Allocations: []Allocation{to(unpaid, 1)}, On: day1}).Decide(s); domain.CodeOf(err) != "account.too_many_parts" {
		t.Errorf("one part too many: %v", err)
	}
	if n := len(do(FailPayment{pay1, "nsf", day2})); n != maxParts+1 {
		t.Errorf("taking it back led to %d events", n)
	}
	if s.unpaid.Len() != maxParts+100 {
		t.Errorf("%d invoices are open again", s.unpaid.Len())
	}
}
