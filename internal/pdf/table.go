package pdf

// tableColumn is one column: of figures, as wide as they need, or of text.
type tableColumn struct {
	label  string
	figure bool
	most   float64 // of a column of text: its greatest width; 0: what the others leave
	width  float64
	x      float64
}

const (
	leastText   = 130.0 // the width that a column of text with no greatest width gets
	mostInACell = 40    // lines; a cell of more goes on in a row of its own
)

// table sets rows under their heads, which every page repeats.
func (s *sheet) table(columns []tableColumn, rows [][]string) []block {
	s.fit(columns, rows)
	head := s.heads(columns)
	head.glued = true
	blocks := []block{head}
	for _, row := range rows {
		blocks = append(blocks, s.row(columns, row, body, &head)...)
	}
	return blocks
}

// fit gives each column its width: what its widest cell needs, within bounds.
func (s *sheet) fit(columns []tableColumn, rows [][]string) {
	left, open, figures := s.inner-float64(len(columns)-1)*columnGap, -1, 0.0
	for i := range columns {
		c := &columns[i]
		if !c.figure && c.most == 0 {
			open = i
			continue
		}
		c.width = measure(c.label, column) + 0.5
		for _, row := range rows {
			if i < len(row) && len(row[i]) < 200 {
				c.width = max(c.width, measure(row[i], body)+0.5)
			}
		}
		if c.most > 0 {
			c.width = min(c.width, c.most)
		}
		figures += c.width
	}
	if room := left - leastText; figures > room { // absurdly wide: all give way alike
		for i := range columns {
			columns[i].width *= room / figures
		}
		figures = room
	}
	x := margin
	for i := range columns {
		if i == open {
			columns[i].width = left - figures
		}
		columns[i].x = x
		x += columns[i].width + columnGap
	}
}

func (s *sheet) heads(columns []tableColumn) block {
	var lines []textLine
	for _, c := range columns {
		for j, l := range wrapped(c.label, column, c.width) {
			if j == len(lines) {
				lines = append(lines, textLine{height: column.height()})
			}
			lines[j].spans = append(lines[j].spans, span{c.x, c.width, c.figure, column, l})
		}
	}
	b := stack(append(lines, textLine{height: cellPad}))
	text := b.draw
	b.draw = func(c *canvas, top float64) {
		text(c, top)
		c.rule(rule{margin, s.inner, 1.1, s.colour}, top+b.height)
	}
	return b
}

// row is one row of a table, as several blocks if it is very high.
func (s *sheet) row(columns []tableColumn, cells []string, st style, under *block) (blocks []block) {
	var lines []textLine
	for i, c := range columns {
		for j, l := range fitting(cells[i], st, c.width) {
			if j == len(lines) {
				lines = append(lines, textLine{height: st.height()})
			}
			lines[j].spans = append(lines[j].spans, span{c.x, c.width, c.figure, st, l})
		}
	}
	if len(lines) == 0 {
		lines = []textLine{{height: st.height()}}
	}
	for len(lines) > 0 {
		n := min(len(lines), mostInACell)
		b := stack(lines[:n])
		text, last := b.draw, n == len(lines)
		b.height += 2 * cellPad
		b.under = under
		b.draw = func(c *canvas, top float64) {
			text(c, top+cellPad)
			if last {
				c.rule(rule{margin, s.inner, 0.5, hairline}, top+b.height)
			}
		}
		blocks, lines = append(blocks, b), lines[n:]
	}
	return blocks
}

// fitting is wrapped, with a short way for what fits on one line.
func fitting(text string, st style, width float64) []string {
	if len(text) < 100 && text != "" && plain(text) && clean(text) == text && measure(text, st) <= width {
		return []string{text}
	}
	return wrapped(text, st, width)
}
