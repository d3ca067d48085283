package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/attachment"
	"portico/internal/envelope"
	"portico/projections"
	"portico/web/pages"
)

// moneyPages are a customer's invoices, as its contacts see them.
func (a *api) moneyPages() {
	portal := projections.Portal.Name
	look(a, "/invoices", portal, policy{module: access.Invoices, action: access.View}, "ShowInvoices", a.listedInvoices, pages.Invoices)
	lookAt(a, "/invoices/{id}", portal, policy{module: access.Invoices, action: access.View}, "ShowInvoice", a.customersInvoice, pages.Invoice)
}

func (a *api) listedInvoices(ctx context.Context, v projections.Viewer, f projections.InvoiceFilter) (out pages.InvoiceList, err error) {
	f.Paging = short(ctx, f.Paging)
	if out.Page, err = a.Queries.ListInvoices(ctx, v, f); err != nil {
		return out, err
	}
	out.Places, err = a.Queries.ListInvoicePlaces(ctx, v, projections.PlacesFilter{CustomerID: f.CustomerID})
	out.Exports, out.Downloads = v.Standing.Open(access.Invoices, access.Export), v.Standing.Open(access.Invoices, access.Download)
	return out, err
}

func (a *api) customersInvoice(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.InvoiceSeen, err error) {
	if out.InvoiceDetail, err = a.Queries.GetInvoice(ctx, v, id); err == nil {
		out.Files, err = a.filesSeen(ctx, v, attachment.Owner{Kind: "invoice", ID: id})
	}
	return out, err
}

func (a *api) customersCredit(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.CreditSeen, err error) {
	if out.CreditMemoDetail, err = a.Queries.GetCreditMemo(ctx, v, id); err == nil {
		out.Files, err = a.filesSeen(ctx, v, attachment.Owner{Kind: "credit_memo", ID: id})
	}
	return out, err
}

// filesSeen are the files on something that a contact sees, newest first: as /v1/attachments has
// them.
func (a *api) filesSeen(ctx context.Context, v projections.Viewer, on attachment.Owner) (out pages.FilesSeen, err error) {
	if !v.Standing.Open(access.Documents, access.View) {
		return out, nil
	}
	out.Downloads = v.Standing.Open(access.Documents, access.Download)
	found, err := a.Queries.ListAttachments(ctx, v, projections.AttachmentFilter{OwnerKind: on.Kind, OwnerID: on.ID, Paging: projections.Paging{Limit: 100}})
	out.Items = found.Items
	return out, err
}

// homeSheet is the first page of whoever has signed in: the customer's account, or what waits
// for staff.
func (a *api) homeSheet(ctx context.Context) (templ.Component, error) {
	me, err := a.getMe(ctx)
	if err != nil {
		return nil, err
	}
	rq := requestOf(ctx)
	switch {
	case me.Membership == nil:
		return pages.Switch(me.Name, nil, me.Memberships), nil
	case rq.who.Kind != envelope.Contact || me.Membership.CustomerID == nil:
		return a.todayPage(ctx, me.Name)
	}
	home := pages.CustomerHome{Who: *me.Membership}
	return a.accountAtAGlance(ctx, home, *me.Membership.CustomerID)
}

// accountAtAGlance asks for as much of a customer's account as the contact may see.
func (a *api) accountAtAGlance(ctx context.Context, home pages.CustomerHome, customer uuid.UUID) (templ.Component, error) {
	rq, group := requestOf(ctx), projections.Portal.Name
	a.awaited(ctx, rq, group, []uuid.UUID{customer})
	v, open, few := rq.viewer(), rq.who.Standing.Open, projections.Paging{Limit: glances}
	var err error
	if open(access.Invoices, access.View) || open(access.Account, access.View) {
		if home.Overview, err = a.Queries.GetOverview(ctx, v, customer, projections.OverviewOptions{Limit: glances}); err != nil {
			return nil, err
		}
	}
	if home.Account = open(access.Account, access.View); home.Account {
		if home.Payments, err = a.Queries.ListPayments(ctx, v, projections.PaymentFilter{CustomerID: customer, Paging: few}); err == nil {
			home.Credits, err = a.Queries.ListCreditMemos(ctx, v, projections.CreditMemoFilter{CustomerID: customer, Paging: few})
		}
		if err != nil {
			return nil, err
		}
	}
	home.Invoices = open(access.Invoices, access.View)
	rq.shown(home.Overview.Invoices, []uuid.UUID{customer})
	return pages.CustomersHome(home), nil
}

const glances = 4 // rows of a list on the first page
