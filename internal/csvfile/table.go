package csvfile

import (
	"io"
	"strings"
	"unicode"

	"portico/domain"
)

// Row is one record of a file.
type Row struct {
	Line  int      // the file's line it begins at, from 1
	Cells []string // as far as they could be read
	Raw   string
	Bad   error // why it cannot be read to its end
}

// Table reads a file's records by RFC 4180, strictly: a quote that is not closed or
// stands where none may be spoils its own row and none of the others.
type Table struct {
	src       *Source
	separator byte
}

// NewTable reads the header, by which it knows the separator.
func NewTable(src *Source) (*Table, []string, error) {
	for {
		l, err := src.readLine()
		if err == io.EOF {
			return nil, nil, domain.Invalid("import.empty", "the file is empty: its first row must name the columns")
		}
		if err != nil {
			return nil, nil, err
		}
		if strings.TrimSpace(l.text) == "" {
			continue
		}
		t := &Table{src, mostFrequent(l.text, ",;\t|")}
		r := t.parse(l)
		return t, r.Cells, r.Bad
	}
}

func mostFrequent(line, candidates string) byte {
	best := candidates[0]
	for _, c := range []byte(candidates) {
		if strings.Count(line, string(c)) > strings.Count(line, string(best)) {
			best = c
		}
	}
	return best
}

// Next is the next record that is not an empty line, or io.EOF.
func (t *Table) Next() (Row, error) {
	for {
		l, err := t.src.readLine()
		if err != nil {
			return Row{}, err
		}
		if l.text != "" {
			return t.parse(l), nil
		}
	}
}

func (t *Table) parse(l line) Row {
	r := Row{Line: t.src.no, Raw: l.text}
	switch {
	case l.cut:
		r.Raw = strings.ToValidUTF8(l.text[:1_000], "")
		r.Bad = domain.Invalid("csv.line_too_long", "line %d is longer than %d bytes", r.Line, maxLine)
	case strings.IndexByte(l.text, '"') < 0:
		r.Cells = strings.Split(l.text, string(t.separator))
	default:
		t.quoted(&r)
	}
	for i, cell := range r.Cells {
		if r.Bad == nil {
			r.Bad = checkCell(cell, r.Line)
		}
		if r.Bad != nil && len(cell) > maxField {
			r.Cells = r.Cells[:i]
			break
		}
	}
	return r
}

func checkCell(cell string, line int) error {
	if len(cell) > maxField {
		return domain.Invalid("csv.field_too_long", "a field of line %d is longer than %d bytes", line, maxField)
	}
	for _, c := range cell {
		switch {
		case c == 0:
			return domain.Invalid("csv.nul", "line %d holds a NUL byte", line)
		case unicode.IsControl(c) && c != '\t' && c != '\n' && c != '\r':
			return domain.Invalid("csv.control_character", "line %d holds the control character %U", line, c)
		}
	}
	return nil
}

// quoted parses a record with quotes, which may go on over several lines. If it cannot,
// the lines after its first one are given back.
func (t *Table) quoted(r *Row) {
	text, lines := r.Raw, []line(nil)
	malformed := func(format string, args ...any) {
		t.src.back(lines)
		r.Raw, _, _ = strings.Cut(r.Raw, "\n")
		r.Bad = domain.Invalid("csv.quote", format, args...)
	}
	for {
		cell := text
		if !strings.HasPrefix(text, `"`) {
			end := strings.IndexByte(text, t.separator)
			if end >= 0 {
				cell, text = text[:end], text[end+1:]
			}
			if strings.IndexByte(cell, '"') >= 0 {
				malformed("line %d: a quote stands in a field that is not quoted: write it twice and quote the field", r.Line+len(lines))
				return
			}
			r.Cells = append(r.Cells, cell)
			if end < 0 {
				return
			}
			continue
		}
		cell, rest, more, closed := t.untilQuote(text[1:])
		lines = append(lines, more...)
		for _, m := range more {
			r.Raw += "\n" + m.text
		}
		if !closed || len(r.Raw) > maxLine {
			malformed("line %d: a quote is opened and not closed", r.Line+len(lines)-len(more))
			return
		}
		if rest != "" && rest[0] != t.separator {
			malformed("line %d: text follows a closing quote", r.Line+len(lines))
			return
		}
		if r.Cells = append(r.Cells, cell); rest == "" {
			return
		}
		text = rest[1:]
	}
}

// untilQuote reads a quoted field, its opening quote taken: up to the closing one, over
// as many more lines as that takes.
func (t *Table) untilQuote(text string) (cell, rest string, more []line, closed bool) {
	var b strings.Builder
	for {
		end := strings.IndexByte(text, '"')
		if end >= 0 {
			b.WriteString(text[:end])
			text = text[end+1:]
			if !strings.HasPrefix(text, `"`) {
				return b.String(), text, more, true
			}
			b.WriteByte('"')
			text = text[1:]
			continue
		}
		b.WriteString(text)
		if b.Len() > maxField {
			return "", "", more, false
		}
		l, err := t.src.readLine()
		if err != nil {
			t.src.no-- // nothing was read; an error other than the end comes again
			return "", "", more, false
		}
		if more = append(more, l); l.cut {
			return "", "", more, false
		}
		b.WriteByte('\n')
		text = l.text
	}
}
