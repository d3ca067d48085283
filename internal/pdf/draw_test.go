package pdf

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"portico/domain"
)

func mustDraw(t *testing.T, p Paper) Drawn {
	t.Helper()
	d, err := Draw(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// tool runs a program over a file and answers what it prints.
func tool(t *testing.T, file []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		if a == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

var spaces = regexp.MustCompile(`[\s\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{00A0}]+`)

// flat is text without what a reader of files may add: forms of letters, marks, columns.
func flat(s string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(norm.NFKC.String(s), " "))
}

// said is all text of a file.
func said(t *testing.T, file []byte) string {
	return flat(tool(t, file, "pdftotext", "-layout", "FILE", "-"))
}

func samples() map[string]Paper {
	all := map[string]Paper{}
	for language := range who {
		all[language+" invoice"] = sample(language, 5)
		all[language+" statement"] = sampleStatement(language, 14)
	}
	memo := sample("en-GB", 1)
	memo.Kind, memo.Issuer.Logo, memo.Tax, memo.Gross, memo.Sums = "credit_memo", nil, nil, memo.Net, nil
	all["credit memo"] = memo
	return all
}

// S0.8, S0.9: what a customer holds can be made again, byte for byte: again, at the same
// time, and elsewhere.
func TestTheSamePaperIsTheSameBytes(t *testing.T) {
	if dir := os.Getenv("PDF_TEST_ELSEWHERE"); dir != "" {
		for name, p := range samples() {
			if strings.HasPrefix(name, "es") || strings.HasPrefix(name, "de") {
				continue // as good as the others
			}
			if err := os.WriteFile(filepath.Join(dir, name), mustDraw(t, p).Bytes, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	elsewhere := exec.Command(os.Args[0], "-test.run=^TestTheSamePaperIsTheSameBytes$")
	elsewhere.Env = append(os.Environ(), "PDF_TEST_ELSEWHERE="+dir, "TZ=Pacific/Kiritimati", "LANG=ar_EG.UTF-8", "LC_ALL=tr_TR.UTF-8", "HOME=/nonexistent")
	if out, err := elsewhere.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"en-US invoice", "pl invoice", "ar statement"} {
		p := samples()[name]
		there, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var drawing sync.WaitGroup
		for range 3 {
			drawing.Go(func() {
				if d, err := Draw(p); err != nil || !bytes.Equal(d.Bytes, there) {
					t.Errorf("%s: other bytes than in another process (%v)", name, err)
				}
			})
		}
		drawing.Wait()
	}
}

func TestEveryWordOfAPaperCanBeReadFromTheFile(t *testing.T) {
	for name, p := range samples() {
		text := said(t, mustDraw(t, p).Bytes)
		for _, want := range expected(p) {
			if !strings.Contains(text, flat(want)) {
				t.Errorf("%s: does not say %q\n%s", name, want, text)
			}
		}
	}
}

// expected is what a file must say, in parts that cannot be wrapped.
func expected(p Paper) (all []string) {
	s := speak(p.Language)
	words := func(text string) {
		all = append(all, strings.FieldsFunc(text, func(r rune) bool {
			// Where Arabic meets signs, pdftotext orders them its own way.
			return r == ' ' || s.rtl && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		})...)
	}
	words(s.label(p.Kind))
	words(p.Issuer.Name)
	words(p.Customer.Name)
	for _, l := range append(p.Customer.Address, p.Issuer.Address...) {
		words(l)
	}
	for _, l := range p.Issuer.Payment {
		if p.Kind != "credit_memo" {
			words(l)
		}
	}
	for _, f := range p.Facts {
		words(s.label(f.Label))
		all = append(all, f.Value, s.day(f.Date))
	}
	for _, l := range p.Lines {
		all = append(all, l.SKU, s.number(l.Quantity), s.price(l.UnitPrice, p.Currency), s.percent(l.Discount), s.percent(l.TaxRate), s.figure(l.Minor, p.Currency))
		if len(l.Text) < 70 {
			words(l.Text)
		}
	}
	for _, l := range p.Tax {
		all = append(all, s.percent(l.Rate), l.Code, s.figure(l.Net, p.Currency), s.figure(l.Minor, p.Currency))
	}
	for _, e := range p.Entries {
		all = append(all, s.day(e.On), e.Number, s.figure(e.Minor, p.Currency), s.figure(e.Balance, p.Currency))
		words(s.label(e.Kind))
	}
	for _, sum := range append(p.Sums, p.Ageing...) {
		words(s.label(sum.Label))
		all = append(all, s.figure(max(sum.Minor, -sum.Minor), p.Currency))
	}
	if p.Kind == "statement" {
		return append(all, s.figure(p.Opening, p.Currency), s.figure(p.Closing, p.Currency), p.Number, p.Hash, p.VerifyURL)
	}
	if len(p.Tax) > 0 {
		all = append(all, s.figure(p.Gross-p.Net, p.Currency))
	}
	return append(all, s.figure(p.Net, p.Currency), s.figure(p.Gross, p.Currency), p.Number, p.Hash, p.VerifyURL)
}

// Of 1,114 lines every one is there, whole and in order, and every page says which it is.
func TestALongInvoiceHasEveryLineOnce(t *testing.T) {
	p := sample("en-GB", 1_114)
	d := mustDraw(t, p)
	pages := strings.Split(strings.TrimSuffix(tool(t, d.Bytes, "pdftotext", "-layout", "FILE", "-"), "\f"), "\f")
	if len(pages) != d.Pages {
		t.Fatalf("%d pages, said to be %d", len(pages), d.Pages)
	}
	next := 0
	for i, page := range pages {
		if !strings.Contains(page, fmt.Sprintf("Page %d of %d", i+1, len(pages))) || !strings.Contains(page, sampleHash) || !strings.Contains(page, sampleURL) {
			t.Errorf("page %d lacks its number, hash or address", i+1)
		}
		if !strings.Contains(page, "Unit price") {
			t.Errorf("page %d lacks the table's head", i+1)
		}
		for row := range strings.SplitSeq(page, "\n") {
			if !strings.HasPrefix(strings.TrimSpace(row), "P-") {
				continue
			}
			l := p.Lines[next]
			if fields := strings.Fields(row); fields[0] != l.SKU || fields[len(fields)-1] != speak("en-GB").figure(l.Minor, "GBP") {
				t.Fatalf("line %d is %q", next, row)
			}
			next++
		}
	}
	if next != len(p.Lines) {
		t.Errorf("%d lines of %d", next, len(p.Lines))
	}
	last := pages[len(pages)-1]
	if !strings.Contains(last, "To pay") || strings.Count(last, "P-1") < 2 {
		t.Errorf("the totals do not stand below at least two lines:\n%s", last)
	}
}

// Wherever the table ends, two of its lines stand on the page of all that it comes to.
func TestTotalsAreNeverAlone(t *testing.T) {
	for lines := 19; lines <= 28; lines++ {
		p := sample("en-GB", lines)
		for i := range p.Lines {
			p.Lines[i].Text = "Labour"
		}
		pages := strings.Split(tool(t, mustDraw(t, p).Bytes, "pdftotext", "-layout", "FILE", "-"), "\f")
		for _, page := range pages {
			if !strings.Contains(page, "Withheld") {
				continue
			}
			if !strings.Contains(page, "To pay") || !strings.Contains(page, "Tax rate") || strings.Count(page, "Labour") < 2 {
				t.Errorf("%d lines: the totals are parted, or alone:\n%s", lines, page)
			}
		}
	}
}

func TestFilesAreSoundAndFontsEmbedded(t *testing.T) {
	for name, p := range samples() {
		d := mustDraw(t, p)
		if out := tool(t, d.Bytes, "qpdf", "--check", "FILE"); strings.Contains(out, "WARNING") {
			t.Errorf("%s: %s", name, out)
		}
		for font := range strings.SplitSeq(strings.TrimSpace(strings.SplitN(tool(t, d.Bytes, "pdffonts", "FILE"), "---\n", 2)[1]), "\n") {
			if f := strings.Fields(font); f[len(f)-5] != "yes" || f[len(f)-3] != "yes" {
				t.Errorf("%s: a font that is not embedded, or not Unicode: %s", name, font)
			}
		}
	}
}

func TestAFileSaysWhatItIs(t *testing.T) {
	d := mustDraw(t, sample("ar", 1))
	info := tool(t, d.Bytes, "pdfinfo", "-isodates", "FILE")
	for _, want := range []string{"Title: +فاتورة INV-20418", "Author: +شركة الخليج", "CreationDate: +2026-10-31", "Pages: +1", "JavaScript: +no", "Form: +none", "Encrypted: +no", "A4"} {
		if !regexp.MustCompile(want).MatchString(info) {
			t.Errorf("no %q in\n%s", want, info)
		}
	}
	if !bytes.Contains(d.Bytes, []byte("/Lang "+literal("ar"))) || !bytes.Contains(d.Bytes, []byte("/Direction /R2L")) {
		t.Error("the file does not say its language or direction")
	}
	if us := tool(t, mustDraw(t, sample("en-US", 1)).Bytes, "pdfinfo", "FILE"); !strings.Contains(us, "letter") {
		t.Errorf("an American paper is not of Letter size\n%s", us)
	}
}

// SECURITY §4, PDF injection: whatever text says, it is text.
func TestTextCannotAct(t *testing.T) {
	evil := "(\\)/JS) endstream endobj 9 0 obj<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>/URI(http://evil)/Launch/EmbeddedFile>> <FEFF> %\x00\x1b\u202Egpj\u2066 😀 \r\n"
	p := sample("en-GB", 1)
	p.Issuer.Name, p.Customer.Name, p.Number, p.Note, p.Issuer.Footer, p.Hash, p.VerifyURL = evil, evil, evil, evil, evil, evil, evil
	p.Currency, p.Kind, p.Issuer.Colour = evil, evil, evil
	p.Facts = append(p.Facts, Fact{Label: evil, Value: evil}, Fact{Label: evil, Date: domain.Date(evil)})
	p.Sums = []Sum{{evil, 1}}
	p.Lines = append(p.Lines, domain.Line{SKU: evil, Text: evil, Quantity: domain.Decimal(evil), UnitPrice: domain.Decimal(evil), TaxCode: evil})
	p.Tax = []domain.TaxLine{{Code: evil, Rate: domain.Decimal(evil)}}
	p.Issuer.Payment, p.Issuer.Logo = []string{evil, strings.Repeat("x", 500)}, []byte(evil)
	d := mustDraw(t, p)
	inside := tool(t, d.Bytes, "qpdf", "--qdf", "--object-streams=disable", "--stream-data=uncompress", "FILE", "-")
	for _, act := range []string{"/JS", "/JavaScript", "/Launch", "/URI", "/EmbeddedFile", "/OpenAction", "/AA", "/Annots", "/AcroForm", "/RichMedia", "/Names"} {
		if strings.Contains(inside, act) {
			t.Errorf("the file has %s", act)
		}
	}
	if text := said(t, d.Bytes); !strings.Contains(text, `(\)/JS)`) || strings.ContainsAny(text, "\x00\x1b\u202e") {
		t.Errorf("the text is not what it was: %s", text)
	}
}
