package importer

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/internal/csvfile"
)

// The limits of a file. They keep a hostile file from filling the memory: everything
// that is read is kept until the last row has come, since the rows of a document need
// not stand together.
const (
	maxRows = 5_000_000
	maxText = 512 << 20 // bytes of cells kept, each different one counted once
)

func (o Options) source() (*csvfile.Source, error) {
	file, err := io.ReadCloser(nil), error(nil)
	if o.Open != nil {
		file, err = o.Open()
	} else {
		file, err = os.Open(o.Path)
	}
	if err != nil {
		return nil, err
	}
	return csvfile.Open(file)
}

// read takes the whole file in.
func (r *run) read(ctx context.Context) error {
	src, err := r.o.source()
	if err != nil {
		return err
	}
	err = r.readTable(ctx, src)
	hash, closing := src.Close()
	if err != nil {
		return err
	}
	r.fileHash, r.recoded = hash, src.Recoded
	r.texts, r.byNumber = interned{}, nil // the documents hold what they need
	r.id = domain.DerivedID(commands.TenantID(r.o.By.Tenant), "import", r.o.Format, r.o.Profile, hash)
	if r.o.RunID != uuid.Nil {
		r.id = r.o.RunID
	}
	return closing
}

func (r *run) readTable(ctx context.Context, src *csvfile.Source) error {
	t, names, err := csvfile.NewTable(src)
	if err != nil {
		return err
	}
	if err := r.format.header(names); err != nil {
		return err
	}
	around := neighbours{}
	for {
		row, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if r.rows++; r.rows > maxRows {
			return domain.Invalid("import.too_many_rows", "the file has more than %d rows: split it", maxRows)
		}
		if err := r.take(&around, row, len(names)); err != nil {
			return err
		}
		if r.rows%10_000 == 0 {
			if r.tally.progress(r, true); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
}

// take files a row under its document.
func (r *run) take(around *neighbours, row csvfile.Row, width int) error {
	if row.Bad == nil && strings.Join(row.Cells, "") == "" {
		r.blank++
		return nil
	}
	if row.Bad == nil && len(row.Cells) != width {
		row.Bad = domain.Invalid("csv.columns", "line %d has %d fields, the header has %d", row.Line, len(row.Cells), width)
	}
	key := r.key(row)
	if key == "" {
		around.strayed(row.Line, row.Bad != nil)
		if row.Bad == nil {
			row.Bad = domain.Invalid("document.no_number", "line %d names no document", row.Line)
		}
		r.strays = append(r.strays, stray{int32(row.Line), row.Bad})
		return nil
	}
	d := r.document(key)
	around.found(d)
	d.lines = append(d.lines, int32(row.Line))
	if row.Bad == nil && len(d.lines) > domain.MaxLines {
		row.Bad = domain.Invalid("document.lines", "a document has 1 to %d lines", domain.MaxLines)
	}
	if row.Bad == nil && d.bad == nil {
		if err := r.format.add(r, d, row); err != nil {
			row.Bad = fmt.Errorf("line %d: %w", row.Line, err)
		}
	}
	if d.bad == nil {
		d.bad = row.Bad
	}
	return r.texts.full()
}

// key is the number of a row's document, empty if the row has none or is in such disorder
// that its cells cannot be told apart.
func (r *run) key(row csvfile.Row) string {
	at := r.format.key()
	if at >= len(row.Cells) || at > 0 && domain.CodeOf(row.Bad) == "csv.columns" {
		return ""
	}
	return strings.TrimSpace(row.Cells[at])
}

func (r *run) document(number string) *document {
	if d, known := r.byNumber[number]; known {
		return d
	}
	d := &document{number: r.texts.intern(number)}
	r.byNumber[d.number], r.documents = d, append(r.documents, d)
	if len(number) > 60 {
		d.bad = domain.Invalid("document.number_too_long", "a number has at most 60 bytes: %q", csvfile.Clip(number))
	}
	return d
}

// neighbours holds back the documents on both sides of a row that cannot be read: it may
// be a line of either, and a document is taken whole or not at all. A row that can be read
// but names no document may go on with the one before it.
type neighbours struct {
	last  *document
	stray int // line of the unreadable row just before, or 0
}

func (n *neighbours) strayed(line int, unreadable bool) {
	if unreadable {
		n.stray = line
	}
	if n.last != nil {
		n.last.hold(line)
	}
}

func (n *neighbours) found(d *document) {
	if n.stray != 0 {
		d.hold(n.stray)
	}
	n.last, n.stray = d, 0
}

func (d *document) hold(line int) {
	if d.bad == nil {
		d.bad = domain.Invalid("document.beside_unreadable", "line %d, beside its rows, cannot be read and may be a part of it", line)
	}
}

// interned keeps one copy of each text.
type interned struct {
	texts map[string]string
	size  int
}

func (t *interned) intern(s string) string {
	if known, ok := t.texts[s]; ok {
		return known
	}
	if t.texts == nil {
		t.texts = map[string]string{}
	}
	s = strings.Clone(s)
	t.texts[s] = s
	t.size += len(s)
	return s
}

func (t *interned) full() error {
	if t.size > maxText {
		return domain.Invalid("import.too_large", "the file holds more than %d bytes of different texts: split it", maxText)
	}
	return nil
}
