package projections

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// Balance is what a customer owes, by currency: currencies never mix (E12).
type Balance struct {
	CustomerID   uuid.UUID         `json:"customer_id"`
	AsOf         domain.Date       `json:"as_of" format:"date" doc:"Ageing and overdue count from this date, in the tenant's time zone"`
	Consolidated bool              `json:"consolidated,omitempty" doc:"Customers under this one are included"`
	Currencies   []CurrencyBalance `json:"currencies" nullable:"false"`
}

// CurrencyBalance is a balance in one currency. Balance = Open - UnappliedCredit.
type CurrencyBalance struct {
	Currency        string       `json:"currency"`
	Open            domain.Money `json:"open" doc:"What is open of invoices"`
	Overdue         domain.Money `json:"overdue" doc:"What of that is past its due date"`
	UnappliedCredit domain.Money `json:"unapplied_credit" doc:"Payments and credits that pay nothing yet"`
	Balance         domain.Money `json:"balance" doc:"Open less unapplied credit"`
	Pending         domain.Money `json:"pending" doc:"Payments that have begun and not come yet"`
	Ageing          Ageing       `json:"ageing" doc:"What is open, by days past the due date; it adds up to open"`
	Due             Due          `json:"due" doc:"What is open by when it is to be paid: overdue, soon and later add up to open"`
}

// Due is what is to be paid when, and how many invoices that is.
type Due struct {
	Soon         domain.Money `json:"soon" doc:"Within 14 days"`
	Later        domain.Money `json:"later"`
	OverdueItems int64        `json:"overdue_items"`
	SoonItems    int64        `json:"soon_items"`
	LaterItems   int64        `json:"later_items"`
}

// Ageing is what is open, by days past the due date.
type Ageing struct {
	NotDue domain.Money `json:"not_due"`
	Days30 domain.Money `json:"days_1_30"`
	Days60 domain.Money `json:"days_31_60"`
	Days90 domain.Money `json:"days_61_90"`
	Over90 domain.Money `json:"over_90"`
}

type balanceRow struct {
	Currency  string `db:"currency"`
	Open      int64  `db:"open"`
	Overdue   int64  `db:"overdue"`
	Unapplied int64  `db:"unapplied"`
	Pending   int64  `db:"pending"`
	NotDue    int64  `db:"not_due"`
	Days30    int64  `db:"days_30"`
	Days60    int64  `db:"days_60"`
	Days90    int64  `db:"days_90"`
	Over90    int64  `db:"over_90"`
	Soon      int64  `db:"soon"`
	Overdues  int64  `db:"overdues"`
	Soons     int64  `db:"soons"`
	Laters    int64  `db:"laters"`
}

func (r balanceRow) view() CurrencyBalance {
	m := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: r.Currency} }
	return CurrencyBalance{r.Currency, m(r.Open), m(r.Overdue), m(r.Unapplied), m(r.Open - r.Unapplied), m(r.Pending),
		Ageing{m(r.NotDue), m(r.Days30), m(r.Days60), m(r.Days90), m(r.Over90)},
		Due{m(r.Soon), m(r.NotDue - r.Soon), r.Overdues, r.Soons, r.Laters}}
}

// Of parts x (currency, due_on, open, unapplied, pending).
const balanceSums = `
select currency, coalesce(sum(open), 0)::bigint as open, coalesce(sum(unapplied), 0)::bigint as unapplied,
  coalesce(sum(pending), 0)::bigint as pending,
  coalesce(sum(open) filter (where due_on < @as_of::date), 0)::bigint as overdue,
  coalesce(sum(open) filter (where due_on >= @as_of::date), 0)::bigint as not_due,
  coalesce(sum(open) filter (where @as_of::date - due_on between 1 and 30), 0)::bigint as days_30,
  coalesce(sum(open) filter (where @as_of::date - due_on between 31 and 60), 0)::bigint as days_60,
  coalesce(sum(open) filter (where @as_of::date - due_on between 61 and 90), 0)::bigint as days_90,
  coalesce(sum(open) filter (where @as_of::date - due_on > 90), 0)::bigint as over_90,
  coalesce(sum(open) filter (where due_on - @as_of::date between 0 and 14), 0)::bigint as soon,
  count(*) filter (where open > 0 and due_on < @as_of::date) as overdues,
  count(*) filter (where open > 0 and due_on - @as_of::date between 0 and 14) as soons,
  count(*) filter (where open > 0 and due_on - @as_of::date > 14) as laters
from x group by currency order by currency`

// What is recorded now. To a contact, what pays an invoice that it does not see is credit:
// so its balance is the sum of what it does see.
const sqlBalance engine.SQL = `
with x (currency, due_on, open, unapplied, pending) as (
  select currency, null::date, 0::bigint, 0::bigint, 0::bigint from {s}.accounts
    where tenant = @tenant and customer_id = any(@customers)
  union all select currency, due_on, open, 0, 0 from {s}.invoices
    where tenant = @tenant and customer_id = any(@customers) and open > 0 and (@all or published)
  union all select currency, null, 0, paid + credited, 0 from {s}.invoices
    where tenant = @tenant and customer_id = any(@customers) and not published and not @all
  union all select currency, null, 0, unapplied, 0 from {s}.payments
    where tenant = @tenant and customer_id = any(@customers) and unapplied <> 0
  union all select currency, null, 0, unapplied, 0 from {s}.credit_memos
    where tenant = @tenant and customer_id = any(@customers) and unapplied <> 0
  union all select currency, null, 0, 0, amount from {s}.payments
    where tenant = @tenant and customer_id = any(@customers) and status = 'initiated' and expires_at > @now
)` + balanceSums

// What was effective on a date. An item that was paid before it was posted was credit
// until then.
const sqlBalanceAsOf engine.SQL = `
with moved as (
  select e.currency, e.item_id, e.open_delta, e.unapplied_delta, i.due_on
  from {s}.entries e left join {s}.invoices i on i.tenant = e.tenant and i.id = e.item_id
  where e.tenant = @tenant and e.customer_id = any(@customers) and e.on_date <= @as_of::date
    and (@all or e.item_id is null or i.published)
), item as (
  select currency, due_on, sum(open_delta) as open from moved where item_id is not null group by currency, item_id, due_on
), x (currency, due_on, open, unapplied, pending) as (
  select currency, null::date, 0::numeric, 0::numeric, 0 from {s}.accounts where tenant = @tenant and customer_id = any(@customers)
  union all select currency, due_on, greatest(open, 0), greatest(-open, 0), 0 from item
  union all select currency, null, 0, sum(unapplied_delta), 0 from moved group by currency
)` + balanceSums

const sqlTree engine.SQL = `
with recursive tree as (
  select id, 0 as depth from {s}.customers where tenant = @tenant and id = @root
  union select c.id, t.depth + 1 from tree t join {s}.customers c on c.tenant = @tenant and c.parent_id = t.id where t.depth < 32
) select distinct id from tree`

const sqlBelow = sqlTree + ` where id <> @root order by id`

// BalanceOptions say of when, and of whom.
type BalanceOptions struct {
	AsOf         domain.Date `query:"as_of" format:"date" doc:"What was effective at the end of this date; left out: all that is recorded"`
	Consolidated bool        `query:"consolidated" doc:"Include the customers under this one; for staff (E17)"`
}

// GetBalance is what a customer owes, with ageing.
func (q *Queries) GetBalance(ctx context.Context, v Viewer, customer uuid.UUID, o BalanceOptions) (out Balance, err error) {
	var of []uuid.UUID // the tree, if it is asked for
	if o.Consolidated {
		if of, err = q.tree(ctx, v, customer); err != nil {
			return out, err
		}
	}
	var rows []balanceRow
	s, err := q.readOf(ctx, v, customer, func(r *reading) error { return r.wantBalance(o, of, &rows) })
	if err == nil {
		err = s.mustSeeMoney()
	}
	if err != nil {
		return out, err
	}
	return s.balance(customer, o, rows), nil
}

// wantBalance asks for sums by currency, of other customers than the scope's if given.
func (r *reading) wantBalance(o BalanceOptions, of []uuid.UUID, rows *[]balanceRow) error {
	sql := sqlBalanceAsOf
	if o.AsOf == "" {
		sql = sqlBalance
	} else if err := o.AsOf.Check(); err != nil {
		return err
	}
	args := pgx.NamedArgs{"as_of": string(cmp.Or(o.AsOf, r.today))}
	if of != nil {
		args["customers"] = of
	}
	want(r, sql, args, rows)
	return nil
}

// balance is a balance as it is shown.
func (s scope) balance(customer uuid.UUID, o BalanceOptions, rows []balanceRow) Balance {
	return Balance{CustomerID: customer, AsOf: cmp.Or(o.AsOf, s.today), Consolidated: o.Consolidated, Currencies: views(rows, balanceRow.view)}
}

// readOf is read for a query about one customer, which must be given.
func (q *Queries) readOf(ctx context.Context, v Viewer, customer uuid.UUID, ask func(r *reading) error) (scope, error) {
	s, err := q.read(ctx, v, customer, ask)
	if err == nil && customer == uuid.Nil {
		err = unknownCustomer()
	}
	return s, err
}

type treeRow struct {
	ID uuid.UUID `db:"id"`
}

// tree is a customer and all under it; for staff.
func (q *Queries) tree(ctx context.Context, v Viewer, root uuid.UUID) ([]uuid.UUID, error) {
	var rows []treeRow
	_, err := q.readOf(ctx, v, root, func(r *reading) error {
		want(r, sqlTree, pgx.NamedArgs{"root": root}, &rows)
		return nil
	})
	if err == nil {
		err = v.mustSeeAll()
	}
	return views(rows, func(r treeRow) uuid.UUID { return r.ID }), err
}

// Below are the customers under one, as far as the read model has come.
func (q *Queries) Below(ctx context.Context, tenant string, root uuid.UUID) ([]uuid.UUID, error) {
	schema, err := q.Schema(ctx, Portal.Name)
	if err != nil {
		return nil, err
	}
	s := scope{schema: schema, tenant: tenant, all: true, now: q.Clock().UTC()}
	rows, err := many[treeRow](ctx, q.DB, sqlBelow, s, pgx.NamedArgs{"root": root})
	return views(rows, func(r treeRow) uuid.UUID { return r.ID }), err
}
