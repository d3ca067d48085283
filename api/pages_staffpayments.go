package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/projections"
	"portico/web/pages"
)

// staffPaymentPages are the payments desk.
func (a *api) staffPaymentPages() {
	c, at, sends := a.Commands, "/staff/payments/{id}", staffAccounts+"/payments/{id}"
	look(a, "/staff/payments", projections.Portal.Name, readers, "ShowStaffPayments", a.staffPayments, pages.StaffPayments)
	fresh := look(a, "/staff/payments/new", projections.Portal.Name, money, "ShowNewPayment", a.receiving, func(_ receivingFor, r pages.Receiving) templ.Component { return pages.RecordPayment(r) })
	gives(a, staffAccounts+"/payments", money, "SendRecordPayment", "recorded", a.recordPicked, func(_ *inLedger[pickedPayment], r commands.Receipt) string {
		return "/staff/payments/" + r.ID.String()
	}, fresh)

	one := lookAt(a, at, projections.Portal.Name, readers, "ShowStaffPayment", a.staffPayment, pages.StaffPayment)
	gives(a, sends+"/settle", money, "SendSettlePayment", "settled", ofLedger(c.SettlePayment), back[account.SettlePayment]("/staff/payments/"), one)
	act := func(what, name string, draw func(pages.APayment) templ.Component) sheet {
		return lookAt(a, at+"/"+what, projections.Portal.Name, money, name, a.staffPayment, draw)
	}
	reverse := act("reverse", "ShowReversePayment", pages.ReversePayment)
	gives(a, sends+"/reverse", money, "SendReversePayment", "reversed", ofLedger(c.ReversePayment), back[account.ReversePayment]("/staff/payments/"), reverse)
	fail := act("fail", "ShowFailPayment", pages.FailPayment)
	gives(a, sends+"/fail", money, "SendFailPayment", "failed", ofLedger(c.FailPayment), back[account.FailPayment]("/staff/payments/"), fail)
	chargeback := act("chargeback", "ShowChargeback", pages.Chargeback)
	gives(a, sends+"/chargeback", money, "SendChargeback", "charged_back", ofLedger(c.OpenChargeback), back[account.OpenChargeback]("/staff/payments/"), chargeback)
	a.chargebackPages()
	a.fundPagesOf("payments", "Payment", func(ctx context.Context, v projections.Viewer) (pages.Fund, error) {
		p, err := a.staffPayment(ctx, v, wholeID(ctx))
		return p.Fund, err
	}, one)
}

// within is something that belongs to a payment or credit: a refund of it, a charge-back.
type within[C any] struct {
	AtLedger
	FundID uuid.UUID `path:"fund_id"`
	ID     uuid.UUID `path:"id"`
	Asking
	Body C
}

func ofWithin[C any](f func(context.Context, commands.Caller, commands.Ledger, uuid.UUID, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *within[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *within[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ledger(), in.ID, in.Body)
	}
}

// whole is the page of what it belongs to.
func whole[C any](path string) func(*within[C], commands.Receipt) string {
	return func(in *within[C], _ commands.Receipt) string { return path + in.FundID.String() }
}

// closing says which charge-back has ended.
type closing struct {
	Chargeback uuid.UUID `query:"chargeback_id"`
}

func (a *api) chargebackPages() {
	c, at, sends := a.Commands, "/staff/payments/{id}", staffAccounts+"/payments/{fund_id}/chargebacks/{id}"
	paid := func(ctx context.Context, v projections.Viewer, asked closing) (pages.APayment, error) {
		p, err := a.staffPayment(ctx, v, wholeID(ctx))
		p.Fund.Part = partID(ctx, asked.Chargeback)
		return p, err
	}
	won := look(a, at+"/chargeback-won", projections.Portal.Name, money, "ShowChargebackWon", paid, func(_ closing, p pages.APayment) templ.Component { return pages.ChargebackWon(p.Fund, p.Fund.Part) })
	gives(a, sends+"/win", money, "SendWinChargeback", "won", ofWithin(c.WinChargeback), whole[account.WinChargeback]("/staff/payments/"), won)
	lost := look(a, at+"/chargeback-lost", projections.Portal.Name, money, "ShowChargebackLost", paid, func(_ closing, p pages.APayment) templ.Component { return pages.ChargebackLost(p.Fund, p.Fund.Part) })
	gives(a, sends+"/lose", money, "SendLoseChargeback", "lost", ofWithin(c.LoseChargeback), whole[account.LoseChargeback]("/staff/payments/"), lost)
}

func (a *api) staffPayments(ctx context.Context, v projections.Viewer, f projections.PaymentFilter) (pages.Listed[projections.Payment], error) {
	f.Paging = short(ctx, f.Paging)
	found, err := a.Queries.ListPayments(ctx, v, f)
	if err != nil {
		return pages.Listed[projections.Payment]{}, err
	}
	return withNames(ctx, a, found, func(p projections.Payment) *uuid.UUID { return &p.CustomerID }, f.CustomerID)
}

func (a *api) staffPayment(ctx context.Context, v projections.Viewer, id uuid.UUID) (p pages.APayment, err error) {
	if p.PaymentDetail, err = a.Queries.GetPayment(ctx, v, id); err != nil {
		return p, err
	}
	d, err := a.desk(ctx, []uuid.UUID{p.CustomerID})
	p.Fund = pages.Fund{Desk: d, ID: p.ID, CustomerID: p.CustomerID, Label: cmp.Or(p.Reference, p.Method, "transfer"), Status: p.Status,
		Amount: p.Amount, Unapplied: p.Unapplied, Allocations: p.Allocations, Refunds: p.Refunds}
	return p, err
}

// receivingFor says whose payment it is, on which account, and what for.
type receivingFor struct {
	Choosing
	Currency string    `query:"currency" pattern:"^([A-Z]{3})?$"`
	Invoice  uuid.UUID `query:"invoice_id"`
}

// receiving is the form of a payment. One that was refused says in its address whose it is.
func (a *api) receiving(ctx context.Context, v projections.Viewer, f receivingFor) (r pages.Receiving, err error) {
	customer, currency := f.CustomerID, f.Currency
	if at, sent := ledgerAsked(ctx); sent {
		customer, currency = at.CustomerID, at.Currency
	}
	if r.Of, err = a.named(ctx, customer); err != nil {
		return r, err
	}
	if r.Of == nil {
		r.Search = f.Text
		r.Found, err = a.customersFound(ctx, f.Choosing)
		return r, err
	}
	c, err := a.Queries.GetCustomer(ctx, v, customer)
	if err != nil {
		return r, err
	}
	t, err := a.Queries.GetTenant(ctx, v)
	if err != nil {
		return r, err
	}
	balance, err := a.Queries.GetBalance(ctx, v, customer, projections.BalanceOptions{})
	if err != nil {
		return r, err
	}
	own := cmp.Or(c.Currency, t.Currency)
	r.Currency, r.Currencies, r.Pays = cmp.Or(currency, own), []string{own}, f.Invoice
	for _, b := range balance.Currencies {
		if !slices.Contains(r.Currencies, b.Currency) {
			r.Currencies = append(r.Currencies, b.Currency)
		}
	}
	r.Open, r.More, err = a.openOf(ctx, v, customer, r.Currency)
	return r, err
}

// openOf are the invoices of an account that something is open of, oldest due first, as E3 has it.
func (a *api) openOf(ctx context.Context, v projections.Viewer, customer uuid.UUID, currency string) ([]projections.Invoice, bool, error) {
	found, err := a.Queries.ListInvoices(ctx, v, projections.InvoiceFilter{CustomerID: customer, Unpaid: true, Currency: currency, Paging: projections.Paging{Limit: 100}})
	slices.SortStableFunc(found.Items, func(x, y projections.Invoice) int {
		return cmp.Or(cmp.Compare(x.DueOn, y.DueOn), cmp.Compare(x.Number, y.Number))
	})
	return found.Items, found.Next != "", err
}

// share is an invoice of a form's list: it counts if it is ticked.
type share struct {
	InvoiceID *uuid.UUID    `json:"invoice_id,omitempty"`
	Amount    *domain.Money `json:"amount,omitempty"`
}

// picked are the shares that are ticked, as a command takes them.
func picked(all []share) (out []account.Allocation, err error) {
	for _, s := range all {
		switch {
		case s.InvoiceID == nil:
		case s.Amount == nil:
			return nil, domain.Invalid("payment.share_missing", "say how much of each ticked invoice is paid")
		default:
			out = append(out, account.Allocation{InvoiceID: *s.InvoiceID, Amount: *s.Amount})
		}
	}
	return out, nil
}

// pickedPayment is account.RecordPayment, whose invoices are ticked.
type pickedPayment struct {
	Amount      domain.Money `json:"amount"`
	On          domain.Date  `json:"received_on,omitempty" format:"date"`
	Method      string       `json:"method" minLength:"1" maxLength:"40"`
	ExternalRef string       `json:"external_ref,omitempty" maxLength:"200"`
	Allocations []share      `json:"allocations,omitempty" maxItems:"200"`
	OldestFirst bool         `json:"oldest_first,omitempty"`
}

func (a *api) recordPicked(ctx context.Context, by commands.Caller, in *inLedger[pickedPayment]) (commands.Receipt, error) {
	shares, err := picked(in.Body.Allocations)
	if err != nil {
		return commands.Receipt{}, err
	}
	return a.Commands.RecordPayment(ctx, by, in.ledger(), account.RecordPayment{Amount: in.Body.Amount, On: in.Body.On, Method: in.Body.Method,
		ExternalRef: in.Body.ExternalRef, Allocations: shares, OldestFirst: in.Body.OldestFirst})
}
