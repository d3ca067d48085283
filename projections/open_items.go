package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// AccountDay is what an account was on a day, for auditors: by effective dates, as GetBalance
// and statements count (E16). What was recorded later, but dated earlier, is in it.
type AccountDay struct {
	Balance
	Open  []OpenItem    `json:"open_items" nullable:"false" doc:"Invoices of which something was open, by due date"`
	More  bool          `json:"more" doc:"Whether there were more than are listed"`
	Moves []domain.Date `json:"moves" nullable:"false" doc:"The last days on which something was posted, in order"`
}

// OpenItem is an invoice of which something was open.
type OpenItem struct {
	ID       uuid.UUID    `json:"id"`
	Number   string       `json:"number"`
	IssuedOn domain.Date  `json:"issued_on" format:"date"`
	DueOn    domain.Date  `json:"due_on" format:"date"`
	Open     domain.Money `json:"open"`
}

type openRow struct {
	ID       uuid.UUID   `db:"id"`
	Number   string      `db:"number"`
	Currency string      `db:"currency"`
	IssuedOn domain.Date `db:"issued_on"`
	DueOn    domain.Date `db:"due_on"`
	Open     int64       `db:"open"`
}

func (r openRow) view() OpenItem {
	return OpenItem{r.ID, r.Number, r.IssuedOn, r.DueOn, domain.Money{Minor: r.Open, Currency: r.Currency}}
}

type dayRow struct {
	On domain.Date `db:"on_date"`
}

const (
	sqlOpenAsOf engine.SQL = `
select e.item_id as id, i.number, e.currency, i.issued_on, i.due_on, sum(e.open_delta)::bigint as open
from {s}.entries e join {s}.invoices i on i.tenant = e.tenant and i.id = e.item_id
where e.tenant = @tenant and e.customer_id = any(@customers) and e.on_date <= @as_of::date
group by e.item_id, i.number, e.currency, i.issued_on, i.due_on having sum(e.open_delta) > 0
order by i.due_on, e.item_id limit @limit`
	sqlMoves engine.SQL = `
select on_date from (
  select distinct on_date from {s}.entries where tenant = @tenant and customer_id = any(@customers) order by on_date desc limit @limit
) d order by on_date`
)

// How many open invoices and days an AccountDay has.
const (
	maxOpenItems = 20
	maxMoves     = 100
)

// GetAccountDay is what an account was at the end of a day; for auditors.
func (q *Queries) GetAccountDay(ctx context.Context, v Viewer, customer uuid.UUID, asOf domain.Date) (out AccountDay, err error) {
	if !v.readsHistory() {
		return out, domain.Forbidden("viewer.forbidden", "history is for auditors")
	}
	var sums []balanceRow
	var open []openRow
	var days []dayRow
	o := BalanceOptions{AsOf: asOf}
	s, err := q.readOf(ctx, v, customer, func(r *reading) error {
		if o.AsOf == "" {
			o.AsOf = r.today
		}
		want(r, sqlOpenAsOf, pgx.NamedArgs{"as_of": string(o.AsOf), "limit": maxOpenItems + 1}, &open)
		want(r, sqlMoves, pgx.NamedArgs{"limit": maxMoves}, &days)
		return r.wantBalance(o, nil, &sums)
	})
	if err != nil {
		return out, err
	}
	if out.More = len(open) > maxOpenItems; out.More {
		open = open[:maxOpenItems]
	}
	out.Balance = s.balance(customer, o, sums)
	out.Open, out.Moves = views(open, openRow.view), views(days, func(r dayRow) domain.Date { return r.On })
	return out, nil
}
