package projections

import (
	"context"

	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

// Verification says whether a document is the tenant's, and nothing else about it.
type Verification struct {
	Result string `json:"result" enum:"current,superseded,unknown" doc:"current: it is what its customer is given today; superseded: it was, and was replaced or declared void since; unknown: it is not one of ours"`
}

// By the hash of the bytes, or by the printed one. What was never published was never drawn.
const sqlVerify engine.SQL = `
select coalesce(bool_or(current), false) as current, count(*) > 0 as known from (
  select i.drawn = r.version and not i.voided as current from {s}.renderings r
    join {s}.invoices i on i.tenant = r.tenant and i.id = r.id
    where r.tenant = @tenant and (r.sha256 = @hash or r.paper_hash = @hash)
  union all
  select c.drawn = r.version and not c.voided from {s}.renderings r
    join {s}.credit_memos c on c.tenant = r.tenant and c.id = r.id
    where r.tenant = @tenant and (r.sha256 = @hash or r.paper_hash = @hash)
  union all
  select not exists (select 1 from {s}.statements n where n.tenant = t.tenant and n.customer_id = t.customer_id
      and n.currency = t.currency and n.from_on is not distinct from t.from_on and n.to_on = t.to_on
      and (n.pos_hi, n.pos_lo) > (t.pos_hi, t.pos_lo))
    from {s}.statements t where t.tenant = @tenant and (t.sha256 = @hash or t.paper_hash = @hash)
) found`

type verifiedRow struct {
	Current bool `db:"current"`
	Known   bool `db:"known"`
}

// VerifyDocument tells anybody who holds a document, or what is printed on it, whether it
// is the tenant's. It names no document and no customer, and there is nobody to ask as.
func (q *Queries) VerifyDocument(ctx context.Context, tenant, hash string) (Verification, error) {
	s := scope{tenant: tenant, now: q.Clock().UTC()}
	var err error
	if s.schema, err = q.Schema(ctx, Portal.Name); err != nil {
		return Verification{}, err
	}
	row, err := one[verifiedRow](ctx, q.DB, sqlVerify, s, pgx.NamedArgs{"hash": hash})
	switch {
	case err != nil:
		return Verification{}, err
	case row.Current:
		return Verification{"current"}, nil
	case row.Known:
		return Verification{"superseded"}, nil
	}
	return Verification{"unknown"}, nil
}
