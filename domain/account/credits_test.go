package account

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

// E8: what a credit memo does not pay is credit.
func TestE8CreditMemos(t *testing.T) {
	posted := CreditPosted{memo1, "CM-1", gbp(100), day1, nil}
	reverse := ReverseCredit{memo1, day2, because}
	adjust := func(minor int64) AdjustCredit { return AdjustCredit{memo1, gbp(minor), day2} }
	applied := did(post(inv1, 100), credit(100, &inv1))
	refunded := did(credit(100, nil), refundOf(memo1, 60))
	charge := domain.DerivedID(memo1, "shortfall", "1")
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "a memo pays its invoice", Given: did(post(inv1, 130)), When: credit(100, &inv1),
			Then: events{posted, CreditApplied{memo1, inv1, gbp(100), gbp(30), gbp(0), day1}}},
		{Name: "larger than what is open: the rest is credit", Given: did(post(inv1, 40)), When: credit(100, &inv1),
			Then: events{posted, CreditApplied{memo1, inv1, gbp(40), gbp(0), gbp(60), day1}}},
		{Name: "against a paid invoice: it is credit, the invoice stays paid",
			Given: did(post(inv1, 40), pay(pay1, 40, to(inv1, 40))), When: credit(100, &inv1), Then: events{posted}},
		{Name: "against a written-off invoice: it is credit", Given: did(post(inv1, 40), WriteOffInvoice{InvoiceID: inv1, On: day1, Because: because}),
			When: credit(100, &inv1), Then: events{posted}},
		{Name: "against a voided invoice: it is credit", Given: did(post(inv1, 40), ReverseInvoice{InvoiceID: inv1, On: day1, Because: because}),
			When: credit(100, &inv1), Then: events{posted}},
		{Name: "of its own: it is credit", When: credit(100, nil), Then: events{Opened{acme, "GBP"}, posted}},
		{Name: "once", Given: did(credit(100, nil)), When: credit(100, nil)},
		{Name: "not under a payment's id", Given: did(pay(memo1, 5)), When: credit(100, nil), Code: "account.id_taken"},
		{Name: "not below zero", When: credit(-1, nil), Code: "account.negative_credit"},
		{Name: "E12: in its currency", Given: did(post(inv1, 1)), Code: "account.wrong_currency",
			When: PostCredit{CustomerID: acme, CreditID: memo1, Amount: domain.Money{Minor: 1, Currency: "EUR"}, On: day1}},

		{Name: "void: it is unapplied first", Given: applied, When: reverse,
			Then: events{CreditUnapplied{memo1, inv1, gbp(100), gbp(100), gbp(100), day2}, CreditReversed{memo1, gbp(100), day2}}},
		{Name: "void: refused once it was spent", Given: refunded, When: reverse, Code: "credit_memo.spent"},
		{Name: "void: once", Given: did(credit(100, nil), reverse), When: reverse},
		{Name: "void: with a reason", Given: did(credit(100, nil)), When: ReverseCredit{CreditID: memo1, On: day2}, Code: "reason.missing"},
		{Name: "void: not of a payment", Given: did(pay(memo1, 1)), When: reverse, Code: "account.unknown_credit"},

		{Name: "restated: more", Given: applied, When: adjust(130), Then: events{CreditAdjusted{memo1, gbp(130), gbp(30), gbp(30), day2, gbp(0), nil}}},
		{Name: "restated: less comes back from what it paid", Given: applied, When: adjust(70),
			Then: events{CreditUnapplied{memo1, inv1, gbp(30), gbp(30), gbp(30), day2}, CreditAdjusted{memo1, gbp(70), gbp(-30), gbp(0), day2, gbp(0), nil}}},
		{Name: "restated: less than was spent is owed again", Given: refunded, When: adjust(50),
			Then: events{CreditAdjusted{memo1, gbp(50), gbp(-50), gbp(0), day2, gbp(10), &charge}}},
		{Name: "restated: the same is nothing", Given: applied, When: adjust(100)},
		{Name: "restated: not below zero", Given: applied, When: adjust(-1), Code: "account.negative_credit"},
		{Name: "restated: not once void", Given: did(credit(100, nil), reverse), When: adjust(70)},
		{Name: "restated: not unknown", Given: did(post(inv1, 1)), When: adjust(70), Code: "account.unknown_credit"},
		{Name: "restated, E12: in its currency", Given: applied, When: AdjustCredit{memo1, domain.Money{Minor: 1, Currency: "EUR"}, day2}, Code: "account.wrong_currency"},
	})
}

// E11, E17: money moves between customers' accounts by transfer only.
func TestE11E17Transfers(t *testing.T) {
	moved := id("transfer1")
	send := func(minor int64) TransferUnapplied {
		return TransferUnapplied{FundID: pay1, TransferID: moved, Amount: gbp(minor), ToCustomerID: other, On: day2, Because: because}
	}
	unreasoned, home, twice := send(1), send(1), send(41)
	unreasoned.Reason, home.ToCustomerID, twice.TransferID = domain.Reason{}, acme, id("transfer2")
	given := did(post(inv1, 60), pay(pay1, 100, to(inv1, 60)))
	receive := ReceiveTransfer{other, moved, gbp(40), acme, day2}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "it goes", Given: given, When: send(40), Then: events{UnappliedTransferredOut{moved, pay1, gbp(40), other, gbp(0), day2}}},
		{Name: "it goes once", Given: and(given, send(40)), When: send(40)},
		{Name: "not twice with different amounts", Given: and(given, send(20)), When: send(10), Code: "account.id_taken"},
		{Name: "only what is unapplied", Given: given, When: twice, Code: "account.exceeds_credit"},
		{Name: "not to itself", Given: given, When: home, Code: "transfer.to_itself"},
		{Name: "only with a reason", Given: given, When: unreasoned, Code: "reason.missing"},
		{Name: "not of what is unknown", Given: did(post(inv1, 1)), When: send(1), Code: "account.unknown_credit"},
		{Name: "it arrives, and names where it came from", When: receive, Then: events{Opened{other, "GBP"}, UnappliedTransferredIn{moved, gbp(40), acme, day2}}},
		{Name: "it arrives once", Given: did(receive), When: receive},
		{Name: "not on top of a payment", Given: did(pay(moved, 1)), When: receive, Code: "account.id_taken"},
		{Name: "E12: in its currency", Given: did(post(inv1, 1)), Code: "account.wrong_currency",
			When: ReceiveTransfer{acme, moved, domain.Money{Minor: 1, Currency: "EUR"}, other, day2}},
	})
}

func TestLookups(t *testing.T) {
	s := state(post(inv1, 1), referenced(pay1, 5, "ref"))
	if !s.HasItem(inv1) || s.HasItem(pay1) || !s.HasFund(pay1) || s.HasFund(inv1) {
		t.Error("items and funds are mixed up")
	}
	for ref, want := range map[string]uuid.UUID{" ref ": pay1, "": uuid.Nil, "other": uuid.Nil} {
		if got, _ := s.PaymentOf("bank", ref); got != want {
			t.Errorf("%q is %s, want %s", ref, got, want)
		}
	}
}
