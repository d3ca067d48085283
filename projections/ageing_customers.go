package projections

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// CustomerAgeing is what one customer owes in a currency as of a date, by days past the due
// date, after its unapplied credit was set against what is due first (E12). The buckets and
// Overpaid add up to Balance.
type CustomerAgeing struct {
	CustomerID uuid.UUID
	NotDue     domain.Money
	Days30     domain.Money
	Days60     domain.Money
	Days90     domain.Money
	Over90     domain.Money
	Overpaid   domain.Money // zero, or negative: more credit than is open
	Balance    domain.Money
}

// AgeingFilter narrows the report by customer.
type AgeingFilter struct {
	AsOf     domain.Date `query:"as_of" format:"date" doc:"At the end of this date; today if left out"`
	Currency string      `query:"currency" pattern:"^([A-Z]{3})?$"`
	Paging
}

// Who owes most is first, in each currency.
const sqlCustomerAgeing engine.SQL = agedNet + `, owing as (
  select a.customer_id, a.currency, (a.open - a.credit)::bigint as balance, least(a.open - a.credit, 0)::bigint as overpaid,
    coalesce(sum(n.owed) filter (where n.bucket = 'not_due'), 0)::bigint as not_due,
    coalesce(sum(n.owed) filter (where n.bucket = 'days_30'), 0)::bigint as days_30,
    coalesce(sum(n.owed) filter (where n.bucket = 'days_60'), 0)::bigint as days_60,
    coalesce(sum(n.owed) filter (where n.bucket = 'days_90'), 0)::bigint as days_90,
    coalesce(sum(n.owed) filter (where n.bucket = 'over_90'), 0)::bigint as over_90
  from account a left join net n on n.customer_id = a.customer_id and n.currency = a.currency
  where a.open <> a.credit and (@currency = '' or a.currency = @currency)
  group by a.customer_id, a.currency, a.open, a.credit
)
select * from owing where (currency, -balance, customer_id) > (@after_currency, @after_balance::bigint, @after_id::uuid)
order by currency, -balance, customer_id limit @limit`

type customerAgeingRow struct {
	CustomerID uuid.UUID `db:"customer_id"`
	Currency   string    `db:"currency"`
	Balance    int64     `db:"balance"`
	Overpaid   int64     `db:"overpaid"`
	NotDue     int64     `db:"not_due"`
	Days30     int64     `db:"days_30"`
	Days60     int64     `db:"days_60"`
	Days90     int64     `db:"days_90"`
	Over90     int64     `db:"over_90"`
}

// ListAgeing is the ageing of receivables by customer, who owes most first; for staff.
func (q *Queries) ListAgeing(ctx context.Context, v Viewer, f AgeingFilter) (Page[CustomerAgeing], error) {
	var none Page[CustomerAgeing]
	if err := v.mustSeeAll(); err != nil {
		return none, err
	}
	args, err := f.args()
	if err != nil {
		return none, err
	}
	var rows []customerAgeingRow
	_, err = q.read(ctx, v, uuid.Nil, func(r *reading) error {
		if args["as_of"] == "" {
			args["as_of"] = string(r.today)
		}
		want(r, sqlCustomerAgeing, args, &rows)
		return nil
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, customerAgeingRow.view, func(r customerAgeingRow) string {
		return cursorOf(r.Currency, strconv.FormatInt(-r.Balance, 10), r.CustomerID.String())
	}), nil
}

func (f AgeingFilter) args() (pgx.NamedArgs, error) {
	args := pgx.NamedArgs{"as_of": string(f.AsOf), "currency": f.Currency, "limit": f.limit() + 1,
		"after_currency": "", "after_balance": int64(0), "after_id": uuid.Nil}
	if f.AsOf != "" {
		if err := f.AsOf.Check(); err != nil {
			return nil, err
		}
	}
	if f.Cursor == "" {
		return args, nil
	}
	parts, err := f.parts(3)
	if err != nil {
		return nil, err
	}
	balance, bad := strconv.ParseInt(parts[1], 10, 64)
	id, worse := uuid.Parse(parts[2])
	if bad != nil || worse != nil {
		return nil, malformedCursor()
	}
	args["after_currency"], args["after_balance"], args["after_id"] = parts[0], balance, id
	return args, nil
}

func (r customerAgeingRow) view() CustomerAgeing {
	m := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: r.Currency} }
	return CustomerAgeing{r.CustomerID, m(r.NotDue), m(r.Days30), m(r.Days60), m(r.Days90), m(r.Over90), m(r.Overpaid), m(r.Balance)}
}
