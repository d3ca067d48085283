package account

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

// came is the event of a payment of an amount.
func came(payment uuid.UUID, minor int64) PaymentReceived {
	return PaymentReceived{PaymentID: payment, Amount: gbp(minor), On: day1, Method: "bank"}
}

func referenced(payment uuid.UUID, minor int64, ref string) RecordPayment {
	c := pay(payment, minor)
	c.ExternalRef = ref
	return c
}

func TestRecordPayment(t *testing.T) {
	fail, reverse := FailPayment{pay1, "nsf", day2}, ReversePayment{pay1, day2, because}
	oldest := pay(pay1, 150)
	oldest.OldestFirst = true
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "money opens the account", When: pay(pay1, 10), Then: events{Opened{acme, "GBP"}, came(pay1, 10)}},
		{Name: "a payment pays what it names",
			Given: did(post(inv1, 100)), When: pay(pay1, 60, to(inv1, 60)),
			Then: events{came(pay1, 60), PaymentAllocated{pay1, inv1, gbp(60), gbp(40), gbp(0), day1}}},
		{Name: "E1: what is paid in excess stays as credit",
			Given: did(post(inv1, 100)), When: pay(pay1, 120, to(inv1, 120)),
			Then: events{came(pay1, 120), PaymentAllocated{pay1, inv1, gbp(100), gbp(0), gbp(20), day1}}},
		{Name: "E3: oldest due date first",
			Given: did(post(inv2, 100), post(inv1, 100)), When: oldest,
			Then: events{came(pay1, 150), PaymentAllocated{pay1, inv1, gbp(100), gbp(0), gbp(50), day1}, PaymentAllocated{pay1, inv2, gbp(50), gbp(50), gbp(0), day1}}},
		{Name: "E3: what a payment names comes before what is oldest",
			Given: did(post(inv1, 100), post(inv2, 100)),
			When:  RecordPayment{PaymentID: pay1, Amount: gbp(120), On: day1, Method: "bank", Allocations: []Allocation{to(inv2, 100)}, OldestFirst: true},
			Then:  events{came(pay1, 120), PaymentAllocated{pay1, inv2, gbp(100), gbp(0), gbp(20), day1}, PaymentAllocated{pay1, inv1, gbp(20), gbp(80), gbp(0), day1}}},
		{Name: "E3: the share of an invoice that was paid meanwhile stays as credit",
			Given: did(post(inv1, 100), post(inv2, 50), pay(pay2, 100, to(inv1, 100))), When: pay(pay1, 150, to(inv1, 100), to(inv2, 50)),
			Then: events{came(pay1, 150), PaymentAllocated{pay1, inv2, gbp(50), gbp(0), gbp(100), day1}}},
		{Name: "the same payment id is one payment", Given: did(pay(pay1, 10)), When: pay(pay1, 10)},
		{Name: "but not with another amount", Given: did(pay(pay1, 10)), When: pay(pay1, 11), Code: "payment.id_taken"},
		{Name: "I5: the same reference is one payment", Given: did(referenced(pay1, 10, "x")), When: referenced(pay2, 10, " x ")},
		{Name: "I5: but not with another amount", Given: did(referenced(pay1, 10, "x")), When: referenced(pay2, 11, "x"), Code: "payment.reference_used"},
		{Name: "a reference is the method's own", Given: did(referenced(pay1, 10, "x")),
			When: RecordPayment{PaymentID: pay2, Amount: gbp(10), On: day1, Method: "card", ExternalRef: "x"},
			Then: events{PaymentReceived{PaymentID: pay2, Amount: gbp(10), On: day1, Method: "card", ExternalRef: "x"}}},
		{Name: "a reversed payment does not come again in silence",
			Given: did(referenced(pay1, 10, "x"), reverse), When: referenced(pay2, 10, "x"), Code: "payment.reference_used"},
		{Name: "nor does a failed one", Given: did(referenced(pay1, 10, "x"), fail), When: referenced(pay2, 10, "x"), Code: "payment.reference_used"},
		{Name: "money is not mistaken for a credit memo", Given: did(credit(10, nil)), When: pay(memo1, 10), Code: "account.id_taken"},
		{Name: "an unknown invoice is refused", Given: did(post(inv1, 1)), When: pay(pay1, 10, to(inv2, 10)), Code: "account.unknown_invoice"},
		{Name: "nothing is no payment", When: pay(pay1, 0), Code: "money.not_positive"},
		{Name: "nor is less than nothing", When: pay(pay1, -5), Code: "money.not_positive"},
		{Name: "nor more than there is", When: pay(pay1, domain.MaxMinor+1), Code: "money.not_positive"},
		{Name: "a share is positive", Given: did(post(inv1, 1)), When: pay(pay1, 1, to(inv1, -1)), Code: "money.not_positive"},
		{Name: "E12: a share is of the account's currency", Given: did(post(inv1, 1)),
			When: pay(pay1, 1, Allocation{inv1, domain.Money{Minor: 1, Currency: "EUR"}}), Code: "account.wrong_currency"},
		{Name: "E12: money of another currency belongs elsewhere", Given: did(post(inv1, 1)),
			When: RecordPayment{PaymentID: pay1, Amount: domain.Money{Minor: 1, Currency: "EUR"}, On: day1, Method: "bank"}, Code: "account.wrong_currency"},
		{Name: "allocations cannot add up to more than the payment", Given: did(post(inv1, 100), post(inv2, 100)),
			When: pay(pay1, 150, to(inv1, 100), to(inv2, 51)), Code: "payment.allocations_exceed"},
		{Name: "a method is one line", When: RecordPayment{CustomerID: acme, PaymentID: pay1, Amount: gbp(1), On: day1, Method: "bank\r\nBcc: x"}, Code: "field.control_character"},
		{Name: "a payment has a method", When: RecordPayment{CustomerID: acme, PaymentID: pay1, Amount: gbp(1), On: day1, Method: " "}, Code: "field.missing"},
		{Name: "a payment has a date", When: RecordPayment{CustomerID: acme, PaymentID: pay1, Amount: gbp(1), On: "1/3/26", Method: "bank"}, Code: "date.malformed"},
		{Name: "E16: a payment may be dated back", Given: did(pay(pay2, 1)),
			When: RecordPayment{PaymentID: pay1, Amount: gbp(1), On: "2020-02-29", Method: "bank"},
			Then: events{PaymentReceived{PaymentID: pay1, Amount: gbp(1), On: "2020-02-29", Method: "bank"}}},
	})
}

// E49: a payment may come before its invoice.
func TestE49PaymentBeforeInvoice(t *testing.T) {
	early := pay(pay1, 100, to(inv1, 70))
	early.AwaitInvoices = true
	both := early
	both.OldestFirst = true
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "it waits, unapplied", When: early, Then: events{Opened{acme, "GBP"},
			PaymentReceived{PaymentID: pay1, Amount: gbp(100), On: day1, Method: "bank", Awaiting: []Allocation{to(inv1, 70)}}}},
		{Name: "its invoice is paid when it comes",
			Given: did(early), When: post(inv1, 80), Then: events{
				InvoicePosted{inv1, "INV-1", gbp(80), day1, due}, PaymentAllocated{pay1, inv1, gbp(70), gbp(10), gbp(30), day1}}},
		{Name: "other invoices are not", Given: did(early), When: post(inv2, 80), Then: events{InvoicePosted{inv2, "INV-2", gbp(80), day1, due.AddDays(7)}}},
		{Name: "oldest first leaves what waits",
			Given: did(post(inv2, 80)), When: both, Then: events{
				PaymentReceived{PaymentID: pay1, Amount: gbp(100), On: day1, Method: "bank", Awaiting: []Allocation{to(inv1, 70)}},
				PaymentAllocated{pay1, inv2, gbp(30), gbp(50), gbp(70), day1}}},
		{Name: "what was used otherwise waits no more",
			Given: did(early, post(inv2, 100), AllocatePayment{PaymentID: pay1, OldestFirst: true, On: day1}), When: post(inv1, 80),
			Then: events{InvoicePosted{inv1, "INV-1", gbp(80), day1, due}}},
		{Name: "nor does what went back",
			Given: did(early, FailPayment{pay1, "nsf", day2}), When: post(inv1, 80), Then: events{InvoicePosted{inv1, "INV-1", gbp(80), day1, due}}},
		{Name: "a credit memo waits for its invoice too",
			Given: did(credit(50, &inv1)), When: post(inv1, 80), Then: events{
				InvoicePosted{inv1, "INV-1", gbp(80), day1, due}, CreditApplied{memo1, inv1, gbp(50), gbp(30), gbp(0), day1}}},
	})
}

func TestSettleFailReverse(t *testing.T) {
	settle, fail, reverse := SettlePayment{pay1, day2}, FailPayment{pay1, "nsf", day2}, ReversePayment{pay1, day2, because}
	begun := did(post(inv1, 100), begin(pay1, 100, to(inv1, 100)))
	charge := domain.DerivedID(pay1, "shortfall", "1")
	refunded := did(post(inv1, 100), pay(pay1, 100, to(inv1, 60)), RequestRefund{FundID: pay1, RefundID: refund1, Amount: gbp(40), To: "bank", On: day1, Because: because})
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "settling", Given: did(pay(pay1, 10)), When: settle, Then: events{PaymentSettled{pay1, day2}}},
		{Name: "settling again is nothing", Given: did(pay(pay1, 10), settle), When: settle},
		{Name: "what did not come does not settle", Given: begun, When: settle, Code: "payment.not_received"},
		{Name: "what is not known does not settle", When: settle, Code: "account.unknown_payment"},
		{Name: "a credit memo does not settle", Given: did(credit(10, nil)), When: SettlePayment{memo1, day2}, Code: "account.unknown_payment"},

		{Name: "E5: a settled payment fails, its invoice reopens",
			Given: did(post(inv1, 100), pay(pay1, 100, to(inv1, 100)), settle), When: fail, Then: events{
				PaymentDeallocated{pay1, inv1, gbp(100), gbp(100), gbp(100), day2},
				PaymentFailed{pay1, gbp(100), "nsf", true, gbp(0), nil, day2}}},
		{Name: "E5: what was refunded of it is owed again", Given: refunded, When: fail, Then: events{
			PaymentDeallocated{pay1, inv1, gbp(60), gbp(100), gbp(60), day2},
			PaymentFailed{pay1, gbp(100), "nsf", false, gbp(40), &charge, day2}}},
		{Name: "failing again is nothing", Given: did(pay(pay1, 10), fail), When: fail},
		{Name: "what was only begun fails with nothing", Given: begun, When: fail, Then: events{PaymentFailed{pay1, gbp(0), "nsf", false, gbp(0), nil, day2}}},
		{Name: "and may come after all", Given: with(begun, PaymentFailed{pay1, gbp(0), "nsf", false, gbp(0), nil, day2}), When: pay(pay1, 100),
			Then: events{came(pay1, 100), PaymentAllocated{pay1, inv1, gbp(100), gbp(0), gbp(0), day1}}},
		{Name: "a reversed payment cannot fail", Given: did(pay(pay1, 10), reverse), When: fail, Code: "payment.reversed"},
		{Name: "an unknown payment cannot fail", When: fail, Code: "account.unknown_payment"},

		{Name: "E11: a payment of somebody else's is reversed",
			Given: did(post(inv1, 100), pay(pay1, 100, to(inv1, 60))), When: reverse, Then: events{
				PaymentDeallocated{pay1, inv1, gbp(60), gbp(100), gbp(100), day2}, PaymentReversed{pay1, gbp(100), gbp(0), nil, day2}}},
		{Name: "E11: what was refunded of it is owed again", Given: refunded, When: reverse, Then: events{
			PaymentDeallocated{pay1, inv1, gbp(60), gbp(100), gbp(60), day2}, PaymentReversed{pay1, gbp(100), gbp(40), &charge, day2}}},
		{Name: "reversing again is nothing", Given: did(pay(pay1, 10), reverse), When: reverse},
		{Name: "what failed is not reversed", Given: did(pay(pay1, 10), fail), When: reverse, Code: "payment.not_received"},
		{Name: "what was only begun is not reversed", Given: begun, When: reverse, Code: "payment.not_received"},
		{Name: "reversing needs a reason", Given: did(pay(pay1, 10)), When: ReversePayment{PaymentID: pay1, On: day2}, Code: "reason.missing"},
		{Name: "an unknown payment cannot be reversed", When: reverse, Code: "account.unknown_payment"},
	})
}

// E5: after a failure the invoice is due when it was due before.
func TestE5FailureKeepsTheDueDate(t *testing.T) {
	s := state(post(inv2, 10), post(inv1, 10), pay(pay1, 10, to(inv1, 10)), FailPayment{pay1, "nsf", day2})
	if first, _, _ := s.unpaid.Iterator().Next(); first != string(due)+"\x00INV-1\x00"+inv1.String() {
		t.Errorf("the oldest unpaid is %q", first)
	}
}
