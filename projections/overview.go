package projections

import (
	"context"

	"github.com/google/uuid"
)

// Overview is the first page of a portal: what is owed, and the latest invoices. Both are
// of one moment.
type Overview struct {
	Balance  *Balance      `json:"balance,omitempty" doc:"Absent for contacts who may not see the whole account"`
	Invoices Page[Invoice] `json:"invoices" doc:"Newest issue first; the rest is the list of invoices"`
}

// OverviewOptions say how much of it.
type OverviewOptions struct {
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"20" doc:"How many invoices"`
}

// GetOverview is what a customer sees first.
func (q *Queries) GetOverview(ctx context.Context, v Viewer, customer uuid.UUID, o OverviewOptions) (out Overview, err error) {
	f := InvoiceFilter{CustomerID: customer, Paging: Paging{Limit: o.Limit}}
	var sums []balanceRow
	var rows []invoiceRow
	s, err := q.readOf(ctx, v, customer, func(r *reading) error {
		if err := r.wantBalance(BalanceOptions{}, nil, &sums); err != nil {
			return err
		}
		return r.wantInvoices(f, &rows)
	})
	if err != nil {
		return out, err
	}
	if s.mustSeeMoney() == nil {
		sum := s.balance(customer, BalanceOptions{}, sums)
		out.Balance = &sum
	}
	out.Invoices, err = s.invoices(f, rows)
	return out, err
}
