package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/sample"
	"portico/projections"
)

// sampleTrade goes on where the ledger ends, so that there is a year to look at: the ledger is
// paid but for a few, and some of its customers have gone on buying and paying until today.
// It is made once. A start that was interrupted goes on at the next: each act is the same request.
func (a *app) sampleTrade(ctx context.Context, by commands.Caller) error {
	if err := a.settle(ctx); err != nil { // what is owed has to be posted
		return err
	}
	last, err := a.queries.ListCreditMemos(ctx, a.sampleViewer(), projections.CreditMemoFilter{CustomerID: a.sampleCustomer(sampleCustomer), Text: breakage})
	if err != nil || len(last.Items) > 0 {
		return err
	}
	if err := a.sampleLedgerPaid(ctx, by); err != nil {
		return err
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		return err
	}
	today := time.Now().In(london)
	for _, c := range sample.Customers {
		details := customer.ChangeDetails{Details: customer.Details{LegalName: c.Name, Kind: "account", Country: "United Kingdom", Currency: "GBP", TermsDays: c.Terms, Address: c.Address}}
		by.CommandID = domain.DerivedID(a.sampleCustomer(c.Number), "sample details")
		if _, err := a.commands.ChangeCustomerDetails(ctx, by, a.sampleCustomer(c.Number), details); err != nil {
			return err
		}
	}
	for _, s := range sample.Trade() {
		if err := a.sampleSale(ctx, by, s, today); err != nil {
			return fmt.Errorf("sale %s of the sample: %w", s.Number, err)
		}
	}
	return a.sampleBreakage(ctx, by, today)
}

// breakage is the number of what is made last.
const breakage = "CG-C101"

func (a *app) sampleViewer() projections.Viewer {
	return projections.Viewer{Tenant: a.tenant, Kind: envelope.System}
}

func (a *app) sampleCustomer(number string) uuid.UUID {
	return commands.ExternalID(a.tenant, "retail", "customer", number)
}

// sampleLedgerPaid has each customer pay all of the ledger, but for those whose number ends in 90.
func (a *app) sampleLedgerPaid(ctx context.Context, by commands.Caller) error {
	f := projections.CustomerFilter{Paging: projections.Paging{Limit: 200}}
	for {
		page, err := a.queries.ListCustomers(ctx, a.sampleViewer(), f)
		if err != nil {
			return err
		}
		for _, c := range page.Items {
			for _, t := range c.Totals {
				if strings.HasSuffix(c.Number, "90") || t.Open.Minor <= 0 || c.ID != a.sampleCustomer(c.Number) {
					continue
				}
				by.CommandID = domain.DerivedID(c.ID, "sample ledger paid")
				pay := account.RecordPayment{CustomerID: c.ID, Amount: t.Open, On: "2011-09-09", Method: "bank_transfer", ExternalRef: "BACS " + c.Number, OldestFirst: true}
				if _, err := a.commands.RecordPayment(ctx, by, commands.Ledger{CustomerID: c.ID, Currency: t.Currency}, pay); err != nil {
					return fmt.Errorf("customer %s pays: %w", c.Number, err)
				}
			}
		}
		if page.Next == "" {
			return nil
		}
		f.Cursor = page.Next
	}
}

// sampleSale is an invoice, and its payment if there is one.
func (a *app) sampleSale(ctx context.Context, by commands.Caller, s sample.Sale, today time.Time) error {
	of := a.sampleCustomer(s.Of.Number)
	by.CommandID = domain.DerivedID(of, "sample sale", s.Number)
	c := invoice.Content{
		Number: s.Number, Party: domain.Party{CustomerID: &of}, Reference: s.Reference, Calculation: domain.Calculation{Currency: "GBP"}, Lines: sampleLines(s.Lines),
		IssuedOn: domain.DateOf(today.AddDate(0, 0, -s.DaysAgo)), DueOn: domain.DateOf(today.AddDate(0, 0, s.Of.Terms-s.DaysAgo)),
	}
	d, err := c.Document()
	if err != nil {
		return err
	}
	r, err := a.commands.IssueInvoice(ctx, by, uuid.Nil, invoice.Issue{Publish: true, Content: c})
	if err != nil || s.PaidAgo == 0 {
		return err
	}
	amount := domain.Money{Minor: d.Gross, Currency: "GBP"}
	if s.Half {
		amount.Minor /= 2
	}
	by.CommandID = domain.DerivedID(of, "sample payment", s.Number)
	_, err = a.commands.RecordPayment(ctx, by, commands.Ledger{CustomerID: of, Currency: "GBP"}, account.RecordPayment{
		CustomerID: of, Amount: amount, On: domain.DateOf(today.AddDate(0, 0, -s.PaidAgo)), Method: "bank_transfer", ExternalRef: "BACS " + s.Number,
		Allocations: []account.Allocation{{InvoiceID: r.ID, Amount: amount}},
	})
	return err
}

// sampleBreakage is credit for what arrived broken, which nobody has used yet.
func (a *app) sampleBreakage(ctx context.Context, by commands.Caller, today time.Time) error {
	of := a.sampleCustomer(sampleCustomer)
	by.CommandID = domain.DerivedID(of, "sample credit")
	_, err := a.commands.IssueCreditMemo(ctx, by, uuid.Nil, creditmemo.Issue{Content: creditmemo.Content{
		Number: breakage, Party: domain.Party{CustomerID: &of}, Calculation: domain.Calculation{Currency: "GBP"},
		IssuedOn: domain.DateOf(today.AddDate(0, 0, -8)), Description: "Two cake stands arrived broken",
		Lines: sampleLines([]sample.Line{{SKU: "22423", Text: "Regency cake stand, three tiers", Quantity: "2", Price: "12.75"}}),
	}})
	return err
}

func sampleLines(of []sample.Line) (all []domain.LineInput) {
	for _, l := range of {
		all = append(all, domain.LineInput{SKU: l.SKU, Text: l.Text, Quantity: domain.Decimal(l.Quantity), UnitPrice: domain.Decimal(l.Price), TaxCode: "VAT20", TaxRate: "20"})
	}
	return all
}
