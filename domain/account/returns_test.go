package account

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

func refundOf(fund uuid.UUID, minor int64, reopen ...uuid.UUID) RequestRefund {
	return RequestRefund{FundID: fund, RefundID: refund1, Amount: gbp(minor), To: "bank", Reopen: reopen, On: day2, Because: because}
}

// E6: refunds come from what is unapplied, or from invoices that reopen.
func TestE6Refunds(t *testing.T) {
	given := did(post(inv1, 100), pay(pay1, 150, to(inv1, 100)))
	requested := and(given, refundOf(pay1, 30))
	settled, failed := SettleRefund{refund1, day2}, FailRefund{refund1, "closed", day2}
	unreasoned := refundOf(pay1, 1)
	unreasoned.Reason = domain.Reason{}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "of credit", Given: given, When: refundOf(pay1, 30), Then: events{RefundRequested{refund1, pay1, gbp(30), "bank", gbp(20), day2}}},
		{Name: "of what paid an invoice, which reopens", Given: given, When: refundOf(pay1, 150, inv1), Then: events{
			PaymentDeallocated{pay1, inv1, gbp(100), gbp(100), gbp(150), day2}, RefundRequested{refund1, pay1, gbp(150), "bank", gbp(0), day2}}},
		{Name: "an invoice named twice reopens once", Given: given, When: refundOf(pay1, 150, inv1, inv1), Then: events{
			PaymentDeallocated{pay1, inv1, gbp(100), gbp(100), gbp(150), day2}, RefundRequested{refund1, pay1, gbp(150), "bank", gbp(0), day2}}},
		{Name: "not without reopening it", Given: given, When: refundOf(pay1, 51), Code: "account.exceeds_credit"},
		{Name: "partial refunds are never more than was received",
			Given: requested, When: RequestRefund{FundID: pay1, RefundID: back1, Amount: gbp(121), To: "bank", Reopen: []uuid.UUID{inv1}, On: day2, Because: because}, Code: "account.exceeds_credit"},
		{Name: "of a credit memo", Given: did(credit(10, nil)), When: refundOf(memo1, 10), Then: events{RefundRequested{refund1, memo1, gbp(10), "bank", gbp(0), day2}}},
		{Name: "once", Given: requested, When: refundOf(pay1, 30)},
		{Name: "not twice with different amounts", Given: requested, When: refundOf(pay1, 20), Code: "account.id_taken"},
		{Name: "not of nothing", Given: given, When: refundOf(pay1, 0), Code: "money.not_positive"},
		{Name: "not of what is unknown", Given: given, When: refundOf(pay2, 1), Code: "account.unknown_credit"},
		{Name: "only with a reason", Given: given, When: unreasoned, Code: "reason.missing"},
		{Name: "E12: in its currency", Given: given, Code: "account.wrong_currency",
			When: RequestRefund{FundID: pay1, RefundID: refund1, Amount: domain.Money{Minor: 1, Currency: "EUR"}, On: day2, Because: because}},

		{Name: "it arrives", Given: requested, When: settled, Then: events{RefundSettled{refund1, day2}}},
		{Name: "it arrives once", Given: with(requested, RefundSettled{refund1, day2}), When: settled},
		{Name: "unknown ones do not", Given: given, When: settled, Code: "account.unknown_refund"},
		{Name: "it fails, and is unapplied again", Given: requested, When: failed, Then: events{RefundFailed{refund1, pay1, gbp(30), "closed", gbp(50), day2}}},
		{Name: "even after it had arrived", Given: with(requested, RefundSettled{refund1, day2}), When: failed,
			Then: events{RefundFailed{refund1, pay1, gbp(30), "closed", gbp(50), day2}}},
		{Name: "it fails once", Given: and(requested, failed), When: failed},
		{Name: "what failed does not arrive", Given: and(requested, failed), When: settled, Code: "refund.failed"},
		{Name: "it pays what was owed again because of it", Given: and(and(given, refundOf(pay1, 50)), FailPayment{pay1, "nsf", day2}), When: failed, Then: events{
			RefundFailed{refund1, pay1, gbp(50), "closed", gbp(50), day2}, PaymentAllocated{pay1, shortfallID(pay1, 1), gbp(50), gbp(0), gbp(0), day2}}},
		{Name: "unknown ones do not fail", Given: given, When: failed, Code: "account.unknown_refund"},
	})
}

func takeBackBy(minor int64) OpenChargeback {
	return OpenChargeback{PaymentID: pay1, ChargebackID: back1, Amount: gbp(minor), Deadline: due, On: day2}
}

// E7: the bank takes a payment back, and gives it back or not.
func TestE7Chargebacks(t *testing.T) {
	given := did(post(inv1, 100), pay(pay1, 120, to(inv1, 100)))
	opened := and(given, takeBackBy(100))
	win, lose := WinChargeback{back1, day2}, LoseChargeback{back1, day2}
	fee := gbp(15)
	withFee := takeBackBy(20)
	withFee.Fee = &fee
	spent := did(pay(pay1, 50), refundOf(pay1, 50))
	charge := domain.DerivedID(pay1, "shortfall", "1")
	euro := takeBackBy(1)
	euro.Amount.Currency = "EUR"
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "the money leaves at once: credit first, then what it paid", Given: given, When: takeBackBy(100), Then: events{
			PaymentDeallocated{pay1, inv1, gbp(80), gbp(80), gbp(100), day2},
			ChargebackOpened{back1, pay1, gbp(100), due, []Allocation{to(inv1, 80)}, gbp(0), nil, day2}}},
		{Name: "the fee is a charge of its own", Given: given, When: withFee, Then: events{
			ChargebackOpened{back1, pay1, gbp(20), due, []Allocation{}, gbp(0), nil, day2},
			ChargePosted{domain.DerivedID(back1, "fee"), "chargeback_fee", "fee " + back1.String()[:8], gbp(15), day2}}},
		{Name: "what had been refunded is owed again", Given: spent, When: takeBackBy(50), Then: events{
			ChargebackOpened{back1, pay1, gbp(50), due, []Allocation{}, gbp(50), &charge, day2}}},
		{Name: "once", Given: opened, When: takeBackBy(100)},
		{Name: "not twice with different amounts", Given: opened, When: takeBackBy(99), Code: "account.id_taken"},
		{Name: "no more than was paid", Given: given, When: takeBackBy(121), Code: "chargeback.more_than_paid"},
		{Name: "not of nothing", Given: given, When: takeBackBy(0), Code: "money.not_positive"},
		{Name: "not of an unknown payment", Given: did(post(inv1, 1)), When: takeBackBy(1), Code: "account.unknown_payment"},
		{Name: "not of what did not come", Given: did(post(inv1, 1), begin(pay1, 1, to(inv1, 1))), When: takeBackBy(1), Code: "payment.not_received"},
		{Name: "E12: in its currency", Given: given, When: euro, Code: "account.wrong_currency"},

		{Name: "won: it pays again what it had paid", Given: opened, When: win, Then: events{
			ChargebackReversed{back1, pay1, gbp(100), gbp(100), []Allocation{to(inv1, 80)}, day2}, PaymentAllocated{pay1, inv1, gbp(80), gbp(0), gbp(20), day2}}},
		{Name: "won: as far as that is open", Given: and(opened, pay(pay2, 70, to(inv1, 70))), When: win, Then: events{
			ChargebackReversed{back1, pay1, gbp(100), gbp(100), []Allocation{to(inv1, 80)}, day2}, PaymentAllocated{pay1, inv1, gbp(10), gbp(0), gbp(90), day2}}},
		{Name: "won: it pays what was charged for the shortfall", Given: and(spent, takeBackBy(50)), When: win, Then: events{
			ChargebackReversed{back1, pay1, gbp(50), gbp(50), []Allocation{}, day2}, PaymentAllocated{pay1, charge, gbp(50), gbp(0), gbp(0), day2}}},
		{Name: "won once", Given: and(opened, win), When: win},
		{Name: "lost: nothing moves", Given: opened, When: lose, Then: events{ChargebackLost{back1, pay1, []Allocation{to(inv1, 80)}, day2}}},
		{Name: "lost once", Given: and(opened, lose), When: lose},
		{Name: "lost is not won", Given: and(opened, lose), When: win, Code: "chargeback.closed"},
		{Name: "won is not lost", Given: and(opened, win), When: lose, Code: "chargeback.closed"},
		{Name: "an unknown one is not won", Given: given, When: win, Code: "account.unknown_chargeback"},
		{Name: "an unknown one is not lost", Given: given, When: lose, Code: "account.unknown_chargeback"},
	})
}

// Two shortfalls of one payment are two charges, even of the same amount.
func TestShortfallsAreSeparateCharges(t *testing.T) {
	again := func(c OpenChargeback, n string) OpenChargeback { c.ChargebackID = id(n); return c }
	refund := func(n string) RequestRefund { c := refundOf(pay1, 50); c.RefundID = id(n); return c }
	s := state(pay(pay1, 100), refundOf(pay1, 50), refund("r2"), again(takeBackBy(50), "c1"), WinChargeback{id("c1"), day2},
		Deallocate{FundID: pay1, On: day2, Because: because}, refund("r3"), again(takeBackBy(50), "c2"))
	if owed := s.unpaid.Len(); owed != 2 {
		t.Errorf("%d charges are open, want 2 of 50", owed)
	}
}
