package pdf

// sheet is a paper being laid out.
type sheet struct {
	Paper
	tongue
	colour        rgb
	logo          picture
	width, height float64
	inner         float64 // between the margins
}

// Draw draws a paper. It is safe for concurrent use.
func Draw(p Paper) (Drawn, error) {
	s := &sheet{Paper: p, tongue: speak(p.Language), colour: readable(p.Issuer.Colour),
		logo: ready(p.Issuer.Logo), width: 595.28, height: 841.89}
	if s.name == "en-US" {
		s.width, s.height = 612, 792
	}
	s.inner = s.width - 2*margin
	foot := s.foot()
	pages := paged(s.blocks(), margin, margin+runningHead, s.height-margin/2-foot.height)

	c := newCanvas(s.width, s.height, s.rtl)
	for i, page := range pages {
		c.page()
		if i > 0 {
			s.running(c)
		}
		for _, b := range page {
			if b.draw != nil {
				b.draw(c, b.top)
			}
		}
		foot.draw(c, i+1, len(pages))
	}
	file, err := c.bytes(about{title: s.heading(), author: p.Issuer.Name, language: s.name, rtl: s.rtl, on: s.on()})
	return Drawn{file, len(pages)}, err
}

func (s *sheet) blocks() []block {
	blocks := append(s.head(), space(16))
	if note := paragraph(s.Note, body, margin, s.inner); len(note) > 0 {
		for _, line := range note {
			blocks = append(blocks, stack([]textLine{line}))
		}
		blocks = append(blocks, space(12))
	}
	var rows, end []block
	if s.Kind == "statement" {
		rows, end = s.entries(), s.ages()
	} else {
		rows, end = s.lines(), s.totals()
	}
	// The last two rows stay with what they add up to.
	for i := max(0, len(rows)-2); i < len(rows) && len(end) > 0; i++ {
		rows[i].glued = true
	}
	blocks = append(append(blocks, rows...), end...)
	return append(blocks, s.payment()...)
}
