package api

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/projections"
	"portico/web/pages"
)

// staffMoneyPages are staff's pages about documents and money.
func (a *api) staffMoneyPages() {
	a.staffInvoicePages()
	a.draftPages()
	a.staffCreditPages()
	a.staffPaymentPages()
	a.receivablePages()
}

// The adapters below give a form the command's method as it is.

func ofNew[C any](f func(context.Context, commands.Caller, uuid.UUID, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *inPlain[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inPlain[C]) (commands.Receipt, error) {
		return f(ctx, by, uuid.Nil, in.Body)
	}
}

func ofOne[C any](f func(context.Context, commands.Caller, uuid.UUID, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *inID[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inID[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ID, in.Body)
	}
}

func ofLedger[C any](f func(context.Context, commands.Caller, commands.Ledger, uuid.UUID, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *inLedgerID[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inLedgerID[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ledger(), in.ID, in.Body)
	}
}

// pageOf is the page of what a command was about, below a path.
func pageOf[I any](path string) func(*I, commands.Receipt) string {
	return func(_ *I, r commands.Receipt) string { return path + r.ID.String() }
}

// back is the page of what a form of an account is about, below a path.
func back[C any](path string) func(*inLedgerID[C], commands.Receipt) string {
	return func(in *inLedgerID[C], _ commands.Receipt) string { return path + in.ID.String() }
}

const staffAccounts = "/staff/accounts/{customer_id}/{currency}"

// desk is what a page says of the customers that it is about, and lets its reader do.
func (a *api) desk(ctx context.Context, ids []uuid.UUID) (d pages.Desk, err error) {
	rq := requestOf(ctx)
	d.May, d.Zone = pages.MayDo(rq.who.Roles), time.UTC
	t, err := a.Commands.Tenant(ctx, a.tenantOf(ctx))
	if err != nil {
		return d, err
	}
	if zone, err := time.LoadLocation(t.Settings().TimeZone); err == nil {
		d.Zone = zone
	}
	d.Customers, err = a.Queries.CustomersNamed(ctx, rq.viewer(), ids)
	return d, err
}

// withNames adds to a page of a list whose its items are.
func withNames[T any](ctx context.Context, a *api, found projections.Page[T], of func(T) *uuid.UUID, also ...uuid.UUID) (pages.Listed[T], error) {
	for _, item := range found.Items {
		if id := of(item); id != nil {
			also = append(also, *id)
		}
	}
	d, err := a.desk(ctx, also)
	return pages.Listed[T]{Page: found, Desk: d}, err
}

// named is one customer's name; nil for none.
func (a *api) named(ctx context.Context, id uuid.UUID) (*projections.CustomerName, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	all, err := a.Queries.CustomersNamed(ctx, requestOf(ctx).viewer(), []uuid.UUID{id})
	if c, ok := all[id]; ok {
		return &c, err
	}
	return nil, err
}

// Choosing says for which customer something is, and finds customers while it is not said.
type Choosing struct {
	CustomerID uuid.UUID `query:"customer_id"`
	Text       string    `query:"text" maxLength:"200"`
	projections.Paging
}

// chosen is the customer of the address, or of the form that was refused.
func (f Choosing) chosen(ctx context.Context) uuid.UUID {
	typed, _ := uuid.Parse(requestOf(ctx).form.Typed["customer_id"]) // what is none is refused by the schema
	return cmp.Or(f.CustomerID, typed)
}

func (a *api) customersFound(ctx context.Context, f Choosing) (projections.Page[projections.CustomerSummary], error) {
	f.Limit = 10
	return a.Queries.ListCustomers(ctx, requestOf(ctx).viewer(), projections.CustomerFilter{Text: f.Text, Status: "active", Paging: f.Paging})
}

// awaitStaff waits for staff's own read models, too, where a page is of both.
func (a *api) awaitStaff(ctx context.Context) {
	a.awaited(ctx, requestOf(ctx), projections.Staff.Name, nil)
}

// short is a part of a list that a page shows at once, unless more is asked for: pages are small.
func short(ctx context.Context, p projections.Paging) projections.Paging {
	if requestOf(ctx).parameter("limit") == "" {
		p.Limit = pageLength
	}
	return p
}
