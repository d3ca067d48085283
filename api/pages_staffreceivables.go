package api

import (
	"context"

	"github.com/google/uuid"

	"portico/projections"
	"portico/web/pages"
)

// receivablePages say what is owed, and what waits to be put in its place.
func (a *api) receivablePages() {
	look(a, "/staff/receivables", projections.Portal.Name, readers, "ShowReceivables", a.receivables, pages.StaffReceivables)
	look(a, "/staff/unapplied", projections.Staff.Name, readers, "ShowUnapplied", a.unapplied, pages.StaffUnapplied)
	look(a, "/staff/unassigned", projections.Staff.Name, readers, "ShowUnassigned", a.unassigned, pages.StaffUnassigned)
}

func (a *api) receivables(ctx context.Context, v projections.Viewer, f projections.AgeingFilter) (r pages.Receivables, err error) {
	a.awaitStaff(ctx)
	if r.Report, err = a.Queries.GetAgeing(ctx, v, f.AsOf); err != nil {
		return r, err
	}
	f.Paging = short(ctx, f.Paging)
	if r.Rows, err = a.Queries.ListAgeing(ctx, v, f); err != nil {
		return r, err
	}
	if f.AsOf == "" { // sums are of today
		if r.Summary, err = a.Queries.GetReceivablesSummary(ctx, v); err != nil {
			return r, err
		}
	}
	ids := make([]uuid.UUID, len(r.Rows.Items))
	for i, row := range r.Rows.Items {
		ids[i] = row.CustomerID
	}
	r.Desk, err = a.desk(ctx, ids)
	return r, err
}

func (a *api) unapplied(ctx context.Context, v projections.Viewer, f projections.UnappliedFilter) (pages.Listed[projections.UnappliedFund], error) {
	f.Paging = short(ctx, f.Paging)
	found, err := a.Queries.ListUnappliedMoney(ctx, v, f)
	if err != nil {
		return pages.Listed[projections.UnappliedFund]{}, err
	}
	return withNames(ctx, a, found, func(projections.UnappliedFund) *uuid.UUID { return nil }, f.CustomerID)
}

func (a *api) unassigned(ctx context.Context, v projections.Viewer, f projections.UnassignedFilter) (pages.Listed[projections.UnassignedDocument], error) {
	f.Paging = short(ctx, f.Paging)
	found, err := a.Queries.ListUnassignedDocuments(ctx, v, f)
	if err != nil {
		return pages.Listed[projections.UnassignedDocument]{}, err
	}
	return withNames(ctx, a, found, func(projections.UnassignedDocument) *uuid.UUID { return nil })
}
