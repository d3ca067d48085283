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
		if err := r.copyRows(out, rows); err != nil {
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

func (r *run) copyRows(out *csv.Writer, rows []rejection) error {
	src, err := r.o.source()
	if err != nil {
		return err
	}
	err = copyRows(out, src, rows)
	hash, closing := src.Close()
	if err = errors.Join(err, closing); err != nil {
		return err
	}
	if hash != r.fileHash {
		return domain.Refused("import.file_changed", "the file was changed while it was being imported")
	}
	return nil
}

func copyRows(out *csv.Writer, src *csvfile.Source, rows []rejection) error {
	t, _, err := csvfile.NewTable(src)
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
		why := rows[0].why
		err = out.Write([]string{strconv.Itoa(row.Line), guard(rows[0].document), domain.CodeOf(why), guard(reasonOf(why)), guard(row.Raw)})
		if err != nil {
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
