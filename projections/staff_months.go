package projections

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

var monthTotals = engine.NewTable[monthKey, monthRow]("month_totals")

type monthKey struct{ Tenant, Currency, Month string }

// monthRow is the sums of a month: of the dates that documents and payments have, not of when
// they were recorded.
type monthRow struct {
	Tenant   string `db:"tenant,key"`
	Currency string `db:"currency,key"`
	Month    string `db:"month,key"`
	Invoiced int64  `db:"invoiced"`
	Received int64  `db:"received"`
}

// addToMonth adds a posting to its month, if it is one of invoices or of payments.
func addToMonth(b *engine.Batch, at accountKey, f effect) {
	var sums totalsRow
	if sums.sum(f); sums.Invoiced == 0 && sums.Received == 0 {
		return
	}
	k := monthKey{at.Tenant, at.Currency, string(f.on[:len("2006-01")])}
	m := monthTotals.Get(b, k)
	if m == nil {
		monthTotals.Put(b, monthRow{Tenant: k.Tenant, Currency: k.Currency, Month: k.Month})
		m = monthTotals.Get(b, k)
	}
	m.Invoiced += sums.Invoiced
	m.Received += sums.Received
}

// MonthTotals is what was invoiced and received in a month.
type MonthTotals struct {
	Month    string       `json:"month" example:"2026-11" doc:"Of the dates that documents and payments have"`
	Invoiced domain.Money `json:"invoiced" doc:"Invoices as issued, restated and voided; without charges and credit memos"`
	Received domain.Money `json:"received" doc:"Payments, less what failed or was taken back"`
}

// CurrencyMonths are twelve months in one currency, the oldest first, empty ones too.
type CurrencyMonths struct {
	Currency string        `json:"currency"`
	Months   []MonthTotals `json:"months" nullable:"false"`
}

// YearOfMonths are the last twelve months, this one included.
type YearOfMonths struct {
	Currencies []CurrencyMonths `json:"currencies" nullable:"false"`
}

const sqlMonths engine.SQL = `
select m.* from {s}.month_totals m where m.tenant = @tenant and m.month between @from and @to order by m.currency, m.month`

// GetReceivablesByMonth is what was invoiced and received in each of the last twelve months; for
// staff.
func (q *Queries) GetReceivablesByMonth(ctx context.Context, v Viewer) (out YearOfMonths, err error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return out, err
	}
	zoneName, _ := q.zones.LoadOrStore(v.Tenant, "UTC") // what it was lately is near enough for a month
	last := s.now.In(zone(zoneName.(string)))
	first := time.Date(last.Year(), last.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	var rows []monthRow
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		rows, err = many[monthRow](ctx, tx, sqlMonths, s, pgx.NamedArgs{"from": first.Format("2006-01"), "to": last.Format("2006-01")})
		return err
	})
	out.Currencies = []CurrencyMonths{}
	for _, r := range rows {
		n := len(out.Currencies)
		if n == 0 || out.Currencies[n-1].Currency != r.Currency {
			out.Currencies = append(out.Currencies, emptyYear(r.Currency, first))
			n++
		}
		at, err := time.Parse("2006-01", r.Month)
		if err != nil {
			return out, err
		}
		m := &out.Currencies[n-1].Months[(at.Year()-first.Year())*12+int(at.Month()-first.Month())]
		m.Invoiced.Minor, m.Received.Minor = r.Invoiced, r.Received
	}
	return out, err
}

func emptyYear(currency string, first time.Time) CurrencyMonths {
	y := CurrencyMonths{Currency: currency}
	for i := range 12 {
		none := domain.Money{Currency: currency}
		y.Months = append(y.Months, MonthTotals{first.AddDate(0, i, 0).Format("2006-01"), none, none})
	}
	return y
}
