package importer

import (
	"context"
	"slices"
	"strings"
	"time"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
)

// given are the totals that the file states: those of the document or, without them, the
// sums of its lines' amounts; nil if it has neither. Prices include tax if the lines add
// up to the total only so.
func (f *sheet) given(p *paper, e *entry) (*domain.Given, error) {
	amounts, taxes := int64(0), []domain.TaxLine(nil)
	complete := true
	for _, l := range e.lines {
		amount, err := f.numbers.Money(l.amount, p.rules.Currency)
		if err != nil {
			return nil, err
		}
		tax, err := f.numbers.Money(l.tax, p.rules.Currency)
		if err != nil {
			return nil, err
		}
		amounts, complete = amounts+amount, complete && (l.amount != "" || l.price == "")
		if l.tax != "" {
			taxes = withTax(taxes, l.taxCode, amount, tax)
		}
	}
	lineTax := int64(0)
	for _, t := range taxes {
		lineTax += t.Minor
	}
	if e.head["total"] == "" && !complete {
		return nil, nil
	}
	g := &domain.Given{Net: amounts, Gross: amounts + lineTax, Tax: taxes}
	if e.head["total"] == "" {
		return g, nil
	}
	return g, f.stated(p, e, g, lineTax)
}

// stated replaces the sums by the document's own totals.
func (f *sheet) stated(p *paper, e *entry, g *domain.Given, lineTax int64) (err error) {
	tax := lineTax
	if cell := e.head["tax_total"]; cell != "" {
		if tax, err = f.numbers.Money(cell, p.rules.Currency); err != nil {
			return err
		}
	}
	if g.Gross, err = f.numbers.Money(e.head["total"], p.rules.Currency); err != nil {
		return err
	}
	g.Net = g.Gross - tax
	switch {
	case tax == lineTax:
	case len(g.Tax) == 1:
		g.Tax[0].Minor = tax
	default: // which code the difference is of, nobody says
		g.Tax = []domain.TaxLine{{Net: g.Net, Minor: tax}}
	}
	if sum := p.totals.LinesTotal; tax != 0 && sum == g.Gross && sum != g.Net {
		p.rules.PricesIncludeTax = true
		for i := range g.Tax {
			g.Tax[i].Net = max(0, g.Tax[i].Net-g.Tax[i].Minor)
		}
		if len(g.Tax) == 1 {
			g.Tax[0].Net = g.Net
		}
	}
	return nil
}

// withTax adds a line's tax to its code's.
func withTax(taxes []domain.TaxLine, code string, net, minor int64) []domain.TaxLine {
	at := slices.IndexFunc(taxes, func(t domain.TaxLine) bool { return t.Code == code })
	if at < 0 {
		at, taxes = len(taxes), append(taxes, domain.TaxLine{Code: code, Rate: rateIn(code)})
	}
	taxes[at].Net += net
	taxes[at].Minor += minor
	return taxes
}

// rateIn is the percentage that a tax code's name shows, such as "20% (VAT on Income)",
// or nothing.
func rateIn(code string) domain.Decimal {
	before, _, shown := strings.Cut(code, "%")
	if !shown {
		return ""
	}
	number := before[strings.LastIndexFunc(before, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })+1:]
	if domain.Decimal(number).Check() != nil {
		return ""
	}
	return domain.Decimal(number)
}

// method is how payments are recorded that a file states as paid.
const method = "import"

// pay records what the source says was paid and Portico does not know yet. The source
// states a sum, not payments: a second import books the step from the one before.
func (f *sheet) pay(ctx context.Context, r *run, p *paper, e *entry, out *outcome) error {
	paid, err := f.numbers.Money(e.head["paid"], p.rules.Currency)
	if err != nil || paid <= 0 {
		return err
	}
	if p.customer == nil {
		out.notes = append(out.notes, "payment_without_customer")
		return nil
	}
	at := commands.Ledger{CustomerID: p.customer.id, Currency: p.rules.Currency}
	reference := r.o.System + " " + p.number + " "
	before := int64(0)
	if !out.changed || out.restated { // a new invoice was never paid
		if before, err = r.paidBefore(ctx, at, reference); err != nil {
			return err
		}
	}
	total := domain.Money{Minor: paid, Currency: p.rules.Currency}
	out.payments, out.paid = 1, total
	if paid <= before {
		if paid < before {
			out.notes = append(out.notes, "paid_less_than_before")
		}
		return nil
	}
	step := domain.Money{Minor: paid - before, Currency: total.Currency}
	receipt, err := r.c.RecordPayment(ctx, r.by(instant(r.o.PaidOn, r.place.zone)), at, account.RecordPayment{
		PaymentID: r.externalID("payment", p.number, total.String()), Amount: step, On: r.o.PaidOn, Method: method,
		ExternalRef: reference + total.String(), Allocations: []account.Allocation{{InvoiceID: p.id, Amount: step}}, AwaitInvoices: true,
	})
	out.changed = out.changed || receipt.Events > 0
	return err
}

// paidBefore is what earlier imports have recorded under references that begin so.
func (r *run) paidBefore(ctx context.Context, at commands.Ledger, reference string) (sum int64, err error) {
	err = history(ctx, r.c, ledgerStream(r.o.By.Tenant, at), func(event any) {
		if e, ok := event.(account.PaymentReceived); ok && e.Method == method && strings.HasPrefix(e.ExternalRef, reference) {
			sum += e.Amount.Minor
		}
	})
	return sum, err
}

// void follows a source that has voided or deleted what it had issued (E50).
func (r *run) void(ctx context.Context, p *paper, out *outcome, code string) error {
	because := domain.Because{Reason: domain.Reason{Code: code, Text: "in " + r.o.System}}
	command := func() (commands.Receipt, error) {
		return r.c.VoidInvoice(ctx, r.by(time.Time{}), p.id, invoice.Void{Release: true, Because: because})
	}
	if p.credit {
		command = func() (commands.Receipt, error) {
			return r.c.VoidCreditMemo(ctx, r.by(time.Time{}), p.id, creditmemo.Void{Because: because})
		}
	}
	receipt, err := command()
	out.kind, out.changed = "void", out.changed || receipt.Events > 0
	out.restated = out.restated && out.changed
	return err
}

// remove voids what the source has deleted, if it ever came here.
func (r *run) remove(ctx context.Context, number string, credit bool) (outcome, error) {
	p := &paper{number: number, credit: credit, id: r.externalID(invoiceType, number)}
	if credit {
		p.id = r.externalID(creditType, number)
	}
	var out outcome
	err := r.void(ctx, p, &out, "source_deleted")
	if code := domain.CodeOf(err); code == "invoice.unknown" || code == "credit_memo.unknown" {
		return outcome{allIgnore: "status deleted"}, nil
	}
	return out, err
}
