package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/projections"
	"portico/web/pages"
)

// fundOf is the payment or credit memo that a page is about.
type fundOf func(context.Context, projections.Viewer) (pages.Fund, error)

// fundPagesOf are what is done with money, whether it came as a payment or as a credit memo: a
// page and a form of each, below the one's address and the other's. one is its own page.
func (a *api) fundPagesOf(kind, name string, of fundOf, one sheet) {
	c, at, path, sends := a.Commands, "/staff/"+kind+"/{id}", "/staff/"+kind+"/", staffAccounts+"/"+kind+"/{id}"
	allocate := look(a, at+"/allocate", projections.Portal.Name, money, "ShowAllocate"+name, a.allocating(of), func(_ struct{}, f pages.Fund) templ.Component { return pages.Allocate(f) })
	gives(a, sends+"/allocate", money, "SendAllocate"+name, "allocated", a.allocatePicked(kind), back[pickedShares](path), allocate)
	takeBack := look(a, at+"/deallocate", projections.Portal.Name, money, "ShowDeallocate"+name, takingBack(of), func(_ takingBackOf, f pages.Fund) templ.Component { return pages.Deallocate(f) })
	gives(a, sends+"/deallocate", money, "SendDeallocate"+name, "taken_back", ofLedger(c.Deallocate), back[account.Deallocate](path), takeBack)
	refund := look(a, at+"/refund", projections.Portal.Name, money, "ShowRefund"+name, plainly(of), func(_ struct{}, f pages.Fund) templ.Component { return pages.Refund(f) })
	gives(a, sends+"/refund", money, "SendRefund"+name, "refunded", ofLedger(c.RequestRefund), back[account.RequestRefund](path), refund)
	transfer := look(a, at+"/transfer", projections.Portal.Name, money, "ShowTransfer"+name, a.transferring(of), func(_ Choosing, f pages.Fund) templ.Component { return pages.Transfer(f) })
	gives(a, sends+"/transfer", money, "SendTransfer"+name, "transferred", ofLedger(c.TransferUnapplied), back[account.TransferUnapplied](path), transfer)

	failed := look(a, at+"/refund-failed", projections.Portal.Name, money, "ShowRefundFailed"+name, func(ctx context.Context, v projections.Viewer, asked refundIn) (pages.Fund, error) {
		f, err := of(ctx, v)
		f.Part = partID(ctx, asked.Refund)
		return f, err
	}, func(_ refundIn, f pages.Fund) templ.Component { return pages.RefundFailed(f, f.Part) })
	refunds := staffAccounts + "/" + kind + "/{fund_id}/refunds/{id}"
	gives(a, refunds+"/settle", money, "SendSettleRefund"+name, "refund_settled", ofWithin(c.SettleRefund), whole[account.SettleRefund](path), one)
	gives(a, refunds+"/fail", money, "SendFailRefund"+name, "refund_failed", ofWithin(c.FailRefund), whole[account.FailRefund](path), failed)
}

type refundIn struct {
	Refund uuid.UUID `query:"refund_id"`
}

type takingBackOf struct {
	Invoice uuid.UUID `query:"invoice_id"`
}

func plainly(of fundOf) func(context.Context, projections.Viewer, struct{}) (pages.Fund, error) {
	return func(ctx context.Context, v projections.Viewer, _ struct{}) (pages.Fund, error) { return of(ctx, v) }
}

func (a *api) allocating(of fundOf) func(context.Context, projections.Viewer, struct{}) (pages.Fund, error) {
	return func(ctx context.Context, v projections.Viewer, _ struct{}) (pages.Fund, error) {
		f, err := of(ctx, v)
		if err == nil {
			f.Open, f.More, err = a.openOf(ctx, v, f.CustomerID, f.Amount.Currency)
		}
		return f, err
	}
}

func takingBack(of fundOf) func(context.Context, projections.Viewer, takingBackOf) (pages.Fund, error) {
	return func(ctx context.Context, v projections.Viewer, asked takingBackOf) (pages.Fund, error) {
		f, err := of(ctx, v)
		if f.Invoice = asked.Invoice; f.Invoice == uuid.Nil {
			f.Invoice, _ = uuid.Parse(requestOf(ctx).form.Typed["invoice_id"]) // none: all of it
		}
		return f, err
	}
}

// transferring finds the customer whom credit is to go to.
func (a *api) transferring(of fundOf) func(context.Context, projections.Viewer, Choosing) (pages.Fund, error) {
	return func(ctx context.Context, v projections.Viewer, asked Choosing) (pages.Fund, error) {
		f, err := of(ctx, v)
		if err != nil {
			return f, err
		}
		to := asked.CustomerID
		if to == uuid.Nil {
			to, _ = uuid.Parse(requestOf(ctx).form.Typed["to_customer_id"]) // none: not chosen yet
		}
		if f.Choice.To, err = a.named(ctx, to); err == nil && f.Choice.To == nil {
			f.Choice.Search = asked.Text
			f.Choice.Found, err = a.customersFound(ctx, asked)
		}
		return f, err
	}
}

// pickedShares are account.AllocatePayment and account.ApplyCredit, whose invoices are ticked.
type pickedShares struct {
	Allocations []share     `json:"allocations,omitempty" maxItems:"200"`
	OldestFirst bool        `json:"oldest_first,omitempty"`
	On          domain.Date `json:"on,omitempty" format:"date"`
}

func (a *api) allocatePicked(kind string) func(context.Context, commands.Caller, *inLedgerID[pickedShares]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inLedgerID[pickedShares]) (commands.Receipt, error) {
		shares, err := picked(in.Body.Allocations)
		credit := kind == "credits"
		if err == nil && !credit { // credit that came from another account is listed with payments
			var p projections.PaymentDetail
			p, err = a.Queries.GetPayment(ctx, requestOf(ctx).viewer(), in.ID)
			credit = p.Kind == "transfer"
		}
		switch {
		case err != nil:
			return commands.Receipt{}, err
		case credit:
			return a.Commands.ApplyCredit(ctx, by, in.ledger(), in.ID, account.ApplyCredit{Allocations: shares, OldestFirst: in.Body.OldestFirst, On: in.Body.On})
		}
		return a.Commands.AllocatePayment(ctx, by, in.ledger(), in.ID, account.AllocatePayment{Allocations: shares, OldestFirst: in.Body.OldestFirst, On: in.Body.On})
	}
}

// ledgerAsked is the account in the address, if it has one.
func ledgerAsked(ctx context.Context) (commands.Ledger, bool) {
	id, err := uuid.Parse(chi.URLParamFromCtx(ctx, "customer_id"))
	return commands.Ledger{CustomerID: id, Currency: chi.URLParamFromCtx(ctx, "currency")}, err == nil
}
