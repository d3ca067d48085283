package pdf

import (
	"slices"
	"strings"

	"portico/domain"
)

// lines is the table of an invoice or credit memo. A column that no line fills is left out.
func (s *sheet) lines() []block {
	if len(s.Lines) == 0 {
		return nil
	}
	any := func(has func(domain.Line) bool) bool { return slices.ContainsFunc(s.Lines, has) }
	type part struct {
		shown bool
		tableColumn
		text func(domain.Line) string
	}
	parts := []part{
		{any(func(l domain.Line) bool { return l.SKU != "" }), tableColumn{label: s.label("sku"), most: 84},
			func(l domain.Line) string { return l.SKU }},
		{true, tableColumn{label: s.label("description")}, func(l domain.Line) string { return l.Text }},
		{true, tableColumn{label: s.label("quantity"), figure: true},
			func(l domain.Line) string { return s.number(l.Quantity) }},
		{true, tableColumn{label: s.label("unit_price"), figure: true},
			func(l domain.Line) string { return s.price(l.UnitPrice, s.Currency) }},
		{any(func(l domain.Line) bool { return l.Discount != "" && l.Discount != "0" }), tableColumn{label: s.label("discount"), figure: true},
			func(l domain.Line) string { return s.percent(l.Discount) }},
		{any(func(l domain.Line) bool { return l.TaxRate != "" || l.TaxCode != "" }), tableColumn{label: s.label("tax"), figure: true},
			func(l domain.Line) string { return s.rate(l.TaxRate, l.TaxCode) }},
		{true, tableColumn{label: s.label("amount") + " (" + oneLine(s.Currency) + ")", figure: true},
			func(l domain.Line) string { return s.figure(l.Minor, s.Currency) }},
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return !p.shown })
	var columns []tableColumn
	for _, p := range parts {
		columns = append(columns, p.tableColumn)
	}
	rows := make([][]string, len(s.Lines))
	for i, l := range s.Lines {
		for _, p := range parts {
			rows[i] = append(rows[i], p.text(l))
		}
	}
	return s.table(columns, rows)
}

// rate names a tax: by its rate, and its code where two taxes have the same rate.
func (s *sheet) rate(rate domain.Decimal, code string) string {
	same := 0
	for _, t := range s.Tax {
		if t.Rate == rate {
			same++
		}
	}
	switch {
	case rate == "":
		return oneLine(code)
	case same > 1:
		return strings.TrimSpace(s.percent(rate) + " " + oneLine(code))
	}
	return s.percent(rate)
}
