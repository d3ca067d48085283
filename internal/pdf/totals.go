package pdf

import "strings"

// totals are the table of taxes, and beside it what the paper comes to.
func (s *sheet) totals() []block {
	left := s.taxes()
	if s.PricesIncludeTax {
		left = append(left, paragraph(s.label("prices_with_tax"), hint, margin, s.inner-sumsWidth-24)...)
	}
	var right []textLine
	if len(s.Tax) > 0 || s.Net != s.Gross {
		right = append(right, s.sum("net", s.Net, false), s.sum("tax", s.Gross-s.Net, false))
	}
	right = append(right, s.sum("total", s.Gross, true))
	for i, sum := range s.Sums {
		right = append(right, s.sum(sum.Label, sum.Minor, i == len(s.Sums)-1))
	}
	return glue(append([]block{space(10)}, beside(left, right)...))
}

const sumsWidth = 224.0

// sum is one labelled amount at the end side; one that stands out has a rule above.
func (s *sheet) sum(label string, minor int64, out bool) textLine {
	x := s.width - margin - sumsWidth
	l := textLine{height: 15.5}
	st, amount := body, s.amount(minor, s.Currency)
	if out {
		st, l.height, l.rule = large, 23, rule{x, sumsWidth, 0.9, ink}
	}
	wide := min(measure(amount, st)+1, sumsWidth*2/3)
	l.spans = []span{
		{x, sumsWidth - wide - columnGap, false, st, cut(s.label(label), st, sumsWidth-wide-columnGap)},
		{x + sumsWidth - wide, wide, true, st, amount},
	}
	return l
}

// taxes is the table of taxes: rate, what is taxed, and the tax.
func (s *sheet) taxes() (lines []textLine) {
	if len(s.Tax) == 0 {
		return nil
	}
	room := s.inner - sumsWidth - 28
	widths := []float64{room * 0.34, room * 0.33, room * 0.33}
	row := func(st style, cells ...string) textLine {
		l, x := textLine{height: 14}, margin
		for i, text := range cells {
			w := widths[i] - 4
			l.spans = append(l.spans, span{x, w, i > 0 && !s.rtl, st, cut(text, st, w)})
			x += widths[i]
		}
		return l
	}
	lines = append(lines, row(column, s.label("tax_rate"), s.label("taxable"), s.label("tax")))
	for i, t := range s.Tax {
		name := s.percent(t.Rate)
		if !strings.Contains(name, t.Code) {
			name = strings.TrimSpace(name + " " + oneLine(t.Code))
		}
		l := row(hint, name, s.figure(t.Net, s.Currency), s.figure(t.Minor, s.Currency))
		if i == 0 {
			l.rule = rule{margin, room - 4, 0.5, hairline}
		}
		lines = append(lines, l)
	}
	return append(lines, textLine{height: 6})
}

// payment says how to pay, beside a bar in the issuer's colour; a credit asks for nothing.
func (s *sheet) payment() []block {
	if len(s.Issuer.Payment) == 0 || s.Kind == "credit_memo" {
		return nil
	}
	lines := paragraph(s.label("payment_details"), strong, margin+12, s.inner-12)
	for _, p := range s.Issuer.Payment {
		lines = append(lines, paragraph(p, body, margin+12, s.inner-12)...)
	}
	blocks := []block{space(20)}
	for len(lines) > 0 {
		n := min(len(lines), mostInACell)
		b := stack(lines[:n])
		text := b.draw
		b.draw = func(c *canvas, top float64) {
			c.bar(margin, top, 2.5, b.height, s.colour)
			text(c, top)
		}
		blocks, lines = append(blocks, b), lines[n:]
	}
	return blocks
}
