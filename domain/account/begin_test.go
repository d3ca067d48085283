package account

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

var (
	strict = domain.PaymentPolicy{Part: "off", Over: "refuse"}
	parts  = domain.PaymentPolicy{Part: "any", Minimum: 20, Over: "refuse"}
	excess = domain.PaymentPolicy{Part: "off", Over: "credit"}
)

func begin(payment uuid.UUID, minor int64, allocations ...Allocation) BeginPayment {
	return BeginPayment{PaymentID: payment, Amount: gbp(minor), Method: "card", Allocations: allocations, Policy: strict, At: noon}
}

func under(p domain.PaymentPolicy, c BeginPayment) BeginPayment {
	c.Policy = p
	return c
}

func TestBeginPayment(t *testing.T) {
	given := did(post(inv1, 100), post(inv2, 10))
	begun := func(minor int64, allocations ...Allocation) events {
		return events{PaymentInitiated{pay1, gbp(minor), "card", allocations, noon.Add(30 * time.Minute)}}
	}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "a whole invoice", Given: given, When: begin(pay1, 100, to(inv1, 100)), Then: begun(100, to(inv1, 100))},
		{Name: "E3: several at once", Given: given, When: begin(pay1, 110, to(inv1, 100), to(inv2, 10)), Then: begun(110, to(inv1, 100), to(inv2, 10))},
		{Name: "E1: more than is owed is refused", Given: given, When: begin(pay1, 101, to(inv1, 101)), Code: "payment.more_than_owed"},
		{Name: "E1: more than is allocated is refused", Given: given, When: begin(pay1, 101, to(inv1, 100)), Code: "payment.not_what_is_allocated"},
		{Name: "E1: unless the policy makes it credit", Given: given, When: under(excess, begin(pay1, 150, to(inv1, 100))), Then: begun(150, to(inv1, 100))},
		{Name: "E1: which is no way to pay an invoice twice", Given: given, When: under(excess, begin(pay1, 150, to(inv1, 101))), Code: "payment.more_than_owed"},
		{Name: "less than is allocated is refused", Given: given, When: under(excess, begin(pay1, 90, to(inv1, 100))), Code: "payment.not_what_is_allocated"},
		{Name: "E2: a part is refused", Given: given, When: begin(pay1, 99, to(inv1, 99)), Code: "payment.less_than_allowed"},
		{Name: "E2: unless the policy allows it", Given: given, When: under(parts, begin(pay1, 20, to(inv1, 20))), Then: begun(20, to(inv1, 20))},
		{Name: "E2: from its minimum on", Given: given, When: under(parts, begin(pay1, 19, to(inv1, 19))), Code: "payment.less_than_allowed"},
		{Name: "E2: which is never more than is open", Given: given, When: under(parts, begin(pay1, 10, to(inv2, 10))), Then: begun(10, to(inv2, 10))},
		{Name: "E12: in the account's currency", Given: given,
			When: BeginPayment{PaymentID: pay1, Amount: domain.Money{Minor: 1, Currency: "EUR"}, Method: "card", Policy: excess, At: noon}, Code: "account.wrong_currency"},
		{Name: "an invoice is named once", Given: given, When: under(parts, begin(pay1, 60, to(inv1, 30), to(inv1, 30))), Code: "account.invoice_twice"},
		{Name: "a begun payment is not begun again", Given: did(post(inv1, 100), begin(pay1, 100, to(inv1, 100))), When: begin(pay1, 100, to(inv1, 100))},
		{Name: "nor under a credit's id", Given: did(credit(10, nil)), When: begin(memo1, 10), Code: "account.id_taken"},
		{Name: "a payment has a method", Given: given, When: BeginPayment{PaymentID: pay1, Amount: gbp(1), Policy: strict}, Code: "field.missing"},
		{Name: "nothing is no payment", Given: given, When: begin(pay1, 0), Code: "money.not_positive"},
		{Name: "where nothing is owed there is nothing to pay", When: begin(pay1, 1, to(inv1, 1)), Code: "account.unknown"},
		{Name: "an unknown invoice is refused", Given: did(post(inv2, 1)), When: begin(pay1, 1, to(inv1, 1)), Code: "account.unknown_invoice"},
		{Name: "a voided invoice is refused", Given: did(post(inv1, 1), ReverseInvoice{InvoiceID: inv1, On: day1, Because: because}),
			When: begin(pay1, 1, to(inv1, 1)), Code: "account.invoice_reversed"},
		{Name: "what was begun is received as planned", Given: did(post(inv1, 100), begin(pay1, 100, to(inv1, 100))), When: pay(pay1, 100),
			Then: events{came(pay1, 100), PaymentAllocated{pay1, inv1, gbp(100), gbp(0), gbp(0), day1}}},
		{Name: "E1: money is taken even if it is not what was begun", Given: did(post(inv1, 100), begin(pay1, 100, to(inv1, 100))), When: pay(pay1, 130),
			Then: events{came(pay1, 130), PaymentAllocated{pay1, inv1, gbp(100), gbp(0), gbp(30), day1}}},
	})
}

// E4: two people pay the same invoice.
func TestE4TwoPayTheSameInvoice(t *testing.T) {
	first := did(post(inv1, 100), begin(pay1, 100, to(inv1, 100)))
	second := begin(pay2, 100, to(inv1, 100))
	anyway, late := second, second
	anyway.Anyway = true
	late.At = noon.Add(30 * time.Minute)
	begun := events{PaymentInitiated{pay2, gbp(100), "card", []Allocation{to(inv1, 100)}, noon.Add(30 * time.Minute)}}
	spec.Run(t, Types, []spec.Case[Account]{
		{Name: "the second is warned", Given: first, When: second, Code: "payment.in_progress"},
		{Name: "and may go on", Given: first, When: anyway, Then: begun},
		{Name: "a reservation ends by itself", Given: first, When: late,
			Then: events{PaymentInitiated{pay2, gbp(100), "card", []Allocation{to(inv1, 100)}, noon.Add(time.Hour)}}},
		{Name: "or with the payment's failure", Given: with(first, PaymentFailed{PaymentID: pay1, Amount: gbp(0), Shortfall: gbp(0)}), When: second, Then: begun},
		{Name: "once the first has paid there is nothing left", Given: and(first, pay(pay1, 100)), When: second, Code: "payment.more_than_owed"},
		{Name: "if both pay, the second's money is credit",
			Given: and(with(first, begun...), pay(pay1, 100)), When: pay(pay2, 100), Then: events{came(pay2, 100)}},
	})
	if s := domain.Fold(Account{}, and(first, pay(pay1, 100))...); s.reserved.m.Len() != 0 {
		t.Error("the reservation of a received payment stays")
	}
}
