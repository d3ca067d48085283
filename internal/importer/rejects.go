package importer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"portico/domain"
	"portico/internal/csvfile"
)

// rejection is one row that was not taken.
type rejection struct {
	line     int32
	document string
	why      error
}

var rejectsHeader = []string{"line", "document", "code", "reason", "row"}

// writeRejects writes the rows that were not taken, as they stand in the file, which it
// reads a second time for that. The file appears whole or not at all. It holds personal
// data: only its owner may read it.
func (r *run) writeRejects() (err error) {
	if r.o.Reject != nil {
		return r.giveRejects()
	}
	if r.o.Rejects == "" {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(r.o.Rejects), ".rejects-*")
	if err != nil {
		return fmt.Errorf("writing the rejects: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing the rejects: %w", err), temp.Close(), os.Remove(temp.Name()))
		}
	}()
	buffered := bufio.NewWriter(temp)
	out := csv.NewWriter(buffered)
	if err := out.Write(rejectsHeader); err != nil {
		return err
	}
	if rows := r.rejected(); len(rows) > 0 {
		if err := r.eachRow(rows, func(why rejection, row csvfile.Row, _ int) error {
			return out.Write([]string{strconv.Itoa(row.Line), guard(why.document), domain.CodeOf(why.why), guard(reasonOf(why.why)), guard(row.Raw)})
		}); err != nil {
			return err
		}
	}
	out.Flush()
	if err := errors.Join(out.Error(), buffered.Flush()); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), r.o.Rejects)
}

// Rejected is a row that cannot be taken.
type Rejected struct {
	Line     int
	Document string
	Code     string
	Reason   string
	Cells    []string // one alone, the whole row, if its cells cannot be told apart
}

func (r *run) giveRejects() error {
	rows := r.rejected()
	if len(rows) == 0 {
		return nil
	}
	return r.eachRow(rows, func(why rejection, row csvfile.Row, width int) error {
		if len(row.Cells) != width {
			row.Cells = []string{row.Raw}
		}
		return r.o.Reject(Rejected{row.Line, why.document, domain.CodeOf(why.why), reasonOf(why.why), row.Cells})
	})
}

// eachRow reads the file again, and gives f the rejected rows as they stand in it.
func (r *run) eachRow(rows []rejection, f func(why rejection, row csvfile.Row, width int) error) error {
	src, err := r.o.source()
	if err != nil {
		return err
	}
	err = rowsOf(src, rows, f)
	hash, closing := src.Close()
	if err = errors.Join(err, closing); err != nil {
		return err
	}
	if hash != r.fileHash {
		return domain.Refused("import.file_changed", "the file was changed while it was being imported")
	}
	return nil
}

func rowsOf(src *csvfile.Source, rows []rejection, f func(rejection, csvfile.Row, int) error) error {
	t, names, err := csvfile.NewTable(src)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		row, err := t.Next()
		if err == io.EOF {
			return nil // it was changed: the hash tells
		}
		if err != nil {
			return err
		}
		if row.Line != int(rows[0].line) {
			continue
		}
		if err := f(rows[0], row, len(names)); err != nil {
			return err
		}
		rows = rows[1:]
	}
	return nil
}

// guard keeps a spreadsheet from taking a cell for a formula.
func guard(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// reasonOf is an error for people: the code stands in a column of its own.
func reasonOf(err error) string {
	var e *domain.Error
	if errors.As(err, &e) {
		return strings.Replace(err.Error(), e.Code+": ", "", 1)
	}
	return err.Error()
}
