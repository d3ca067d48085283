package pages

import (
	"cmp"
	"context"
	"strconv"

	"github.com/google/uuid"

	"portico/domain"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// Fund is money that came, or credit: a payment, a transfer or a credit memo, as staff see it.
type Fund struct {
	Desk
	ID          uuid.UUID
	Part        uuid.UUID // the refund or charge-back of it that the page is about
	Memo        bool
	CustomerID  uuid.UUID
	Label       string // its number, reference or method
	Status      string
	Amount      domain.Money
	Unapplied   domain.Money
	Allocations []projections.Allocation
	Refunds     []projections.Refund
	Open        []projections.Invoice // that it may pay, oldest due first
	More        bool                  // not all of them are in Open

	Invoice uuid.UUID // to take back from; nil: all
	Choice  FundChoice
}

// FundChoice is the customer that credit is to go to.
type FundChoice struct {
	To     *projections.CustomerName
	Found  projections.Page[projections.CustomerSummary]
	Search string
}

func (f Fund) kind() string {
	if f.Memo {
		return "credits"
	}
	return "payments"
}

// path is its page, and sends where its forms go.
func (f Fund) path() string { return "/staff/" + f.kind() + "/" + f.ID.String() }

func (f Fund) sends() string {
	return deskAccountPath(f.CustomerID, f.Amount.Currency) + "/" + f.kind() + "/" + f.ID.String()
}

func (f Fund) active() string { return "staff_" + f.kind() }

func (f Fund) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: t(ctx, "staff.m."+f.kind()), Href: "/staff/" + f.kind()}, {Label: f.label(ctx), Href: f.path()}}
}

func (f Fund) label(ctx context.Context) string {
	if f.Memo {
		return f.Label
	}
	return deskWords(ctx, "method_", f.Label)
}

// canPay tells whether something of it pays nothing yet.
func (f Fund) canPay() bool { return f.May.Money && f.Unapplied.Minor > 0 }

// invoiceNumber is that of an invoice it pays.
func (f Fund) invoiceNumber(id uuid.UUID) string {
	for _, a := range f.Allocations {
		if a.InvoiceID == id {
			return a.InvoiceNumber
		}
	}
	return ""
}

// pays are the allocations that are not taken back.
func (f Fund) pays() (all []projections.Allocation) {
	for _, a := range f.Allocations {
		if a.Amount.Minor > 0 {
			all = append(all, a)
		}
	}
	return all
}

// less is what can be done less often with it.
func (f Fund) less(ctx context.Context) (all []ui.Link) {
	if !f.canPay() {
		return nil
	}
	return []ui.Link{
		{Key: "refund", Icon: "rotate-ccw", Label: t(ctx, "staff.m.do_refund"), Href: f.path() + "/refund"},
		{Key: "transfer", Icon: "arrow-right", Label: t(ctx, "staff.m.do_transfer"), Href: f.path() + "/transfer"},
	}
}

// APayment is a payment as staff see it.
type APayment struct {
	projections.PaymentDetail
	Fund Fund
}

func (p APayment) less(ctx context.Context) []ui.Link {
	all := p.Fund.less(ctx)
	if !p.Fund.May.Money || p.Kind == "transfer" {
		return all
	}
	add := func(icon, key string) {
		all = append(all, ui.Link{Key: key, Icon: icon, Label: t(ctx, "staff.m.do_"+key), Href: p.Fund.path() + "/" + key})
	}
	switch p.Status {
	case "received", "settled":
		add("circle-x", "fail")
		add("triangle-alert", "chargeback")
	case "initiated":
		add("circle-x", "fail")
	}
	return all
}

func (p APayment) reversible() bool {
	return p.Fund.May.Money && p.Kind != "transfer" && (p.Status == "received" || p.Status == "settled")
}

func (p APayment) title(ctx context.Context) string {
	if p.Kind == "transfer" {
		return t(ctx, "staff.m.transfer_of", "amount", text.Of(ctx).Money(p.Amount))
	}
	return t(ctx, "staff.m.payment_of", "amount", text.Of(ctx).Money(p.Amount))
}

// deskStatusOf is a payment's, or a transfer's: that was received as what it is.
func deskStatusOf(p projections.Payment) string { return cmp.Or(p.Status, "received") }

// AMemo is a credit memo as staff see it.
type AMemo struct {
	projections.CreditMemoDetail
	Fund Fund
}

func deskMemoPath(id uuid.UUID) string { return "/staff/credits/" + id.String() }

// deskMemoState is a credit memo's status: an open one is one that pays nothing yet.
func deskMemoState(status string) string {
	if status == "open" {
		return "unused"
	}
	return status
}

// Receiving is a payment that is being recorded.
type Receiving struct {
	Desk
	Of         *projections.CustomerName
	Currency   string
	Currencies []string
	Open       []projections.Invoice // oldest due first
	More       bool
	Pays       uuid.UUID // the invoice that the form was opened from
	Found      projections.Page[projections.CustomerSummary]
	Search     string
}

// deskPicked tells whether an invoice is ticked: as it was sent, or because somebody came from it.
func deskPicked(ctx context.Context, row int, id, from uuid.UUID) bool {
	if typed := sent(ctx).Typed; typed != nil {
		return typed["allocations."+strconv.Itoa(row)+".invoice_id"] == id.String()
	}
	return id == from
}

// deskShare is what an invoice is to be paid: what was typed, or all that is open.
func deskShare(ctx context.Context, row int, open domain.Money) string {
	if typed := sent(ctx).Typed; typed != nil {
		return typed["allocations."+strconv.Itoa(row)+".amount"]
	}
	return deskTypable(ctx, open)
}

// deskTypable is an amount as it is typed into a field.
func deskTypable(ctx context.Context, m domain.Money) string {
	return text.Of(ctx).Decimal(domain.Decimal(m.String()))
}
