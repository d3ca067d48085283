package csvfile

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
)

// Whatever the bytes, each line that is not empty stands in exactly one row.
func FuzzTable(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "a,b\n\"1\n2\",3\n", "a,b\n\"1\n2,3\n\"\n4\n", "a;b\n\"\"\";\"\n\"x\"y;\n", "a\n\"\n\n\"\n", "\xff\xfea\x00\n\x00", "a,b\n\xe9,\x00\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		src, err := Open(io.NopCloser(strings.NewReader(string(content))))
		if err != nil {
			return
		}
		table, _, err := NewTable(src)
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for {
			r, err := table.Next()
			if err != nil {
				break
			}
			for i := range strings.Split(r.Raw, "\n") {
				if line := r.Line + i; seen[line] {
					t.Fatalf("line %d is in two rows", line)
				} else {
					seen[line] = true
				}
			}
			if r.Bad == nil && len(r.Cells) == 0 {
				t.Fatalf("line %d has no cells and no error", r.Line)
			}
		}
		if _, err := src.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(content), "\x1f\x8b") || bytes.IndexFunc(content, func(c rune) bool { return c == 0 || c == '\uFFFD' }) >= 0 {
			return // its lines are not those of content
		}
		for i, line := range strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n") {
			if line != "" && line != "\r" && len(seen) > 0 && i+1 > first(seen) && !seen[i+1] {
				t.Fatalf("line %d was lost", i+1)
			}
		}
	})
}

func first(seen map[int]bool) int {
	least := math.MaxInt
	for line := range seen {
		least = min(least, line)
	}
	return least
}

// A number that is read is one that the domain takes, and a date likewise.
func FuzzCells(f *testing.F) {
	for _, seed := range []string{"1,234.50", "(1.5)", "£ 3", "03/04/2026", "2026-02-30", "1 Jan 2026", "-", "", "()", "\u2212\u00a07"} {
		f.Add(seed, "comma", "dmy")
		f.Add(seed, "", "")
	}
	f.Fuzz(func(t *testing.T, cell, mark, order string) {
		if mark != "comma" && mark != "point" {
			mark = ""
		}
		if order != "dmy" && order != "mdy" && order != "iso" {
			order = ""
		}
		d, dates := Decimals{Mark: mark}, Dates{Order: order}
		d.Note(cell)
		dates.Note(cell)
		if d.Settle() == nil {
			if n, err := d.Read(cell); err == nil && n.Check() != nil {
				t.Errorf("%q reads as %q", cell, n)
			}
		}
		if dates.Settle() == nil {
			if date, err := dates.Read(cell); err == nil && date.Check() != nil {
				t.Errorf("%q reads as %q", cell, date)
			}
		}
	})
}
