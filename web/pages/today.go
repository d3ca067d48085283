package pages

import (
	"cmp"
	"context"
	"time"

	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// Day is what staff find first: what went wrong, what is owed, and what waits for them.
type Day struct {
	Name       string
	Wrong      []Fault
	Owed       Receivables
	Year       projections.YearOfMonths
	Unapplied  projections.Page[projections.UnappliedFund]
	Unassigned projections.Page[projections.UnassignedDocument]
	Overdue    Listed[projections.Invoice]
}

// Fault is something that went wrong so many times, and where it is looked after.
type Fault struct {
	What string // the end of its text's key
	N    int
	More bool // than N
	Href string
}

// Wrongs adds what went wrong at all.
func (d *Day) Wrongs(what string, n int, more bool, href string) {
	if n > 0 {
		d.Wrong = append(d.Wrong, Fault{what, n, more, href})
	}
}

func (w Fault) says(ctx context.Context) string {
	said := text.N(ctx, "staff.wrong_"+w.What, w.N)
	if w.More {
		said = t(ctx, "staff.wrong_more", "said", said)
	}
	return said
}

// overdueItems are invoices that somebody is to be reminded of: who, and how much is open.
func overdueItems(ctx context.Context, all Listed[projections.Invoice]) (items []ui.Item) {
	for _, x := range all.Items {
		items = append(items, ui.Item{Title: cmp.Or(all.name(x.CustomerID), x.Number), Detail: x.Number + " · " + date(ctx, x.DueOn), Href: "/staff/invoices/" + x.ID.String(), Amount: cash(ctx, x.Open)})
	}
	return items
}

// yearChart is what was invoiced and received month by month.
func yearChart(ctx context.Context, c projections.CurrencyMonths) ui.Chart {
	chart := ui.Chart{Says: t(ctx, "staff.year_says", "currency", c.Currency), When: t(ctx, "staff.year_month"), First: t(ctx, "staff.year_invoiced"), Second: t(ctx, "staff.year_received")}
	for _, m := range c.Months {
		g := ui.ChartGroup{Name: m.Month, Short: m.Month, First: m.Invoiced, Second: m.Received}
		if at, err := time.Parse("2006-01", m.Month); err == nil {
			g.Name, g.Short = at.Format("January 2006"), at.Format("Jan") // of staff, who read English
		}
		chart.Groups = append(chart.Groups, g)
	}
	return chart
}
