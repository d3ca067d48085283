package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

// Places are the branches and contractors that the documents of a list belong to: what it may
// be narrowed down to. Contacts choose only where they see two or more (E38, S3.19).
type Places struct {
	Branches    []Place `json:"branches" nullable:"false"`
	Contractors []Place `json:"contractors" nullable:"false"`
}

// PlacesFilter says of whose documents.
type PlacesFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer's documents only"`
}

type seenPlace struct {
	Kind   string    `db:"kind"`
	ID     uuid.UUID `db:"id"`
	Code   string    `db:"code"`
	Name   string    `db:"name"`
	Closed bool      `db:"closed"`
}

// A business without branches or contractors reads no document: there is nothing to look for.
const (
	sqlPlacesOf = `
select 'branch' as kind, p.id, coalesce(p.code, '') as code, p.name, coalesce(p.closed, false) as closed from {s}.tenants t, json_to_recordset(t.branches) as p(id uuid, code text, name text, closed bool)
where t.tenant = @tenant and not @no_branch and (@all or p.id in (select branch_id from seen))
union all
select 'contractor', p.id, coalesce(p.code, ''), p.name, coalesce(p.closed, false) from {s}.tenants t, json_to_recordset(t.contractors) as p(id uuid, code text, name text, closed bool)
where t.tenant = @tenant and not @no_contractor and (@all or p.id in (select contractor_id from seen))
order by kind, name, id`
	sqlInvoicePlaces engine.SQL = `
with seen as not materialized (select i.branch_id, i.contractor_id from {s}.invoices i
  where i.tenant = @tenant and i.customer_id = any(@customers) and i.published/*see invoice i*/)` + sqlPlacesOf
	sqlMemoPlaces engine.SQL = `
with seen as not materialized (select m.branch_id, m.contractor_id from {s}.credit_memos m
  where m.tenant = @tenant and m.customer_id = any(@customers)/*see memo m*/)` + sqlPlacesOf
)

// ListInvoicePlaces are where the viewer's invoices belong; of staff's, all there are.
func (q *Queries) ListInvoicePlaces(ctx context.Context, v Viewer, f PlacesFilter) (Places, error) {
	return q.places(ctx, v, f, "invoice", sqlInvoicePlaces)
}

// ListCreditMemoPlaces are where the viewer's credit memos belong; of staff's, all there are.
func (q *Queries) ListCreditMemoPlaces(ctx context.Context, v Viewer, f PlacesFilter) (Places, error) {
	return q.places(ctx, v, f, "credit_memo", sqlMemoPlaces)
}

func (q *Queries) places(ctx context.Context, v Viewer, f PlacesFilter, entity string, sql engine.SQL) (out Places, err error) {
	var rows []seenPlace
	_, err = q.read(ctx, v, f.CustomerID, func(r *reading) error {
		want(r, sql, pgx.NamedArgs{"no_branch": r.hides(entity, "branch"), "no_contractor": r.hides(entity, "contractor")}, &rows)
		return nil
	})
	out.Branches, out.Contractors = []Place{}, []Place{}
	for _, row := range rows {
		of := &out.Contractors
		if row.Kind == "branch" {
			of = &out.Branches
		}
		*of = append(*of, Place{row.ID, row.Code, row.Name, row.Closed})
	}
	return out, err
}
