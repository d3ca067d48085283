package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// An account that is open counts as of today, and so does a file, which has no date.
const sqlLastRecord engine.SQL = `
select coalesce(max(d)::text, '') as last from (
  select max(issued_on) as d from {s}.invoices where tenant = @tenant and customer_id = @customer
  union all
  select max(issued_on) from {s}.credit_memos where tenant = @tenant and customer_id = @customer
  union all
  select max(on_date) from {s}.entries where tenant = @tenant and customer_id = @customer
  union all
  select @day::date from (
    select from {s}.entries where tenant = @tenant and customer_id = @customer
    group by currency having sum(open_delta) <> 0 or sum(unapplied_delta) <> 0) o
  union all
  select @day::date from {s}.attachments where tenant = @tenant and customer_id = @customer
) r`

type lastRecordRow struct {
	Last string `db:"last"`
}

// LastRecord is the date of the last document or entry that names a customer; today, while
// its account is open; empty if there is none. For whoever sees the tenant.
func (q *Queries) LastRecord(ctx context.Context, v Viewer, customer uuid.UUID) (domain.Date, error) {
	s, err := q.staffScope(ctx, v, Portal.Name)
	if err != nil {
		return "", err
	}
	row, err := one[lastRecordRow](ctx, q.DB, sqlLastRecord, s, pgx.NamedArgs{"customer": customer, "day": s.now})
	return domain.Date(row.Last), err
}
