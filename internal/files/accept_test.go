package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portico/domain"
)

func folder(t testing.TB) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	return opened(t, "file://"+dir), dir
}

func opened(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *Store) bytes(t testing.TB, sha256 string) []byte {
	t.Helper()
	r, err := s.Read(t.Context(), sha256)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kept are the names of what a folder holds, at whatever depth.
func kept(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

const (
	script  = "<script>alert(document.domain)</script>"
	page    = "<!DOCTYPE html><html><body>" + script
	drawing = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`
	refuse  = "file.type_refused"
	differ  = "file.type_differs"
	broken  = "file.damaged"
	pixels  = "file.image_too_large"
	macros  = "file.has_macros"
	unpacks = "file.unpacks_too_large"
)

// evil is what must not get in as it is: what is refused, and with which code; or, if there
// is none, what must not be left in what is kept of it.
var evil = []struct {
	what, name, declared string
	data                 []byte
	code                 string
	gone                 string
}{
	{"a drawing with a script", "x.svg", "image/svg+xml", []byte(drawing), refuse, ""},
	{"a drawing that is said to be a picture", "x.png", "image/png", []byte(drawing), refuse, ""},
	{"a drawing that is said to be text", "x.txt", "text/plain", []byte(drawing), refuse, ""},
	{"a page", "x.html", "text/html", []byte(page), refuse, ""},
	{"a page that is said to be a picture", "x.png", "image/png", []byte(page), refuse, ""},
	{"a page that is said to be text", "x.txt", "text/plain", []byte(page), refuse, ""},
	{"a page that is declared as one, under a good name", "x.txt", "text/html", []byte("hello"), refuse, ""},
	{"a page after a byte order mark", "x.txt", "text/plain", []byte("\ufeff" + page), refuse, ""},
	{"a page in UTF-16", "x.txt", "text/plain", inUTF16(page), refuse, ""},
	{"a page after much space", "x.txt", "", []byte(strings.Repeat(" \n", 600) + page), refuse, ""},
	{"a page in a comment's company", "x.csv", "text/csv", []byte("<!-- a,b -->" + page), refuse, ""},
	{"a page in upper case, later on", "x.txt", "text/plain", []byte("hello\n\n<SCRIPT SRC=//evil>"), refuse, ""},
	{"a page that is said to be a PDF", "x.pdf", "application/pdf", []byte(page), refuse, ""},
	{"XML", "x.xml", "text/xml", []byte(`<?xml version="1.0"?><a/>`), refuse, ""},
	{"XML that is said to be text", "x.txt", "text/plain", []byte(`<?xml version="1.0"?><a/>`), refuse, ""},
	{"a style sheet of XML", "x.txt", "text/plain", []byte(`<xsl:stylesheet version="1.0">`), refuse, ""},
	{"a program's source", "x.js", "text/javascript", []byte("alert(1)"), refuse, ""},
	{"a script for a shell", "x.txt", "text/plain", []byte("#!/bin/sh\nrm -rf /\n"), refuse, ""},
	{"a script for PHP", "x.txt", "text/plain", []byte("<?php system($_GET[0]);"), refuse, ""},
	{"PHP behind two extensions", "x.php.jpg", "image/jpeg", []byte("<?php system($_GET[0]);"), refuse, ""},
	{"a program for Windows", "x.exe", "", []byte("MZ\x90\x00"), refuse, ""},
	{"a program for Windows that is said to be a PDF", "x.pdf", "application/pdf", append([]byte("MZ\x90\x00"), make([]byte, 500)...), refuse, ""},
	{"a program for Linux that is said to be text", "x.txt", "text/plain", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00>\x00"), refuse, ""},
	{"a program behind two extensions", "invoice.pdf.exe", "application/pdf", aPDF(""), refuse, ""},
	{"an archive", "x.zip", "application/zip", zipped(part{"a", "b"}), refuse, ""},
	{"an archive that is said to be a document", "x.docx", "", zipped(part{"a", "b"}), differ, ""},
	{"an archive that is said to be a picture", "x.jpg", "image/jpeg", zipped(part{"a", "b"}), refuse, ""},
	{"a packed file", "x.csv", "text/csv", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), refuse, ""},
	{"rich text", "x.txt", "text/plain", []byte(`{\rtf1\ansi{\*\generator Evil;}}`), refuse, ""},
	{"an old document", "x.doc", "application/msword", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), refuse, ""},
	{"a name without an extension", "README", "text/plain", []byte("hello"), refuse, ""},
	{"nothing", "x.txt", "text/plain", nil, "file.empty", ""},
	{"26 MB", "x.pdf", "application/pdf", long("%PDF-1.4\n", 26<<20), "file.too_large", ""},
	{"11 MB of text", "x.txt", "text/plain", long("hello\n", 11<<20), "file.too_large", ""},
	{"another type than declared", "x.png", "image/jpeg", aPNG(photo(4, 4)), differ, ""},
	{"another type than named", "x.jpg", "image/jpeg", aPNG(photo(4, 4)), differ, ""},
	{"a picture that is said to be a PDF", "x.pdf", "application/pdf", aJPEG(photo(4, 4)), differ, ""},
	{"a declared type that nobody can read", "x.png", "image/;;", aPNG(photo(4, 4)), differ, ""},
	{"a table that is said to be a letter", "x.docx", "", anXLSX(), differ, ""},
	{"a letter that is said to be a table", "x.ods", "", anODF(odt), differ, ""},

	{"a PNG of 50,000 × 50,000", "x.png", "image/png", pngBomb(), pixels, ""},
	{"a PNG with 8 bytes a pixel", "x.png", "image/png", bytes.Join([][]byte{[]byte(pngSignature), pngHeader(7_000, 7_000, 16, 6), chunk("IEND", nil)}, nil), pixels, ""},
	{"a PNG of no pixels", "x.png", "image/png", bytes.Join([][]byte{[]byte(pngSignature), pngHeader(0, 9, 8, 6), chunk("IEND", nil)}, nil), broken, ""},
	{"a truncated PNG", "x.png", "image/png", aPNG(noise(64, 64))[:2000], broken, ""},
	{"a PNG with a wrong checksum", "x.png", "image/png", func() []byte { b := aPNG(photo(9, 9)); b[30] ^= 1; return b }(), broken, ""},
	{"a truncated JPEG", "x.jpg", "image/jpeg", aJPEG(photo(64, 64))[:400], broken, ""},
	{"a JPEG of 65,535 × 65,535", "x.jpg", "image/jpeg", func() []byte {
		b := aJPEG(photo(8, 8))
		at := bytes.Index(b, []byte{0xff, 0xc0})
		copy(b[at+5:], "\xff\xff\xff\xff")
		return b
	}(), pixels, ""},
	{"a GIF of 65,535 × 65,535", "x.gif", "image/gif", gifHeaders(1, 65_535, 65_535), pixels, ""},
	{"a GIF of 900 large pictures", "x.gif", "image/gif", gifHeaders(900, 2_000, 2_000), pixels, ""},
	{"a GIF of 2,000 pictures", "x.gif", "image/gif", gifHeaders(2_000, 1, 1), pixels, ""},
	{"a GIF that is a script", "x.gif", "image/gif", []byte("GIF89a/*\x00\x00\x00\x00*/=1;alert(1)//"), broken, ""},
	{"a GIF without an end", "x.gif", "image/gif", aGIF(3)[:60], broken, ""},
	{"a moving WebP", "x.webp", "image/webp", aWebP(2, riff("ANIM", make([]byte, 6))), refuse, ""},
	{"a truncated WebP", "x.webp", "image/webp", aWebP(0)[:30], broken, ""},

	{"a JPEG with an archive behind it", "x.jpg", "image/jpeg", append(aJPEG(photo(16, 16)), zipped(part{"evil.txt", "payload"})...), "", "PK\x03\x04"},
	{"a JPEG with a page behind it", "x.jpg", "image/jpeg", append(aJPEG(photo(16, 16)), page...), "", "script"},
	{"a JPEG with a page in a comment", "x.jpg", "image/jpeg", jpegWith(0xfe, []byte(page), photo(16, 16)), "", "script"},
	{"a JPEG that says where it was taken", "x.jpg", "image/jpeg", jpegWith(0xe1, append([]byte("Exif\x00\x00"), exif(1)...), photo(16, 16)), "", "Jane Doe"},
	{"a GIF with a script in a comment", "x.gif", "image/gif", gifComment("*/=1;alert(1)//"), "", "alert"},
	{"a GIF with a page behind it", "x.gif", "image/gif", append(aGIF(2), page...), "", "script"},
	{"a PNG with text", "x.png", "image/png", pngWith(chunk("tEXt", []byte("Author\x00Jane Doe"))), "", "Jane Doe"},
	{"a PNG with PHP in its text", "x.png", "image/png", pngWith(chunk("tEXt", []byte("Comment\x00<?php system($_GET[0]); ?>"))), "", "php"},
	{"a PNG with a colour profile", "x.png", "image/png", pngWith(chunk("iCCP", append([]byte("evil\x00\x00"), deflated([]byte("profile"))...))), "", "iCCP"},
	{"a PNG with packed text that unpacks to 8 MB", "x.png", "image/png", pngWith(chunk("zTXt", append([]byte("x\x00\x00"), deflated(make([]byte, 8<<20))...))), "", "zTXt"},
	{"a PNG with EXIF", "x.png", "image/png", pngWith(chunk("eXIf", exif(1))), "", "Jane Doe"},
	{"a moving PNG", "x.png", "image/png", pngWith(chunk("acTL", []byte{0, 0, 0, 2, 0, 0, 0, 0})), "", "acTL"},
	{"a PNG with an archive behind it", "x.png", "image/png", append(aPNG(photo(9, 9)), zipped(part{"evil.txt", "payload"})...), "", "PK\x03\x04"},
	{"a WebP with XMP", "x.webp", "image/webp", aWebP(4, riff("XMP ", []byte("<x:xmpmeta>Jane Doe</x:xmpmeta>"))), "", "Jane Doe"},
	{"a WebP with EXIF", "x.webp", "image/webp", aWebP(8, riff("EXIF", exif(1))), "", "Jane Doe"},

	{"a PDF that is a page", "x.pdf", "application/pdf", aPDF(page), refuse, ""},
	{"a PDF behind a page", "x.pdf", "application/pdf", append([]byte(page), aPDF("")...), refuse, ""},
	{"a PDF behind other bytes", "x.pdf", "application/pdf", append([]byte("\x00\x00"), aPDF("")...), broken, ""},
	{"a PDF with an archive behind it", "x.pdf", "application/pdf", append(aPDF(""), zipped(part{"a", "b"})...), refuse, ""},
	{"a PDF that is an archive whose comment ends it", "x.pdf", "application/pdf", func() []byte {
		z := zipped(part{"a", "b"})
		z[len(z)-2] = 6
		return append(append(aPDF(""), z...), "%%EOF\n"...)
	}(), refuse, ""},
	{"a truncated PDF", "x.pdf", "application/pdf", aPDF("")[:60], broken, ""},
	{"a PDF with bytes behind it", "x.pdf", "application/pdf", append(aPDF(""), "alert(1)"...), broken, ""},

	{"a document with macros", "x.docm", "", aDOCX(), refuse, ""},
	{"a document with macros that is said to have none", "x.docx", "", aDOCX(part{"word/vbaProject.bin", "x"}), macros, ""},
	{"a document that says it has macros", "x.docx", "", zipped(contentTypes("application/vnd.ms-word.document.macroEnabled.main+xml"), part{docx.part, "<w/>"}), macros, ""},
	{"a table with macros of old", "x.xlsx", "", anXLSX(part{"xl/macrosheets/sheet1.xml", "x"}), macros, ""},
	{"an OpenDocument with macros", "x.odt", "", anODF(odt, part{"Basic/Standard/Module1.xml", "x"}), macros, ""},
	{"a document of 10,000 parts", "x.docx", "", aDOCX(manyParts(10_000)...), unpacks, ""},
	{"a document that unpacks to 272 MB", "x.xlsx", "", zipBomb(17, 16<<20), unpacks, ""},
	{"a document with a document in it", "x.docx", "", aDOCX(part{"word/embeddings/a.docx", "x"}), refuse, ""},
	{"a document with an archive in it", "x.docx", "", aDOCX(part{"word/media/image1.png", string(zipped(part{"a", "b"}))}), refuse, ""},
	{"a document with a program in it", "x.docx", "", aDOCX(part{"word/media/image1.png", "MZ\x90\x00"}), refuse, ""},
	{"a document with an object in it", "x.docx", "", aDOCX(part{"word/embeddings/oleObject1.bin", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}), refuse, ""},
	{"a document with an absolute path", "x.docx", "", aDOCX(part{"/etc/passwd", "x"}), refuse, ""},
	{"a document with a path that goes up", "x.docx", "", aDOCX(part{"word/../../../x.xml", "x"}), refuse, ""},
	{"a document with a path of Windows", "x.docx", "", aDOCX(part{`word\..\x.xml`, "x"}), refuse, ""},
	{"a document with the same part twice", "x.docx", "", aDOCX(part{"WORD/document.xml", "x"}), refuse, ""},
	{"a truncated document", "x.docx", "", aDOCX()[:300], broken, ""},
	{"a document behind other bytes", "x.docx", "", append([]byte("PK\x03\x04junk"), aDOCX()...), broken, ""},
	{"a document behind a header that nothing lists", "x.docx", "", func() []byte {
		b := append([]byte("PK\x03\x04junk............................"), aDOCX()...)
		for at := bytes.Index(b, []byte("PK\x01\x02")); at >= 0; { // the entries' places, moved on
			binary.LittleEndian.PutUint32(b[at+42:], binary.LittleEndian.Uint32(b[at+42:])+36)
			next := bytes.Index(b[at+4:], []byte("PK\x01\x02"))
			if next < 0 {
				break
			}
			at += 4 + next
		}
		end := b[len(b)-22:]
		binary.LittleEndian.PutUint32(end[16:], binary.LittleEndian.Uint32(end[16:])+36)
		return b
	}(), broken, ""},
	{"a document with bytes behind it", "x.docx", "", append(aDOCX(), page...), broken, ""},

	{"text with a NUL", "x.txt", "text/plain", []byte("a\x00b"), broken, ""},
	{"text with an escape for a terminal", "x.txt", "text/plain", []byte("hello \x1b]0;evil\x07"), broken, ""},
	{"text in UTF-16 without a mark", "x.txt", "text/plain", inUTF16("hello world")[2:], broken, ""},
	{"text in half of a UTF-16", "x.txt", "text/plain", inUTF16("hello")[:9], broken, ""},
	{"bytes that are said to be a table", "x.csv", "text/csv", long("\x01\x02\x03\x04\x90", 500), broken, ""},
}

func TestEvilFiles(t *testing.T) {
	if len(evil) < 60 {
		t.Fatalf("only %d", len(evil))
	}
	s, dir := folder(t)
	for _, e := range evil {
		before := len(kept(t, dir))
		f, err := s.Accept(t.Context(), Upload{e.name, e.declared, bytes.NewReader(e.data)})
		if domain.CodeOf(err) != e.code {
			t.Errorf("%s: %v, want %q", e.what, err, e.code)
			continue
		}
		if e.code != "" {
			if after := len(kept(t, dir)); after != before {
				t.Errorf("%s left something: %v", e.what, kept(t, dir))
			}
			if e.code == refuse && !strings.Contains(err.Error(), "DOCX") {
				t.Errorf("%s: it is not said what is accepted: %v", e.what, err)
			}
			continue
		}
		if got := s.bytes(t, f.SHA256); bytes.Contains(got, []byte(e.gone)) || !bytes.Contains(e.data, []byte(e.gone)) {
			t.Errorf("%s: %q is still there, or never was", e.what, e.gone)
		}
	}
	t.Logf("%d evil files", len(evil))
}

// Good files of all types are accepted: the corpus of evil ones would pass if nothing were.
func TestGoodFiles(t *testing.T) {
	csv := "date;amount\r\n2026-03-31;=1+1\r\n"
	good := []struct {
		what, name, declared string
		data                 []byte
		mediaType            string
		same                 bool // kept as it came
	}{
		{"a PNG", "logo.png", "image/png", aPNG(photo(32, 16)), "image/png", false},
		{"a PNG with alpha", "logo.PNG", "", aPNG(noise(16, 16)), "image/png", false},
		{"a JPEG", "photo.jpg", "image/jpeg", aJPEG(photo(32, 16)), "image/jpeg", false},
		{"a JPEG of another name", "photo.JPEG", "image/pjpeg", aJPEG(photo(32, 16)), "image/jpeg", false},
		{"a GIF", "a.gif", "image/gif", aGIF(1), "image/gif", false},
		{"a moving GIF", "a.gif", "image/gif", aGIF(12), "image/gif", false},
		{"a WebP", "a.webp", "image/webp", aWebP(0), "image/jpeg", false},
		{"a PDF", "report.pdf", "application/pdf", aPDF("(hello) Tj"), "application/pdf", true},
		{"a PDF that ends in lines", "report.pdf", "application/x-pdf", append(aPDF(""), "\r\n\n\x00"...), "application/pdf", true},
		{"text", "notes.txt", "text/plain; charset=utf-8", []byte("Grüße, 東京, مرحبا\n"), "text/plain; charset=utf-8", true},
		{"text with angles", "notes.txt", "text/plain", []byte("if a < b and b > c\n"), "text/plain; charset=utf-8", true},
		{"text of old", "notes.txt", "text/plain", []byte("Gr\xfc\xdfe \x80 5\n"), "text/plain; charset=windows-1252", true},
		{"text in UTF-16", "notes.txt", "text/plain", inUTF16("Grüße"), "text/plain; charset=utf-16", true},
		{"CSV with a formula", "list.csv", "text/csv", []byte(csv), "text/csv; charset=utf-8", true},
		{"CSV as Windows declares it", "list.csv", "application/vnd.ms-excel", []byte("\ufeff" + csv), "text/csv; charset=utf-8", true},
		{"a letter", "letter.docx", docx.mediaType, aDOCX(part{"word/media/image1.png", string(aPNG(photo(4, 4)))}), docx.mediaType, true},
		{"a table", "table.xlsx", "application/octet-stream", anXLSX(part{"xl/printerSettings/printerSettings1.bin", "DEVMODE"}), xlsx.mediaType, true},
		{"an open letter", "letter.odt", odt.mediaType, anODF(odt), odt.mediaType, true},
		{"an open table", "table.ods", ods.mediaType, anODF(ods), ods.mediaType, true},
	}
	s, dir := folder(t)
	for _, g := range good {
		f, err := s.Accept(t.Context(), Upload{g.name, g.declared, bytes.NewReader(g.data)})
		if err != nil || f.MediaType != g.mediaType {
			t.Errorf("%s: %+v, %v", g.what, f, err)
			continue
		}
		got := s.bytes(t, f.SHA256)
		if int64(len(got)) != f.Size || bytes.Equal(got, g.data) != g.same && g.same {
			t.Errorf("%s: %d bytes are kept of %d: %+v", g.what, len(got), len(g.data), f)
		}
		again, err := s.Accept(t.Context(), Upload{g.name, g.declared, bytes.NewReader(g.data)})
		if again != f || err != nil {
			t.Errorf("%s is another file the second time: %+v, %v", g.what, again, err)
		}
	}
	for _, name := range kept(t, dir) {
		if len(name) != 64 {
			t.Errorf("%s is left", name)
		}
	}
}

// An upload that is cut off leaves nothing, whatever cuts it off.
func TestWhatIsCutOffLeavesNothing(t *testing.T) {
	s, dir := folder(t)
	lost := errors.New("the line is dead")
	_, err := s.Accept(t.Context(), Upload{"x.pdf", "", io.MultiReader(bytes.NewReader(long("%PDF-1.4\n", 1<<20)), failing{lost})})
	if !errors.Is(err, lost) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Accept(ctx, Upload{"x.png", "", bytes.NewReader(aPNG(photo(4, 4)))}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if left := kept(t, dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func is(t testing.TB, err error, code string) {
	t.Helper()
	if domain.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}
