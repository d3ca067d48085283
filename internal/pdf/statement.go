package pdf

// entries is the table of a statement, between the balances it opens and closes with.
func (s *sheet) entries() []block {
	columns := []tableColumn{
		{label: s.label("date"), most: 80},
		{label: s.label("entry"), most: 100},
		{label: s.label("document"), most: 90},
		{label: s.label("description")},
		{label: s.label("amount") + " (" + oneLine(s.Currency) + ")", figure: true},
		{label: s.label("balance"), figure: true},
	}
	rows := [][]string{{"", "", "", s.label("opening_balance"), "", s.figure(s.Opening, s.Currency)}}
	for _, e := range s.Entries {
		rows = append(rows, []string{s.day(e.On), s.label(e.Kind), e.Number, e.Text,
			s.figure(e.Minor, s.Currency), s.figure(e.Balance, s.Currency)})
	}
	if len(s.Entries) == 0 {
		rows = append(rows, []string{"", "", "", s.label("nothing_happened"), "", ""})
	}
	return s.table(columns, rows)
}

// ages are the balance the statement closes with, and how old it is.
func (s *sheet) ages() []block {
	blocks := glue([]block{space(8), stack([]textLine{s.sum("closing_balance", s.Closing, true)})})
	for from := 0; from < len(s.Ageing); from += agesAcross {
		blocks = append(blocks, s.ageing(s.Ageing[from:min(from+agesAcross, len(s.Ageing))], from == 0)...)
	}
	return blocks
}

const agesAcross = 5

// ageing is one row of ages, each amount under its label.
func (s *sheet) ageing(ages []Sum, first bool) []block {
	width := (s.inner - (agesAcross-1)*columnGap) / agesAcross
	var lines []textLine
	if first {
		lines = paragraph(s.label("ageing"), strong, margin, s.inner)
	}
	labels, amounts := textLine{height: 16}, textLine{height: 14}
	labels.rule = rule{margin, s.inner, 0.5, hairline}
	for i, a := range ages {
		x := margin + float64(i)*(width+columnGap)
		labels.spans = append(labels.spans, span{x, width, true, hint, cut(s.label(a.Label), hint, width)})
		amounts.spans = append(amounts.spans, span{x, width, true, body, s.figure(a.Minor, s.Currency)})
	}
	return glue([]block{space(14), stack(append(lines, labels, amounts))})
}
