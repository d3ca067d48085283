package pages

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"portico/domain/tenant"
	"portico/projections"
	"portico/web/ui"
)

// CustomerFile is what staff have of a customer, and what they may do about it.
type CustomerFile struct {
	projections.Customer
	Overview projections.Overview
	Payments projections.Page[projections.Payment]
	Contacts projections.Page[projections.Contact]
	Presets  []string
	Invites  bool // may invite people
	Views    bool // may see the portal as one of them
	Audits   bool // may read history
	Bills    bool // may write invoices
	Takes    bool // may record payments
	Manages  bool // may change the customer itself
	Branches []tenant.Place
	Family   map[uuid.UUID]projections.CustomerName // by the ids of Relatives
}

// CustomerList is a page of the list of customers.
type CustomerList struct {
	projections.Page[projections.CustomerSummary]
	Filter  projections.CustomerFilter
	Manages bool // may register others
}

func customerStatus(status string) (ui.Tone, string) {
	switch status {
	case "active":
		return ui.OK, "check"
	}
	return ui.Plain, "circle"
}

// owed are a customer's balances, by currency.
func owed(ctx context.Context, all []projections.CurrencyTotals) string {
	var said []string
	for _, c := range all {
		said = append(said, cash(ctx, c.Balance))
	}
	return strings.Join(said, ", ")
}

func staffInvoices(ctx context.Context, all []projections.Invoice) (items []ui.Item) {
	items = glanceInvoices(ctx, all)
	for i, x := range all {
		items[i].Href, items[i].Amount = "/staff/invoices/"+x.ID.String(), cash(ctx, x.Open)
	}
	return items
}

func staffPayments(ctx context.Context, all []projections.Payment) (items []ui.Item) {
	items = glancePayments(ctx, all)
	for i, x := range all {
		items[i].Href = "/staff/payments/" + x.ID.String()
	}
	return items
}

func unappliedItems(ctx context.Context, all []projections.UnappliedFund) (items []ui.Item) {
	for _, f := range all {
		items = append(items, ui.Item{Title: f.CustomerName, Detail: f.CustomerNumber, Href: "/staff/unapplied?customer_id=" + f.CustomerID.String(), Amount: cash(ctx, f.Unapplied)})
	}
	return items
}

func unassignedItems(ctx context.Context, all []projections.UnassignedDocument) (items []ui.Item) {
	for _, d := range all {
		items = append(items, ui.Item{Title: d.Number, Detail: date(ctx, d.IssuedOn), Href: "/staff/unassigned", Amount: cash(ctx, d.Gross)})
	}
	return items
}

func presetOptions(ctx context.Context, names []string, chosen string) (all []ui.Option) {
	for _, n := range names {
		all = append(all, ui.Option{Value: n, Label: t(ctx, "staff.preset_"+n), Chosen: n == chosen})
	}
	return all
}

// typedInto is a field whose label is said by its page.
func typedInto(ctx context.Context, name string) ui.Field {
	return ui.Field{Name: name, Value: sent(ctx).Typed[name], Wrong: sent(ctx).wrong(ctx, name)}
}
