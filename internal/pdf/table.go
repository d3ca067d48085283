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
	leastText   = 100.0 // the width that a column of text with no greatest width gets
	narrowText  = 45.0  // what one with a greatest width shrinks to
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
	left, open := s.inner-float64(len(columns)-1)*columnGap, -1
	for i := range columns {
		c := &columns[i]
		if !c.figure && c.most == 0 {
			open = i
			continue
		}
		c.width = measure(c.label, column) + 0.5
		for _, row := range rows {
			if len(row[i]) < 200 {
				c.width = max(c.width, measure(clean(row[i]), body)+0.5)
			}
		}
		if c.most > 0 {
			c.width = min(c.width, c.most)
		}
	}
	taken := narrowed(columns, left-leastText)
	x := margin
	for i := range columns {
		if i == open {
			columns[i].width = left - taken
		}
		columns[i].x = x
		x += columns[i].width + columnGap
	}
}

// narrowed makes columns fit into room, and answers what they take. Columns of text give
// way first, as a figure on two lines is misread; then the widest do.
func narrowed(columns []tableColumn, room float64) float64 {
	total := func() (sum float64) {
		for _, c := range columns {
			sum += c.width
		}
		return sum
	}
	for i := range columns {
		if excess := total() - room; excess > 0 && columns[i].most > 0 {
			columns[i].width = max(min(columns[i].width, narrowText), columns[i].width-excess)
		}
	}
	for most := room; total() > room; most *= 0.98 {
		for i := range columns {
			columns[i].width = min(columns[i].width, most)
		}
	}
	return total()
}

func (s *sheet) heads(columns []tableColumn) block {
	var lines []textLine
	for _, c := range columns {
		for j, l := range wrapped(c.label, column, c.width) {
			if j == len(lines) {
				lines = append(lines, textLine{height: column.height()})
			}
			lines[j].spans = append(lines[j].spans, span{c.x, c.width, s.end(c), column, l})
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
		for j, l := range wrapped(cells[i], st, c.width) {
			if j == len(lines) {
				lines = append(lines, textLine{height: st.height()})
			}
			lines[j].spans = append(lines[j].spans, span{c.x, c.width, s.end(c), st, l})
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

// end tells whether a column is set at the end of its place. Figures stand at the right in
// every language, so that their decimals stand under each other.
func (s *sheet) end(c tableColumn) bool { return c.figure && !s.rtl }
