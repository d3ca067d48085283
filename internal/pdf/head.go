package pdf

import (
	"strings"

	"portico/domain"
)

// runningHead is the room that the head of later pages takes.
const runningHead = 30.0

// heading is the paper's kind and number, such as Invoice INV-1.
func (s *sheet) heading() string { return strings.TrimSpace(s.label(s.Kind) + " " + oneLine(s.Number)) }

// on is the paper's first date.
func (s *sheet) on() domain.Date {
	for _, f := range s.Facts {
		if f.Date != "" {
			return f.Date
		}
	}
	return ""
}

// head is what stands above the lines: who writes what to whom.
func (s *sheet) head() []block {
	const titleWidth = 190
	title := style{20, true, s.colour}
	var right []textLine
	for _, l := range wrapped(s.label(s.Kind), title, titleWidth) {
		right = append(right, textLine{height: 24, spans: []span{{s.width - margin - titleWidth, titleWidth, true, title, l}}})
	}
	number := style{11, false, ink}
	for _, l := range wrapped(oneLine(s.Number), number, titleWidth) {
		right = append(right, textLine{height: 16, spans: []span{{s.width - margin - titleWidth, titleWidth, true, number, l}}})
	}
	blocks := s.letterhead(right, s.inner-titleWidth-20)
	const customerWidth = 190
	left := paragraph(s.label("bill_to"), hint, margin, customerWidth)
	left = append(left, paragraph(s.Customer.Name, strong, margin, customerWidth)...)
	for _, a := range s.Customer.Address {
		left = append(left, paragraph(a, body, margin, customerWidth)...)
	}
	blocks = append(blocks, space(22))
	return append(blocks, beside(left, s.facts(margin+customerWidth+24))...)
}

// letterhead is the issuer, its logo before its name, and the title.
func (s *sheet) letterhead(title []textLine, width float64) []block {
	x, w := margin, width
	logoW, logoH := s.logo.fit()
	if logoW > 0 {
		x, w = x+logoW+12, w-logoW-12
	}
	issuer := paragraph(s.Issuer.Name, large, x, w)
	for _, l := range s.Issuer.Address {
		issuer = append(issuer, paragraph(l, hint, x, w)...)
	}
	for _, l := range s.Issuer.Contact {
		issuer = append(issuer, paragraph(l, hint, x, w)...)
	}
	blocks := beside(issuer, title)
	if logoW > 0 {
		first, text := &blocks[0], blocks[0].draw
		first.height = max(first.height, logoH)
		first.draw = func(c *canvas, top float64) {
			c.image(s.logo, margin, top, logoW, logoH)
			if text != nil {
				text(c, top)
			}
		}
	}
	return blocks
}

// facts are set in two columns, each value under its label.
func (s *sheet) facts(x float64) (lines []textLine) {
	facts := s.Facts
	if s.Customer.Number != "" {
		facts = append(facts[:len(facts):len(facts)], Fact{Label: "customer_number", Value: s.Customer.Number})
	}
	width := (s.width - margin - x - columnGap) / 2
	for ; len(facts) > 0; facts = facts[min(2, len(facts)):] {
		var pair []textLine
		for i, f := range facts[:min(2, len(facts))] {
			at := x + float64(i)*(width+columnGap)
			value := f.Value
			if f.Date != "" {
				value = s.day(f.Date)
			}
			for j, l := range append(paragraph(s.label(f.Label), hint, at, width), paragraph(value, body, at, width)...) {
				if j == len(pair) {
					pair = append(pair, textLine{height: l.height})
				}
				pair[j].height = max(pair[j].height, l.height)
				pair[j].spans = append(pair[j].spans, l.spans...)
			}
		}
		lines = append(append(lines, pair...), textLine{height: 5})
	}
	return lines
}

// running heads the pages after the first.
func (s *sheet) running(c *canvas) {
	half := s.inner / 2
	c.write(span{margin, half, false, hint, cut(s.Issuer.Name, hint, half-columnGap)}, margin+4)
	c.write(span{margin + half, half, true, hint, cut(s.heading(), hint, half)}, margin+4)
	c.rule(rule{margin, s.inner, 0.6, hairline}, margin+14)
}

// cut is the first line of text.
func cut(text string, st style, width float64) string {
	lines := wrapped(oneLine(text), st, width-measure("…", st))
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return lines[0]
	}
	return lines[0] + "…"
}

// measure is how wide text is in points.
func measure(text string, st style) float64 { return float64(measured(text, st.bold)) * st.size / 1000 }
