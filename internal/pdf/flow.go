package pdf

// block is what no page break parts.
type block struct {
	height float64
	draw   func(c *canvas, top float64) // nil: space, which no page begins with
	// glued keeps it on the page of the block after it.
	glued bool
	// under is drawn first where the block begins a page: a table's heads.
	under *block
}

// placed is a block on its page.
type placed struct {
	block
	top float64
}

// space is room between blocks.
func space(height float64) block { return block{height: height} }

// paged puts blocks on pages between first (on later pages next) and bottom. Blocks that
// are glued together break where they must: if they fill more than a page.
func paged(blocks []block, first, next, bottom float64) [][]placed {
	pages, y, top := [][]placed{nil}, first, first
	put := func(b block) {
		last := len(pages) - 1
		pages[last] = append(pages[last], placed{b, y})
		y += b.height
	}
	turn := func() {
		pages = append(pages, nil)
		y, top = next, next
	}
	for i := 0; i < len(blocks); {
		end, height := chain(blocks, i)
		if y+height > bottom && y > top {
			turn()
		}
		for ; i < end; i++ {
			b := blocks[i]
			if y+b.height > bottom && y > top {
				turn()
			}
			switch {
			case y == top && b.draw == nil:
				continue
			case y == top && b.under != nil:
				put(*b.under)
			}
			put(b)
		}
	}
	return pages
}

// chain answers where the blocks glued to block i end, and how high they are together.
func chain(blocks []block, i int) (end int, height float64) {
	for end = i; end < len(blocks); end++ {
		height += blocks[end].height
		if !blocks[end].glued {
			return end + 1, height
		}
	}
	return end, height
}

// glue keeps blocks together on one page.
func glue(blocks []block) []block {
	for i := range blocks[:max(len(blocks)-1, 0)] {
		blocks[i].glued = true
	}
	return blocks
}

// textLine is spans beside each other, with a rule above them if it has a width.
type textLine struct {
	height float64
	spans  []span
	rule   rule
}

type rule struct {
	x, width, thick float64
	colour          rgb
}

// stack makes one block of lines.
func stack(lines []textLine) block {
	height := 0.0
	for _, l := range lines {
		height += l.height
	}
	return block{height: height, draw: func(c *canvas, top float64) {
		for _, l := range lines {
			if l.rule.width > 0 {
				c.rule(l.rule, top)
			}
			for _, s := range l.spans {
				c.write(s, top+l.height/2)
			}
			top += l.height
		}
	}}
}

// paragraph is wrapped text in a place.
func paragraph(text string, st style, x, width float64) (lines []textLine) {
	for _, l := range wrapped(text, st, width) {
		lines = append(lines, textLine{height: st.height(), spans: []span{{x, width, false, st, l}}})
	}
	return lines
}

// beside sets two stacks side by side in one block; what is too high for that follows one
// after the other, line by line.
func beside(left, right []textLine) []block {
	l, r := stack(left), stack(right)
	if max(l.height, r.height) > 400 {
		var blocks []block
		for _, line := range append(left, right...) {
			blocks = append(blocks, stack([]textLine{line}))
		}
		return blocks
	}
	return []block{{height: max(l.height, r.height), draw: func(c *canvas, top float64) {
		l.draw(c, top)
		r.draw(c, top)
	}}}
}
