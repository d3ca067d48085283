package importer

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"portico/domain"
	"portico/domain/customer"
	"portico/internal/csvfile"
)

// sheet reads invoices by a profile.
type sheet struct {
	profile Profile
	terms   int
	numbers csvfile.Decimals
	dates   csvfile.Dates
	at      csvfile.Columns
}

// entry is one document of a sheet: its own cells, and its lines'.
type entry struct {
	head     map[string]string
	lines    []sheetLine
	customer *party
	issued   domain.Date
	currency string
}

type sheetLine struct{ sku, text, quantity, price, discount, amount, taxCode, taxRate, tax string }

// headFields are of the document: each of its rows says the same or nothing.
var headFields = []string{"customer", "account", "country", "reference", "description", "issued", "due", "total", "tax_total", "paid",
	"track1", "track2", "currency", "type", "status"}

// lineFields that hold numbers, and head fields that do.
var lineNumbers, headNumbers = []string{"quantity", "price", "discount", "amount", "tax_rate", "tax"}, []string{"total", "tax_total", "paid"}

// most are the longest texts, in bytes.
var most = map[string]int{"customer": 200, "account": 60, "country": 60, "reference": 200, "description": 500}

func (f *sheet) header(names []string) (err error) {
	f.at, err = csvfile.Find(names, f.profile.Columns, f.profile.Needed...)
	if _, hasAmount := f.at["amount"]; err == nil && !hasAmount {
		_, err = csvfile.Find(names, f.profile.Columns, "quantity", "price")
	}
	return err
}

func (f *sheet) key() int { return f.at["number"] }

func (f *sheet) add(r *run, d *document, row csvfile.Row) error {
	cell := func(field string) string { return r.texts.intern(f.at.Of(row.Cells, field)) }
	e, begun := d.body.(*entry)
	if !begun {
		e = &entry{head: map[string]string{}}
		d.body = e
	}
	for _, field := range headFields {
		value := cell(field)
		if limit, limited := most[field]; limited {
			if err := checkText(field, value, limit); err != nil {
				return err
			}
		}
		// Tracking is said for each line; the first one that says something counts.
		if was := e.head[field]; was != "" && value != "" && was != value && !strings.HasPrefix(field, "track") {
			return domain.Invalid("document.contradiction", "its rows say %q and %q in column %s", csvfile.Clip(was), csvfile.Clip(value), f.profile.Columns[field][0])
		} else if was == "" && value != "" {
			e.head[field] = value
		}
	}
	for _, field := range []string{"issued", "due"} {
		f.dates.Note(cell(field))
	}
	for _, fields := range [][]string{lineNumbers, headNumbers} {
		for _, field := range fields {
			f.numbers.Note(cell(field))
		}
	}
	e.lines = append(e.lines, sheetLine{cell("sku"), cell("text"), cell("quantity"), cell("price"), cell("discount"),
		cell("amount"), cell("tax_code"), cell("tax_rate"), cell("tax")})
	return nil
}

// ready settles how dates and numbers are written, and finds the customers.
func (f *sheet) ready(r *run) error {
	if err := f.dates.Settle(); err != nil {
		return err
	}
	if err := f.numbers.Settle(); err != nil {
		return err
	}
	for _, d := range r.documents {
		if d.bad != nil {
			continue
		}
		e := d.body.(*entry)
		if state, err := f.profile.state(e.head["status"]); err == nil && (state == skip || state == deleted) {
			continue // it makes no customer
		}
		if e.issued, d.bad = f.dates.Read(e.head["issued"]); d.bad != nil {
			continue
		}
		if e.currency = strings.ToUpper(e.head["currency"]); e.currency == "" {
			e.currency = r.o.Currency
		}
		if d.bad = domain.CheckCurrency(e.currency); d.bad == nil {
			e.customer, d.bad = f.whose(r, e)
		}
	}
	return nil
}

// whose is the customer of a document, nil if it names none. A source without numbers
// for its customers is followed by their names; the number made up for it does not show
// the name, which is personal.
func (f *sheet) whose(r *run, e *entry) (*party, error) {
	name, account := e.head["customer"], e.head["account"]
	if name == "" && account == "" {
		return nil, nil
	}
	names := []string{name}
	if f.profile.Jobs {
		names = strings.Split(name, ":")
	}
	var p *party
	key := ""
	for _, part := range names {
		part = strings.Join(strings.Fields(part), " ")
		if part == "" && account == "" {
			return nil, domain.Invalid("customer.malformed", "%q names no customer", csvfile.Clip(name))
		}
		key = strings.Trim(key+":"+strings.ToLower(norm.NFC.String(part)), ":")
		if account != "" {
			key = "\x00" + account
		}
		parent := p
		p = r.party(key)
		p.parent = parent
		p.number = account
		if account == "" {
			p.number = strings.ToUpper(r.o.System[:min(4, len(r.o.System))] + "-" + p.id.String()[:8] + p.id.String()[9:13])
		}
		if part == "" {
			part = "Customer " + account
		}
		f.describe(r, p, e, part)
	}
	if p.details.Kind == "" {
		p.details.Kind = "account"
	}
	for above := p.parent; above != nil; above = above.parent {
		above.details.Kind = "parent"
	}
	return p, nil
}

// describe follows the newest document.
func (f *sheet) describe(r *run, p *party, e *entry, name string) {
	if string(e.issued) < p.newest {
		return
	}
	p.newest, p.at = string(e.issued), instant(e.issued, r.place.zone)
	p.details = customer.Details{LegalName: name, Kind: p.details.Kind, Country: e.head["country"], Currency: e.currency, AsOf: e.issued}
}
