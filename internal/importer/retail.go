package importer

import (
	"context"
	"strings"
	"time"

	"portico/domain"
	"portico/domain/customer"
	"portico/internal/csvfile"
)

// retail reads a wholesaler's sales ledger as UCI publishes it (Online Retail): one row
// a line, documents told by InvoiceNo. Credit notes begin with C and have negative
// quantities, adjustments of the ledger begin with A; lines without a customer are kept
// on nobody's account. Equal lines are lines of their own.
type retail struct {
	terms   int
	numbers csvfile.Decimals
	at      csvfile.Columns
	stamp   string // the timestamp read last, and what it was
	stamped time.Time
}

// sale is one document of the ledger.
type sale struct {
	lines    []saleLine
	at       time.Time // of its first row
	customer *party    // nil: nobody's
	country  string
}

type saleLine struct{ sku, text, quantity, price string }

var retailColumns = map[string][]string{
	"number": {"InvoiceNo"}, "sku": {"StockCode"}, "text": {"Description"}, "quantity": {"Quantity"},
	"at": {"InvoiceDate"}, "price": {"UnitPrice"}, "customer": {"CustomerID"}, "country": {"Country"},
}

func (f *retail) header(names []string) (err error) {
	f.at, err = csvfile.Find(names, retailColumns, "number", "sku", "text", "quantity", "at", "price", "customer", "country")
	return err
}

func (f *retail) key() int { return f.at["number"] }

func (f *retail) add(r *run, d *document, row csvfile.Row) error {
	cell := func(field string) string { return f.at.Of(row.Cells, field) }
	at, err := f.timestamp(cell("at"), r.place.zone)
	if err != nil {
		return err
	}
	l := saleLine{cell("sku"), cell("text"), cell("quantity"), cell("price")}
	if err := f.check(&l); err != nil {
		return err
	}
	l = saleLine{r.texts.intern(l.sku), r.texts.intern(l.text), r.texts.intern(l.quantity), r.texts.intern(l.price)}
	var whose *party
	if key := customerNumber(cell("customer")); key != "" {
		if err := checkText("a customer's number", key, 60); err != nil {
			return err
		}
		whose = r.party(key)
		whose.number = key
	}
	s, begun := d.body.(*sale)
	if !begun {
		s = &sale{at: at, customer: whose, country: r.texts.intern(cell("country"))}
		d.body = s
	}
	if s.customer != whose {
		return domain.Invalid("document.contradiction", "its rows name two customers")
	}
	s.lines = append(s.lines, l)
	return nil
}

// check reads a line's numbers and fills in a blank description.
func (f *retail) check(l *saleLine) error {
	if l.text == "" {
		l.text = l.sku
	}
	quantity, err := f.numbers.Read(l.quantity)
	if err != nil {
		return err
	}
	price, err := f.numbers.Read(l.price)
	if err != nil {
		return err
	}
	l.quantity, l.price = string(quantity), string(price)
	if err := checkText("a stock code", l.sku, 60); err != nil {
		return err
	}
	return checkText("a description", l.text, 4_000)
}

// customerNumber is "17850.0" without what a spreadsheet has added to it.
func customerNumber(cell string) string {
	whole, fraction, _ := strings.Cut(cell, ".")
	if strings.Trim(fraction, "0") == "" && strings.Trim(whole, "0123456789") == "" {
		return whole
	}
	return cell
}

// timestamp is local time of the tenant.
func (f *retail) timestamp(cell string, zone *time.Location) (time.Time, error) {
	if cell == f.stamp && !f.stamped.IsZero() {
		return f.stamped, nil
	}
	for _, form := range []string{time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(form, cell, zone); err == nil && domain.DateOf(t).Check() == nil {
			f.stamp, f.stamped = strings.Clone(cell), t
			return t, nil
		}
	}
	return time.Time{}, domain.Invalid("date.malformed", "%q is not a time such as 2010-12-01 08:26:00", csvfile.Clip(cell))
}

// ready gives each customer the details of its newest document. The file has no names.
func (f *retail) ready(r *run) error {
	for _, d := range r.documents {
		s, ok := d.body.(*sale)
		if !ok || d.bad != nil || s.customer == nil {
			continue
		}
		if d.bad = checkText("a country", s.country, 60); d.bad != nil {
			continue
		}
		if p := s.customer; !s.at.Before(p.at) {
			p.at = s.at
			p.details = customer.Details{LegalName: "Customer " + p.number, Country: s.country, Currency: r.o.Currency, AsOf: domain.DateOf(s.at)}
		}
	}
	return nil
}

func (f *retail) apply(ctx context.Context, r *run, d *document) (outcome, error) {
	s := d.body.(*sale)
	sheet := paper{number: d.number, kind: "invoice", issued: domain.DateOf(s.at), at: s.at, customer: s.customer}
	sheet.due = sheet.issued.AddDays(f.terms)
	sheet.rules = domain.Calculation{Currency: r.o.Currency}.Defaulted()
	sheet.lines = make([]domain.LineInput, len(s.lines))
	for i, l := range s.lines {
		sheet.lines[i] = domain.LineInput{SKU: l.sku, Text: l.text, Quantity: domain.Decimal(l.quantity), UnitPrice: domain.Decimal(l.price)}
	}
	adjustment := strings.HasPrefix(d.number, "A")
	if adjustment {
		sheet.kind = "adjustment"
	}
	if strings.HasPrefix(d.number, "C") {
		sheet.turn()
	}
	if err := sheet.total(); err != nil {
		return outcome{}, err
	}
	if adjustment && sheet.totals.LinesTotal < 0 {
		sheet.turn()
		if err := sheet.total(); err != nil {
			return outcome{}, err
		}
	}
	return r.issue(ctx, &sheet)
}
