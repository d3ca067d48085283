package csvfile

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"portico/domain"
)

func open(t testing.TB, content string) *Source {
	t.Helper()
	src, err := Open(io.NopCloser(strings.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// records reads a file: of each row its line, its code if it is bad, and its cells.
func records(t testing.TB, content string) (header []string, rows [][]any) {
	t.Helper()
	table, header, err := NewTable(open(t, content))
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := table.Next()
		if err == io.EOF {
			return header, rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, []any{r.Line, domain.CodeOf(r.Bad), strings.Join(r.Cells, "|")})
	}
}

func TestRecords(t *testing.T) {
	long := strings.Repeat("x", maxField+1)
	for _, c := range []struct {
		name, content string
		want          [][]any
	}{
		{"plain", "a,b\n1,2\r\n\n3,\n", [][]any{{2, "", "1|2"}, {4, "", "3|"}}},
		{"no last newline", "a,b\n1,2", [][]any{{2, "", "1|2"}}},
		{"quotes, commas, newlines", "a,b\n\"1,\"\"x\"\"\",\"two\nlines\"\n3,\"\"\n", [][]any{{2, "", `1,"x"|two` + "\nlines"}, {4, "", "3|"}}},
		{"semicolons", "a;b\n1,5;2\n", [][]any{{2, "", "1,5|2"}}},
		{"tabs", "a\tb\n1\t2\n", [][]any{{2, "", "1|2"}}},
		{"a quote that is not closed spoils its row only", "a,b\n1,\"2\n3,4\n5,6\n", [][]any{{2, "csv.quote", "1"}, {3, "", "3|4"}, {4, "", "5|6"}}},
		{"closed by a later row's quote", "a,b\n1,\"2\n3,\"4\"\n5,6\n", [][]any{{2, "csv.quote", "1"}, {3, "", "3|4"}, {4, "", "5|6"}}},
		{"text after a quote", "a,b\n\"1\"x,2\n3,4\n", [][]any{{2, "csv.quote", ""}, {3, "", "3|4"}}},
		{"a bare quote", "a,b\n1,5\" disc\n3,4\n", [][]any{{2, "csv.quote", "1"}, {3, "", "3|4"}}},
		{"NUL", "a,b\n1,\x00\n", [][]any{{2, "csv.nul", "1|\x00"}}},
		{"control character", "a,b\n1,\x07\n", [][]any{{2, "csv.control_character", "1|\x07"}}},
		{"long field", "a,b\n1," + long + "\n3,4\n", [][]any{{2, "csv.field_too_long", "1"}, {3, "", "3|4"}}},
		{"long quoted field", "a,b\n1,\"" + strings.Repeat("x\n", maxField) + "\"\n", nil},
		{"long line", "a,b\n" + strings.Repeat("y", maxLine+10) + "\n3,4\n", [][]any{{2, "csv.line_too_long", ""}, {3, "", "3|4"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := records(t, c.content)
			if c.want == nil {
				if len(got) != maxField+1 || got[0][1] != "csv.quote" {
					t.Errorf("%d rows, first %v", len(got), got[0])
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	const plain = "Größe,Preis\nCafé,10 €\n"
	encode := func(e func(string) (string, error)) string {
		s, err := e(plain)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(plain))
	_ = z.Close()
	little := encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String)
	for name, content := range map[string]string{
		"UTF-8": plain, "UTF-8 with mark": "\ufeff" + plain, "gzip": zipped.String(), "UTF-16 LE": little,
		"UTF-16 BE":    encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String),
		"Windows-1252": encode(charmap.Windows1252.NewEncoder().String),
	} {
		t.Run(name, func(t *testing.T) {
			header, rows := records(t, content)
			if header[0] != "Größe" || rows[0][2] != "Café|10 €" {
				t.Errorf("%q %q", header, rows)
			}
		})
	}
	unmarked, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("Number,Price\nCafé,1\n")
	if header, rows := records(t, unmarked); err != nil || header[0] != "Number" || rows[0][2] != "Café|1" {
		t.Errorf("UTF-16 without a mark: %q %q", header, rows)
	}
}

func TestTheHashIsOfTheWholeFile(t *testing.T) {
	content := "a,b\n" + strings.Repeat("1,2\n", 100_000)
	src := open(t, content)
	if _, _, err := NewTable(src); err != nil { // and no more than that
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	if got, err := src.Close(); err != nil || got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash = %s, %v", got, err)
	}
}

func TestBrokenFiles(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("a,b\n" + strings.Repeat("1,2\n", 10_000)))
	_ = z.Close()
	src, err := Open(io.NopCloser(bytes.NewReader(zipped.Bytes()[:zipped.Len()/2])))
	if err != nil {
		t.Fatal(err)
	}
	table, _, err := NewTable(src)
	for err == nil {
		_, err = table.Next()
	}
	if domain.CodeOf(err) != "import.unreadable" {
		t.Errorf("cut gzip: %v", err)
	}
	if _, err := Open(io.NopCloser(strings.NewReader("\x1f\x8bnonsense"))); domain.CodeOf(err) != "import.unreadable" {
		t.Errorf("no gzip: %v", err)
	}
	if _, _, err := NewTable(open(t, "\n\n")); domain.CodeOf(err) != "import.empty" {
		t.Errorf("empty: %v", err)
	}
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		mark, cells, want, code string // what each cell reads as, or the code of the refusal
	}{
		{"", "1,234.50|7|2.5", "1234.50|7|2.5", ""},
		{"", "1.234,50|1.000|-0,5", "1234.50|1000|-0.5", ""},
		{"", "1.234.567|1,5", "1234567|1.5", ""},
		{"", "£1 234.50|(12.30)|+4|1'000.00|-£2.00|3.00 €", "1234.50|-12.30|4|1000.00|-2.00|3.00", ""},
		{"", "0.125|1,234", "0.125|1234", ""},
		{"", "12|100", "12|100", ""},
		{"", "1,234|5", "", "import.ambiguous_decimals"},
		{"", "1.234", "", "import.ambiguous_decimals"},
		{"", "1,5|2.5", "", "import.mixed_decimals"},
		{"point", "1.234", "1.234", ""},
		{"comma", "1.234", "1234", ""},
		{"point", "1,5", "", "number.malformed"},
		{"point", "12,34,567", "", "number.malformed"},
		{"point", "1e5", "", "number.malformed"},
		{"point", "NaN", "", "number.malformed"},
		{"point", "", "", "number.malformed"},
		{"point", "--1", "", "number.malformed"},
		{"point", "1.2.3", "", "number.malformed"},
		{"point", strings.Repeat("9", 41), "", "decimal.malformed"},
	} {
		d := Decimals{Mark: c.mark}
		for _, cell := range strings.Split(c.cells, "|") {
			d.Note(cell)
		}
		err, got := d.Settle(), []string(nil)
		for _, cell := range strings.Split(c.cells, "|") {
			if err == nil {
				var n domain.Decimal
				n, err = d.Read(cell)
				got = append(got, string(n))
			}
		}
		if domain.CodeOf(err) != c.code || c.code == "" && strings.Join(got, "|") != c.want {
			t.Errorf("%s %q = %q, %v", c.mark, c.cells, got, err)
		}
	}
}

func TestMoneyIsNotRounded(t *testing.T) {
	d := Decimals{Mark: "point"}
	if m, err := d.Money("12.340", "GBP"); m != 1_234 || err != nil {
		t.Errorf("12.340 = %d, %v", m, err)
	}
	if _, err := d.Money("12.345", "GBP"); domain.CodeOf(err) != "money.too_fine" {
		t.Errorf("12.345: %v", err)
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct{ order, cells, want, code string }{
		{"", "13/04/2026|03/04/2026", "2026-04-13|2026-04-03", ""},
		{"", "04/13/2026|03/04/2026", "2026-04-13|2026-03-04", ""},
		{"", "2026-04-13 10:00:00|13 Apr 2026|Apr 13, 2026|13-Apr-26|2026/4/3", "2026-04-13|2026-04-13|2026-04-13|2026-04-13|2026-04-03", ""},
		{"", "31.1.24|04.04.2024", "2024-01-31|2024-04-04", ""},
		{"", "04/04/2024", "2024-04-04", ""},
		{"", "03/04/2024|2024-04-03", "", "import.ambiguous_dates"},
		{"", "13/04/2024|04/13/2024", "", "import.mixed_dates"},
		{"mdy", "03/04/2024", "2024-03-04", ""},
		{"dmy", "03/04/2024", "2024-04-03", ""},
		{"iso", "03/04/2024", "", "date.malformed"},
		{"dmy", "04/13/2024", "", "date.malformed"},
		{"dmy", "31/02/2024", "", "date.malformed"},
		{"dmy", "", "", "date.malformed"},
	} {
		d := Dates{Order: c.order}
		for _, cell := range strings.Split(c.cells, "|") {
			d.Note(cell)
		}
		err, got := d.Settle(), []string(nil)
		for _, cell := range strings.Split(c.cells, "|") {
			if err == nil {
				var date domain.Date
				date, err = d.Read(cell)
				got = append(got, string(date))
			}
		}
		if domain.CodeOf(err) != c.code || c.code == "" && strings.Join(got, "|") != c.want {
			t.Errorf("%s %q = %q, %v", c.order, c.cells, got, err)
		}
	}
}

func TestColumns(t *testing.T) {
	fields := map[string][]string{"number": {"Invoice No", "Number"}, "total": {"Total"}}
	got, err := Find([]string{"Number", "*InvoiceNo.", "TOTAL"}, fields, "number", "total")
	if d := cmp.Diff(Columns{"number": 1, "total": 2}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, names := range [][]string{{"Number"}, {"Total", "total", "Number"}} {
		if _, err := Find(names, fields, "number", "total"); domain.CodeOf(err) != "import.columns" {
			t.Errorf("%v: %v", names, err)
		}
	}
	if cell := (Columns{"number": 1}).Of([]string{"a"}, "number"); cell != "" {
		t.Errorf("a short row's cell = %q", cell)
	}
}
