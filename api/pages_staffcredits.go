package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain/creditmemo"
	"portico/projections"
	"portico/web/pages"
)

// staffCreditPages are the credit memos of all customers, and what is done about one.
func (a *api) staffCreditPages() {
	c, at := a.Commands, "/staff/credits/{id}"
	look(a, "/staff/credits", projections.Portal.Name, readers, "ShowStaffCredits", a.staffCredits, pages.StaffCredits)
	one := lookAt(a, at, projections.Portal.Name, readers, "ShowStaffCredit", a.staffCredit, pages.StaffCredit)
	void := lookAt(a, at+"/void", projections.Portal.Name, billing, "ShowVoidCredit", a.staffCredit, pages.VoidCredit)
	gives(a, at+"/void", billing, "SendVoidCredit", "credit_voided", ofOne(c.VoidCreditMemo), pageOf[inID[creditmemo.Void]]("/staff/credits/"), void)
	assign := look(a, at+"/assign", projections.Portal.Name, billing, "ShowAssignCredit", a.assigningCredit, func(_ Choosing, i pages.AnInvoice) templ.Component { return pages.AssignCredit(i) })
	gives(a, at+"/assign", billing, "SendAssignCredit", "assigned", ofOne(c.AssignCreditMemo), pageOf[inID[creditmemo.Assign]]("/staff/credits/"), assign)
	a.fundPagesOf("credits", "Credit", func(ctx context.Context, v projections.Viewer) (pages.Fund, error) {
		m, err := a.staffCredit(ctx, v, wholeID(ctx))
		return m.Fund, err
	}, one)
}

func (a *api) staffCredits(ctx context.Context, v projections.Viewer, f projections.CreditMemoFilter) (pages.Listed[projections.CreditMemo], error) {
	f.Paging = short(ctx, f.Paging)
	found, err := a.Queries.ListCreditMemos(ctx, v, f)
	if err != nil {
		return pages.Listed[projections.CreditMemo]{}, err
	}
	return withNames(ctx, a, found, func(m projections.CreditMemo) *uuid.UUID { return m.CustomerID }, f.CustomerID)
}

func (a *api) staffCredit(ctx context.Context, v projections.Viewer, id uuid.UUID) (m pages.AMemo, err error) {
	a.awaitStaff(ctx)
	if m.CreditMemoDetail, err = a.Queries.GetCreditMemo(ctx, v, id); err != nil {
		return m, err
	}
	var ids []uuid.UUID
	if m.CustomerID != nil {
		ids = append(ids, *m.CustomerID)
		m.Fund.CustomerID = ids[0]
	}
	d := m.CreditMemoDetail
	m.Fund.ID, m.Fund.Memo, m.Fund.Label, m.Fund.Status = d.ID, true, d.Number, d.Status
	m.Fund.Amount, m.Fund.Unapplied, m.Fund.Allocations, m.Fund.Refunds = d.Amount, d.Unapplied, d.Allocations, d.Refunds
	m.Fund.Desk, err = a.desk(ctx, ids)
	return m, err
}

// assigningCredit is a credit memo that is nobody's, and whose it may be.
func (a *api) assigningCredit(ctx context.Context, v projections.Viewer, f Choosing) (i pages.AnInvoice, err error) {
	m, err := a.staffCredit(ctx, v, pathID(ctx))
	if err != nil {
		return i, err
	}
	i.ID, i.Number, i.Gross, i.Desk = m.Fund.ID, m.Number, m.Amount, m.Fund.Desk
	if i.To, err = a.named(ctx, f.chosen(ctx)); err == nil && i.To == nil {
		i.Search = f.Text
		i.Found, err = a.customersFound(ctx, f)
	}
	return i, err
}
