package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// The people and things of these tests.
var (
	acme, other    = id("acme"), id("other customer")
	inv1, inv2     = id("inv1"), id("inv2")
	pay1, pay2     = id("pay1"), id("pay2")
	memo1, refund1 = id("memo1"), id("refund1")
	back1          = id("chargeback1")
	because        = domain.Because{Reason: domain.Reason{Code: "test"}}
)

const (
	day1 domain.Date = "2026-03-01"
	day2 domain.Date = "2026-03-02"
	due  domain.Date = "2026-03-31"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type events = []Event

func id(name string) uuid.UUID { return domain.DerivedID(uuid.NameSpaceOID, name) }

func gbp(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }

func to(invoice uuid.UUID, minor int64) Allocation { return Allocation{invoice, gbp(minor)} }

// post is an invoice of an amount; the second of two is due later.
func post(invoice uuid.UUID, minor int64) PostInvoice {
	c := PostInvoice{CustomerID: acme, InvoiceID: invoice, Number: "INV-1", Payable: gbp(minor), On: day1, DueOn: due}
	if invoice != inv1 {
		c.Number, c.DueOn = "INV-2", due.AddDays(7)
	}
	return c
}

// pay is money that has come, for some invoices.
func pay(payment uuid.UUID, minor int64, allocations ...Allocation) RecordPayment {
	return RecordPayment{CustomerID: acme, PaymentID: payment, Amount: gbp(minor), On: day1, Method: "bank", Allocations: allocations}
}

func credit(minor int64, against *uuid.UUID) PostCredit {
	return PostCredit{CustomerID: acme, CreditID: memo1, Number: "CM-1", Amount: gbp(minor), AgainstInvoice: against, On: day1}
}

// did is the history that some commands make.
func did(commands ...domain.Command[Account]) (history events) {
	var s Account
	for _, c := range commands {
		events, err := c.Decide(s)
		if err != nil {
			panic(err)
		}
		s, history = domain.Fold(s, events...), append(history, events...)
	}
	return history
}

// and is history with what a further command makes of it.
func and(history events, c domain.Command[Account]) events {
	more, err := c.Decide(domain.Fold(Account{}, history...))
	if err != nil {
		panic(err)
	}
	return with(history, more...)
}

func with(history events, more ...Event) events { return append(slices.Clip(history), more...) }

func state(commands ...domain.Command[Account]) Account {
	return domain.Fold(Account{}, did(commands...)...)
}

func open(s Account, invoice uuid.UUID) int64 {
	i, _ := s.items.get(invoice)
	return i.open
}

func unapplied(s Account, fundID uuid.UUID) int64 {
	f, _ := s.funds.get(fundID)
	return f.unapplied
}
