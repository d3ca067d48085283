package importer

import (
	"context"
	"strings"

	"portico/commands"
	"portico/domain"
	"portico/domain/customer"
	"portico/internal/csvfile"
)

// receivables reads an event log of charges, as that of road traffic fines: one row an
// event, a case is an account with one invoice. What is owed is the last amount seen plus
// all expenses; what is paid is the running total of payments. The column paymentamount
// is not read: it has lost its decimal point. A case is imported as it went: each event
// at its date, so that balances as of any day come out as they were.
type receivables struct {
	terms   int
	numbers csvfile.Decimals
	dates   csvfile.Dates
	at      csvfile.Columns
}

var receivablesColumns = map[string][]string{
	"case": {"case_id"}, "activity": {"activity"}, "on": {"timestamp"}, "amount": {"amount"},
	"expense": {"expense"}, "paid": {"totalpaymentamount"}, "article": {"article"},
}

// caseLog is what happened to one case, in the order of the file.
type caseLog struct {
	steps    []caseStep
	ignored  map[string]int64 // rows without money, by activity
	article  string
	customer *party
	owed     int64 // as of the last step
	paid     int64
	amount   int64
	expense  int64
}

// caseStep changes what is owed, or is a payment.
type caseStep struct {
	on            domain.Date
	activity      string
	amount        int64 // charged, and expenses, from now on
	expense       int64
	payment, paid int64 // received now, and in all
}

func (f *receivables) header(names []string) (err error) {
	f.at, err = csvfile.Find(names, receivablesColumns, "case", "activity", "on", "amount", "expense", "paid")
	return err
}

func (f *receivables) key() int { return f.at["case"] }

func (f *receivables) add(r *run, d *document, row csvfile.Row) error {
	on, err := f.dates.Read(f.at.Of(row.Cells, "on"))
	if err != nil {
		return err
	}
	amount, hasAmount, err := f.money(r, row, "amount")
	if err != nil {
		return err
	}
	expense, hasExpense, err := f.money(r, row, "expense")
	if err != nil {
		return err
	}
	paid, hasPaid, err := f.money(r, row, "paid")
	if err != nil {
		return err
	}
	c, begun := d.body.(*caseLog)
	switch {
	case !begun && !hasAmount:
		return domain.Invalid("receivables.no_charge", "the case does not begin with an amount")
	case !begun:
		c = &caseLog{ignored: map[string]int64{}, article: r.texts.intern(f.at.Of(row.Cells, "article"))}
		d.body = c
	case hasPaid && paid < c.paid:
		return domain.Invalid("receivables.paid_less", "the total paid goes down")
	}
	activity := r.texts.intern(f.at.Of(row.Cells, "activity"))
	step := caseStep{on: on, activity: activity, payment: paid - c.paid, paid: paid}
	if hasAmount {
		c.amount = amount
	}
	if hasExpense {
		c.expense += expense
	}
	if !hasPaid {
		step.paid, step.payment = c.paid, 0
	}
	step.amount, step.expense, c.paid = c.amount, c.expense, step.paid
	if owed := c.amount + c.expense; len(c.steps) > 0 && owed == c.owed && step.payment == 0 {
		c.ignored[strings.ToLower(activity)]++
		return nil
	}
	c.owed = c.amount + c.expense
	c.steps = append(c.steps, step)
	return nil
}

func (f *receivables) money(r *run, row csvfile.Row, field string) (minor int64, given bool, err error) {
	cell := f.at.Of(row.Cells, field)
	minor, err = f.numbers.Money(cell, r.o.Currency)
	if err == nil && minor < 0 {
		err = domain.Invalid("receivables.negative", "%s is %q: negative amounts have no meaning here", field, csvfile.Clip(cell))
	}
	return minor, cell != "", err
}

func (f *receivables) ready(r *run) error {
	for _, d := range r.documents {
		c, ok := d.body.(*caseLog)
		if !ok || d.bad != nil {
			continue
		}
		on := c.steps[0].on
		p := r.party(d.number)
		p.number, p.at = d.number, instant(on, r.place.zone)
		p.details = customer.Details{LegalName: "Account " + d.number, Kind: "consumer", Currency: r.o.Currency, TermsDays: f.terms, AsOf: on}
		c.customer = p
	}
	return nil
}

// apply replays a case. Each of its decisions has an id that is derived from its place
// in the case: one that was taken before is not taken again, so that a case goes on where
// it stopped. What the policies do after a document's event is asked for here at once:
// each amount is to reach the account before the next one follows.
func (f *receivables) apply(ctx context.Context, r *run, d *document) (outcome, error) {
	c := d.body.(*caseLog)
	if err := r.ensure(ctx, c.customer); err != nil {
		return outcome{}, err
	}
	id := c.customer.id
	p := replay{
		r: r, log: c, number: d.number, invoice: r.externalID("invoice", d.number), terms: f.terms,
		at:  commands.Ledger{CustomerID: id, Currency: r.o.Currency},
		out: outcome{kind: "invoice", customer: id, ignored: c.ignored},
	}
	for i, step := range c.steps {
		if err := p.step(ctx, i, step); err != nil {
			return p.out, err
		}
	}
	p.out.posted = p.money(c.owed)
	p.out.exact, p.out.paid = domain.Decimal(p.out.posted.String()), p.money(c.paid)
	return p.out, nil
}
