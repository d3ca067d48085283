package domain

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/apd/v3"
)

// Total rounds each line once, adds them up and computes tax by the declared rules. Given
// totals, if any, replace the computed ones.
func (c Calculation) Total(inputs []LineInput, given *Given) ([]Line, Totals, error) {
	if len(inputs) == 0 || len(inputs) > MaxLines {
		return nil, Totals{}, Invalid("document.lines", "a document has 1 to %d lines, not %d", MaxLines, len(inputs))
	}
	if c.TaxRounding != "per_line" && c.TaxRounding != "per_document" {
		return nil, Totals{}, Invalid("document.tax_rounding", "tax_rounding must be per_line or per_document, not %q", c.TaxRounding)
	}
	lines, totals, sum := make([]Line, len(inputs)), Totals{}, new(apd.Decimal)
	for i, in := range inputs {
		line, exactly, rounded, err := c.line(in)
		if err != nil {
			return nil, Totals{}, onLine(i, err)
		}
		if _, err := exact.Add(sum, sum, exactly); err != nil {
			return nil, Totals{}, onLine(i, err)
		}
		lines[i] = line
		totals.LinesTotal += line.Minor
		if rounded {
			totals.RoundedLines++
		}
	}
	totals.Exact = Decimal(sum.Text('f'))
	if given != nil {
		totals.Net, totals.Tax, totals.Gross = given.Net, given.Tax, given.Gross
		return lines, totals, given.check()
	}
	var err error
	if totals.Tax, err = c.tax(lines); err != nil {
		return nil, Totals{}, err
	}
	tax := int64(0)
	for _, t := range totals.Tax {
		tax += t.Minor
	}
	if c.PricesIncludeTax {
		totals.Gross, totals.Net = totals.LinesTotal, totals.LinesTotal-tax
	} else {
		totals.Net, totals.Gross = totals.LinesTotal, totals.LinesTotal+tax
	}
	if totals.Gross > MaxMinor || totals.Gross < -MaxMinor {
		return nil, Totals{}, Invalid("money.too_large", "the total is more than Portico keeps")
	}
	return lines, totals, nil
}

// onLine says which line an error is about.
func onLine(i int, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{e.Kind, e.Code, fmt.Sprintf("line %d: %s", i+1, e.Message)}
	}
	return fmt.Errorf("line %d: %w", i+1, err)
}

// check refuses totals that are too large, or do not add up: what a source states is
// kept as it is, but it must be one statement.
func (g Given) check() error {
	sum := g.Net
	for _, t := range g.Tax {
		if t.Minor > MaxMinor || t.Minor < -MaxMinor || len(g.Tax) > MaxLines {
			return Invalid("money.too_large", "the tax is more than Portico keeps")
		}
		sum += t.Minor
	}
	if max(g.Gross, g.Net) > MaxMinor || min(g.Gross, g.Net) < -MaxMinor {
		return Invalid("money.too_large", "the total is more than Portico keeps")
	}
	if sum != g.Gross {
		return Invalid("document.given_totals", "the given totals do not add up: net and tax are %d, gross is %d", sum, g.Gross)
	}
	return nil
}

var hundred = apd.New(100, 0)

func (c Calculation) line(in LineInput) (line Line, exactly *apd.Decimal, rounded bool, err error) {
	if exactly, err = amount(in.Quantity, in.UnitPrice); err != nil {
		return line, nil, false, err
	}
	if in.Discount != "" {
		if exactly, err = discounted(exactly, in.Discount); err != nil {
			return line, nil, false, err
		}
	}
	if in.TaxRate != "" {
		if _, err := percentage(in.TaxRate, "document.tax_rate", "a tax rate"); err != nil {
			return line, nil, false, err
		}
	}
	m, rounded, err := round(exactly, c.Currency, c.Rounding)
	return Line{in.SKU, in.Text, in.Quantity, in.UnitPrice, in.Discount, in.TaxCode, in.TaxRate, m.Minor}, exactly, rounded, err
}

func percentage(d Decimal, code, what string) (*apd.Decimal, error) {
	p, err := d.parse()
	if err == nil && (p.Sign() < 0 || p.Cmp(hundred) > 0) {
		err = Invalid(code, "%s is between 0 and 100 percent, not %s", what, d)
	}
	return p, err
}

func discounted(of *apd.Decimal, percent Decimal) (*apd.Decimal, error) {
	p, err := percentage(percent, "document.discount", "a discount")
	if err != nil {
		return nil, err
	}
	rest := new(apd.Decimal)
	if _, err := exact.Sub(rest, hundred, p); err != nil {
		return nil, err
	}
	rest.Exponent -= 2
	_, err = exact.Mul(rest, rest, of)
	return rest, err
}

// tax groups lines by code and rate, in the order of their first line. A rate is the same
// however it is written: 20 and 20.0.
func (c Calculation) tax(lines []Line) ([]TaxLine, error) {
	type key struct{ code, rate string }
	at, taxes := map[key]int{}, []TaxLine(nil)
	for _, l := range lines {
		if l.TaxRate == "" {
			continue
		}
		rate, err := l.TaxRate.parse()
		if err != nil {
			return nil, err
		}
		rate.Reduce(rate)
		k := key{l.TaxCode, rate.Text('f')}
		i, known := at[k]
		if !known {
			i = len(taxes)
			at[k], taxes = i, append(taxes, TaxLine{Code: l.TaxCode, Rate: l.TaxRate})
		}
		taxes[i].Net += l.Minor
		if c.TaxRounding == "per_line" {
			minor, err := c.taxOf(l.Minor, l.TaxRate)
			if err != nil {
				return nil, err
			}
			taxes[i].Minor += minor
		}
	}
	for i := range taxes {
		if c.TaxRounding == "per_document" {
			minor, err := c.taxOf(taxes[i].Net, taxes[i].Rate)
			if err != nil {
				return nil, err
			}
			taxes[i].Minor = minor
		}
		if c.PricesIncludeTax {
			taxes[i].Net -= taxes[i].Minor
		}
	}
	return taxes, nil
}

// taxOf is the tax on, or contained in, an amount of minor units.
func (c Calculation) taxOf(minor int64, percent Decimal) (int64, error) {
	rate, err := percent.parse()
	if err != nil {
		return 0, err
	}
	divisor := new(apd.Decimal).Set(hundred)
	if c.PricesIncludeTax {
		if _, err := exact.Add(divisor, hundred, rate); err != nil {
			return 0, err
		}
	}
	tax := new(apd.Decimal)
	if _, err := exact.Mul(tax, apd.New(minor, 0), rate); err != nil {
		return 0, err
	}
	if _, err := apd.BaseContext.WithPrecision(60).Quo(tax, tax, divisor); err != nil { // far finer than a tie
		return 0, err
	}
	n, _, err := quantize(tax, 0, c.Rounding)
	return n, err
}
