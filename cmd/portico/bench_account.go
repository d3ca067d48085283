package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// benchAccount records payments on an account with 10,000 entries, and as the floor on
// one with 10. Warm is the server's ordinary case; cold folds the history first, as the
// first command after a start does. A ratio of 1 means that length costs nothing.
func benchAccount(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	long, err := a.accountWith(ctx, "long", 10_000)
	if err != nil {
		return nil, err
	}
	short, err := a.accountWith(ctx, "short", 10)
	if err != nil {
		return nil, err
	}
	const payments = 100
	warm := func(at commands.Ledger) func() (float64, error) {
		return func() (float64, error) {
			return latency(payments, func(int) error { return a.pay(ctx, a.commands, at) })
		}
	}
	cold := func(at commands.Ledger) func() (float64, error) {
		return func() (float64, error) {
			return latency(1, func(int) error { return a.pay(ctx, commands.New(a.store, a.codec, node()), at) })
		}
	}
	for _, c := range []struct {
		variant string
		measure func(commands.Ledger) func() (float64, error)
	}{{"warm, 10,000 entries beside 10", warm}, {"cold, 10,000 entries beside 10", cold}} {
		v, f, ratio, err := o.beside(c.measure(long), c.measure(short))
		if err != nil {
			return nil, err
		}
		results = append(results, result{"record payment", c.variant, 1, v, "ms", f, ratio})
	}
	return results, nil
}

// accountWith makes a customer whose account has n entries: invoices, each paid.
func (a *app) accountWith(ctx context.Context, number string, n int) (commands.Ledger, error) {
	by := operatorOf(firstTenant, "staff")
	r, err := a.commands.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: number}})
	at := commands.Ledger{CustomerID: r.ID, Currency: "GBP"}
	for i := 0; i < n && err == nil; i += 2 {
		id := domain.DerivedID(r.ID, fmt.Sprint(i))
		if _, err = a.commands.PostInvoice(ctx, by, id, benchInvoice(r.ID, i)); err == nil {
			err = a.pay(ctx, a.commands, at)
		}
	}
	return at, err
}

func (a *app) pay(ctx context.Context, c *commands.Commands, at commands.Ledger) error {
	_, err := c.RecordPayment(ctx, operatorOf(firstTenant, "staff"), at, account.RecordPayment{
		Amount: domain.Money{Minor: 100, Currency: at.Currency}, Method: "bank_transfer", OldestFirst: true})
	return err
}

func benchInvoice(of uuid.UUID, i int) invoice.Document {
	return invoice.Document{
		Number: fmt.Sprintf("B-%s-%d", of.String()[:8], i), Kind: "invoice", Party: domain.Party{CustomerID: &of},
		Calculation: domain.Calculation{Currency: "GBP"}, IssuedOn: "2026-01-01", DueOn: "2026-01-31", Totals: domain.Totals{Gross: 100},
	}
}
