package projections

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// AgeingReport is what all customers owe as of a date, by days past the due date, one
// table a currency (E12).
type AgeingReport struct {
	AsOf       domain.Date      `json:"as_of" format:"date"`
	Currencies []CurrencyAgeing `json:"currencies" nullable:"false"`
}

// CurrencyAgeing is the report in one currency. A customer's unapplied credit is set
// against what is due first; customers whom the credit exceeds are Overpaid.
type CurrencyAgeing struct {
	Currency string       `json:"currency"`
	NotDue   AgeingBucket `json:"not_due"`
	Days30   AgeingBucket `json:"days_1_30"`
	Days60   AgeingBucket `json:"days_31_60"`
	Days90   AgeingBucket `json:"days_61_90"`
	Over90   AgeingBucket `json:"over_90"`
	Overpaid AgeingTotal  `json:"overpaid" doc:"Accounts with more credit than is open, and how much more (negative)"`
	Total    AgeingTotal  `json:"total" doc:"Accounts with a balance, and the sum of balances"`
}

// AgeingBucket is what falls into a range of days past the due date.
type AgeingBucket struct {
	Items    int64        `json:"items" doc:"How many invoices are open"`
	Open     domain.Money `json:"open" doc:"What is open of them, whatever credit there is"`
	Accounts int64        `json:"accounts" doc:"How many accounts owe something here after their credit"`
	Amount   domain.Money `json:"amount" doc:"What is owed here after unapplied credit was set against what is due first"`
}

// AgeingTotal counts accounts and adds up their balances.
type AgeingTotal struct {
	Accounts int64        `json:"accounts"`
	Amount   domain.Money `json:"amount"`
}

type ageingRow struct {
	Currency string `db:"currency"`
	Bucket   string `db:"bucket"`
	Items    int64  `db:"items"`
	Open     int64  `db:"open"`
	Accounts int64  `db:"accounts"`
	Amount   int64  `db:"amount"`
}

// Of each account (customer, currency): what was open of each item and unapplied at the
// end of the date; credit pays items from the earliest due on, by running totals.
const agedNet = `
with moved as (
  select customer_id, currency, item_id, open_delta, unapplied_delta from {s}.entries
  where tenant = @tenant and on_date <= @as_of::date
), item as (
  select customer_id, currency, item_id, sum(open_delta) as open from moved where item_id is not null
  group by 1, 2, 3 having sum(open_delta) <> 0
), account as (
  select customer_id, currency, sum(credit) as credit, sum(open) as open from (
    select customer_id, currency, sum(unapplied_delta) as credit, 0 as open from moved group by 1, 2
    union all select customer_id, currency, greatest(-open, 0), greatest(open, 0) from item) y
  group by 1, 2
), aged as (
  select i.customer_id, i.currency, i.open, a.credit,
    case when @as_of::date <= d.due_on then 'not_due' when @as_of::date - d.due_on <= 30 then 'days_30'
      when @as_of::date - d.due_on <= 60 then 'days_60' when @as_of::date - d.due_on <= 90 then 'days_90' else 'over_90' end as bucket,
    sum(i.open) over (partition by i.customer_id, i.currency order by d.due_on, d.number, i.item_id) as upto
  from item i join account a using (customer_id, currency) join {s}.invoices d on d.tenant = @tenant and d.id = i.item_id
  where i.open > 0
), net as (
  select *, greatest(0, least(open, upto - credit)) as owed from aged
)`

const sqlAgeing engine.SQL = agedNet + `
select currency, bucket, count(*) as items, sum(open)::bigint as open,
  count(distinct customer_id) filter (where owed > 0) as accounts, sum(owed)::bigint as amount
from net group by currency, bucket
union all select currency, 'overpaid', 0, 0, count(*), sum(open - credit)::bigint from account where open < credit group by currency
union all select currency, 'total', 0, 0, count(*) filter (where open <> credit), sum(open - credit)::bigint from account group by currency
order by currency`

// GetAgeing is the ageing of all receivables at the end of a date, today's if left out.
func (q *Queries) GetAgeing(ctx context.Context, v Viewer, asOf domain.Date) (AgeingReport, error) {
	out := AgeingReport{AsOf: asOf, Currencies: []CurrencyAgeing{}}
	if err := v.mustSeeAll(); err != nil {
		return out, err
	}
	if asOf != "" {
		if err := asOf.Check(); err != nil {
			return out, err
		}
	}
	var rows []ageingRow
	_, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		out.AsOf = cmp.Or(asOf, r.today)
		want(r, sqlAgeing, pgx.NamedArgs{"as_of": string(out.AsOf)}, &rows)
		return nil
	})
	for _, r := range rows {
		if n := len(out.Currencies); n == 0 || out.Currencies[n-1].Currency != r.Currency {
			out.Currencies = append(out.Currencies, emptyAgeing(r.Currency))
		}
		out.Currencies[len(out.Currencies)-1].add(r)
	}
	return out, err
}

func emptyAgeing(currency string) CurrencyAgeing {
	zero := domain.Money{Currency: currency}
	b, t := AgeingBucket{Open: zero, Amount: zero}, AgeingTotal{Amount: zero}
	return CurrencyAgeing{currency, b, b, b, b, b, t, t}
}

func (c *CurrencyAgeing) add(r ageingRow) {
	amount := domain.Money{Minor: r.Amount, Currency: r.Currency}
	bucket := AgeingBucket{r.Items, domain.Money{Minor: r.Open, Currency: r.Currency}, r.Accounts, amount}
	switch r.Bucket {
	case "not_due":
		c.NotDue = bucket
	case "days_30":
		c.Days30 = bucket
	case "days_60":
		c.Days60 = bucket
	case "days_90":
		c.Days90 = bucket
	case "over_90":
		c.Over90 = bucket
	case "overpaid":
		c.Overpaid = AgeingTotal{r.Accounts, amount}
	case "total":
		c.Total = AgeingTotal{r.Accounts, amount}
	}
}
