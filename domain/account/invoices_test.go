package account

import (
	"testing"

	"portico/domain"
	"portico/domain/spec"
)

func TestInvoicesOnAccount(t *testing.T) {
	posted := InvoicePosted{inv1, "INV-1", gbp(100), day1, due}
	adjust := func(minor int64) AdjustInvoice { return AdjustInvoice{InvoiceID: inv1, Payable: gbp(minor), On: day2} }
	reverse := ReverseInvoice{InvoiceID: inv1, On: day2, Because: because}
	writeOff := WriteOffInvoice{InvoiceID: inv1, On: day2, Because: because}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "the first posting opens the account",
			When: post(inv1, 100), Then: events{Opened{acme, "GBP"}, posted}},
		{Name: "an invoice is posted once", Given: did(post(inv1, 100)), When: post(inv1, 100)},
		{Name: "a negative invoice is refused", When: post(inv1, -1), Code: "account.negative_invoice"},
		{Name: "E15: a zero invoice is posted, with nothing open",
			Given: did(post(inv2, 5)), When: post(inv1, 0), Then: events{InvoicePosted{inv1, "INV-1", gbp(0), day1, due}}},
		{Name: "E12: an account keeps its currency",
			Given: did(post(inv1, 100)), When: PostInvoice{InvoiceID: inv2, Payable: domain.Money{Minor: 1, Currency: "EUR"}, On: day1, DueOn: due},
			Code: "account.wrong_currency"},
		{Name: "no account opens for nobody", When: PostInvoice{InvoiceID: inv1, Payable: gbp(1)}, Code: "account.unknown"},
		{Name: "no account opens in no currency",
			When: PostInvoice{CustomerID: acme, InvoiceID: inv1, Payable: domain.Money{Minor: 1, Currency: "XXZ"}}, Code: "money.unknown_currency"},

		{Name: "a restatement changes what is open",
			Given: did(post(inv1, 100), pay(pay1, 30, to(inv1, 30))), When: adjust(80),
			Then: events{InvoiceAdjusted{inv1, gbp(80), gbp(-20), gbp(50), day2, ""}}},
		{Name: "a restatement below what was paid sets the rest free",
			Given: did(post(inv1, 100), pay(pay1, 90, to(inv1, 90))), When: adjust(40),
			Then: events{PaymentDeallocated{pay1, inv1, gbp(50), gbp(60), gbp(50), day2}, InvoiceAdjusted{inv1, gbp(40), gbp(-60), gbp(0), day2, ""}}},
		{Name: "a restatement takes a write-off back first",
			Given: did(post(inv1, 100), writeOff), When: adjust(70),
			Then: events{WriteOffReversed{inv1, gbp(100), gbp(100), day2}, InvoiceAdjusted{inv1, gbp(70), gbp(-30), gbp(70), day2, ""}}},
		{Name: "a restatement to the same is nothing", Given: did(post(inv1, 100)), When: adjust(100)},
		{Name: "a new due date is a restatement, and leaves a write-off alone",
			Given: did(post(inv1, 100), writeOff), When: AdjustInvoice{InvoiceID: inv1, Payable: gbp(100), On: day2, DueOn: day2},
			Then: events{InvoiceAdjusted{inv1, gbp(100), gbp(0), gbp(0), day2, day2}}},
		{Name: "a restatement of a voided invoice is nothing", Given: did(post(inv1, 100), reverse), When: adjust(70)},
		{Name: "a negative restatement is refused", Given: did(post(inv1, 100)), When: adjust(-1), Code: "account.negative_invoice"},
		{Name: "a restatement of an unknown invoice is refused", Given: did(post(inv2, 1)), When: adjust(70), Code: "account.unknown_invoice"},
		{Name: "E12: a restatement keeps the currency", Given: did(post(inv1, 100)),
			When: AdjustInvoice{InvoiceID: inv1, Payable: domain.Money{Minor: 5, Currency: "EUR"}, On: day2}, Code: "account.wrong_currency"},

		{Name: "E9: an unpaid invoice can be voided",
			Given: did(post(inv1, 100)), When: reverse, Then: events{InvoiceReversed{inv1, gbp(100), day2}}},
		{Name: "E9: a paid invoice cannot be voided", Given: did(post(inv1, 100), pay(pay1, 1, to(inv1, 1))), When: reverse, Code: "invoice.has_payments"},
		{Name: "E9: unless its payments are released",
			Given: did(post(inv1, 100), pay(pay1, 30, to(inv1, 30))), When: ReverseInvoice{inv1, true, day2, because},
			Then: events{PaymentDeallocated{pay1, inv1, gbp(30), gbp(100), gbp(30), day2}, InvoiceReversed{inv1, gbp(100), day2}}},
		{Name: "E9: a written-off invoice is taken back whole",
			Given: did(post(inv1, 100), writeOff), When: reverse,
			Then: events{WriteOffReversed{inv1, gbp(100), gbp(100), day2}, InvoiceReversed{inv1, gbp(100), day2}}},
		{Name: "voiding again is nothing", Given: did(post(inv1, 100), reverse), When: reverse},
		{Name: "voiding needs a reason", Given: did(post(inv1, 100)), When: ReverseInvoice{InvoiceID: inv1, On: day2}, Code: "reason.missing"},
		{Name: "an unknown invoice cannot be voided", When: reverse, Code: "account.unknown_invoice"},

		{Name: "a write-off gives up what is open",
			Given: did(post(inv1, 100), pay(pay1, 30, to(inv1, 30))), When: writeOff, Then: events{InvoiceWrittenOff{inv1, gbp(70), day2}}},
		{Name: "writing off again is nothing", Given: did(post(inv1, 100), writeOff), When: writeOff},
		{Name: "nothing is written off of what is paid", Given: did(post(inv1, 100), pay(pay1, 100, to(inv1, 100))), When: writeOff, Code: "invoice.nothing_open"},
		{Name: "a write-off needs a reason", Given: did(post(inv1, 100)), When: WriteOffInvoice{InvoiceID: inv1, On: day2}, Code: "reason.missing"},
		{Name: "an unknown invoice cannot be written off", When: writeOff, Code: "account.unknown_invoice"},
		{Name: "a voided invoice cannot be written off", Given: did(post(inv1, 100), reverse), When: writeOff, Code: "account.invoice_reversed"},
	})
}

// E10: a customer pays what had been written off.
func TestE10PaymentAfterWriteOff(t *testing.T) {
	given := did(post(inv1, 100), pay(pay2, 30, to(inv1, 30)), WriteOffInvoice{InvoiceID: inv1, On: day1, Because: because})
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "the write-off is reversed by what comes, and no more",
			Given: given, When: pay(pay1, 50, to(inv1, 50)), Then: events{
				PaymentReceived{PaymentID: pay1, Amount: gbp(50), On: day1, Method: "bank"},
				WriteOffReversed{inv1, gbp(50), gbp(50), day1}, PaymentAllocated{pay1, inv1, gbp(50), gbp(0), gbp(0), day1}}},
		{Name: "what is paid in excess stays credit",
			Given: given, When: pay(pay1, 80, to(inv1, 80)), Then: events{
				PaymentReceived{PaymentID: pay1, Amount: gbp(80), On: day1, Method: "bank"},
				WriteOffReversed{inv1, gbp(70), gbp(70), day1}, PaymentAllocated{pay1, inv1, gbp(70), gbp(0), gbp(10), day1}}},
		{Name: "oldest first does not dig up what was written off",
			Given: given, When: RecordPayment{CustomerID: acme, PaymentID: pay1, Amount: gbp(9), On: day1, Method: "bank", OldestFirst: true},
			Then: events{PaymentReceived{PaymentID: pay1, Amount: gbp(9), On: day1, Method: "bank"}}},
	})
}
