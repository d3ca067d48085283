package pdf

import "strconv"

// footer is what every page ends with.
type footer struct {
	*sheet
	lines  []textLine
	height float64
}

const (
	footLines  = 3 // of the issuer's text
	pageNumber = 150.0
)

// foot says what the issuer wants said, and how to check that the paper is genuine.
func (s *sheet) foot() footer {
	f := footer{sheet: s}
	room := s.inner - pageNumber
	said := paragraph(s.Issuer.Footer, tiny, margin, s.inner)
	if len(said) > footLines {
		said = said[:footLines]
		said[footLines-1].spans[0].text += "…"
	}
	f.lines = append(f.lines, said...)
	if s.VerifyURL != "" {
		ask := span{margin, room, false, tiny, s.label("verify")}
		after := measure(ask.text, tiny) + 4
		url := wrapped(oneLine(s.VerifyURL), tiny, room-after)
		for i, l := range url {
			at := span{margin + after, room - after, false, tiny, l}
			line := textLine{height: tiny.height(), spans: []span{at}}
			if i == 0 {
				line.spans = []span{ask, at}
			}
			f.lines = append(f.lines, line)
		}
	}
	if s.Hash != "" {
		f.lines = append(f.lines, paragraph(oneLine(s.label("document")+" "+s.Hash), tiny, margin, room)...)
	}
	if len(f.lines) == len(said) {
		f.lines = append(f.lines, textLine{height: tiny.height()})
	}
	f.height = stack(f.lines).height + 14
	return f
}

// draw ends page n of m.
func (f footer) draw(c *canvas, n, m int) {
	top := f.sheet.height - margin/2 - f.height + 8
	c.rule(rule{margin, f.inner, 0.5, hairline}, top)
	stack(f.lines).draw(c, top+4)
	page := f.label("page_of", strconv.Itoa(n), strconv.Itoa(m))
	last := top + 4 + f.height - 14 - tiny.height()/2
	c.write(span{f.width - margin - pageNumber, pageNumber, true, tiny, page}, last)
}
