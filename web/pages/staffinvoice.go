package pages

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// AnInvoice is an invoice as staff see it.
type AnInvoice struct {
	projections.InvoiceDetail
	Desk
	Branch string                                        // where it belongs, in words; "": nowhere
	Found  projections.Page[projections.CustomerSummary] // customers whose it may be, while it is nobody's
	Search string
	To     *projections.CustomerName // whose it is to be
}

func (i AnInvoice) path() string { return "/staff/invoices/" + i.ID.String() }

func (i AnInvoice) draft() bool { return i.Status == "draft" }

func (i AnInvoice) void() bool { return i.Status == "void" }

// document tells whether it is more than a charge, which has no paper.
func (i AnInvoice) document() bool { return i.Kind != "charge" }

// contested tells whether the customer has raised a dispute that is still open.
func (i AnInvoice) contested() bool {
	return i.Status == "disputed" && (i.Dispute == nil || i.Dispute.Text != "")
}

// behind tells whether the customer sees an older version than staff do (S0.9).
func (i AnInvoice) behind() bool {
	late := false
	for _, a := range i.Activity {
		switch a.Kind {
		case "invoice_restated", "invoice_reference_corrected":
			late = true
		case "invoice_published":
			late = false
		}
	}
	return late
}

func (i AnInvoice) title(ctx context.Context) string {
	return t(ctx, "staff.m.invoice_n", "number", deskNumber(ctx, i.Number))
}

// lede sums an invoice up.
func (i AnInvoice) lede(ctx context.Context) string {
	p := text.Of(ctx)
	switch {
	case i.draft():
		return t(ctx, "staff.m.draft_lede", "total", p.Money(i.Gross))
	case i.Open.Minor > 0 && !i.void():
		return t(ctx, "staff.m.open_lede", "open", p.Money(i.Open), "total", p.Money(i.Payable), "date", p.Date(i.DueOn))
	}
	return t(ctx, "staff.m.closed_lede", "total", p.Money(i.Gross), "date", p.Date(i.IssuedOn))
}

// less is what can be done less often.
func (i AnInvoice) less(ctx context.Context) (all []ui.Link) {
	add := func(icon, key, href string) {
		all = append(all, ui.Link{Key: key, Icon: icon, Label: t(ctx, "staff.m.do_"+key), Href: href})
	}
	if i.draft() || i.void() {
		return nil
	}
	if i.Billing && i.document() {
		if i.contested() {
			add("message-square", "resolve", i.path()+"/resolve")
		} else {
			add("message-square", "dispute", i.path()+"/dispute")
		}
		add("pencil", "correct", i.path()+"/correct")
	}
	if i.CustomerID == nil {
		return all
	}
	if i.Billing {
		add("file-minus", "credit", "/staff/credits/new?customer_id="+i.CustomerID.String()+"&against_invoice_id="+i.ID.String())
	}
	if i.Money && i.Open.Minor > 0 {
		add("minus", "write_off", i.path()+"/write-off")
	}
	return all
}

func (i AnInvoice) payPath() string {
	return "/staff/payments/new?customer_id=" + i.CustomerID.String() + "&currency=" + i.Gross.Currency + "&invoice_id=" + i.ID.String()
}

func (i AnInvoice) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: t(ctx, "staff.m.invoices"), Href: "/staff/invoices"}, {Label: deskNumber(ctx, i.Number), Href: i.path()}}
}

// deskFundPath is the page of what pays an invoice.
func deskFundPath(kind string, id uuid.UUID) string {
	if kind == "credit_memo" {
		return "/staff/credits/" + id.String()
	}
	return "/staff/payments/" + id.String()
}

// deskMinor is an amount of a document's own currency.
func deskMinor(of domain.Money, n int64) domain.Money {
	return domain.Money{Minor: n, Currency: of.Currency}
}

// deskRateOf is a tax as a sum names it.
func deskRateOf(ctx context.Context, l domain.TaxLine) string {
	return strings.TrimSpace(t(ctx, "staff.m.tax_at", "rate", text.Of(ctx).Decimal(l.Rate), "code", l.Code))
}
