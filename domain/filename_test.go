package domain

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFileName(t *testing.T) {
	long := strings.Repeat("é", 300)
	for _, c := range []struct{ name, mediaType, want string }{
		{"report.pdf", "application/pdf", "report.pdf"},
		{"Report v1.2 (final).PDF", "application/pdf", "Report v1.2 (final).pdf"},
		{"O'Brien & Sons, 東京 – مرحبا.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "O'Brien & Sons, 東京 – مرحبا.docx"},
		{"photo.jpeg", "image/jpeg", "photo.jpeg"},
		{"photo.webp", "image/png", "photo.png"},
		{"notes.txt", "text/plain; charset=utf-8", "notes.txt"},
		{"list.csv", "text/csv; charset=windows-1252", "list.csv"},
		{"../../etc/passwd", "text/plain", "passwd.txt"},
		{`C:\Users\jane\photo.png`, "image/png", "photo.png"},
		{"/etc/", "image/png", "file.png"},
		{"", "image/png", "file.png"},
		{"...", "image/png", "file.png"},
		{".pdf", "application/pdf", "file.pdf"},
		{".htaccess", "text/plain", "htaccess.txt"},
		{"a\x00b\x1b[2J\x7f.pdf", "application/pdf", "ab[2J.pdf"},
		{"a\r\nContent-Type: text/html.pdf", "application/pdf", "html.pdf"},
		{"a\tb\u00a0c.pdf", "application/pdf", "a b c.pdf"},
		{"invoice\u202efdp.exe", "application/pdf", "invoicefdp.pdf"},
		{"invoice\u202egpj.exe.pdf", "application/pdf", "invoicegpj_exe.pdf"},
		{"a\u200bb\u2066c\ufeff.pdf", "application/pdf", "abc.pdf"},
		{"invoice.pdf.exe", "application/pdf", "invoice.pdf.pdf"},
		{"invoice.exe.pdf", "application/pdf", "invoice_exe.pdf"},
		{"shell.php.jpg", "image/jpeg", "shell_php.jpg"},
		{"x.html", "application/pdf", "x.pdf"},
		{"x.png", "application/pdf", "x.pdf"},
		{`a<b>:"|?*.pdf`, "application/pdf", "a_b______.pdf"},
		{"CON.pdf", "application/pdf", "_CON.pdf"},
		{"com1.old.pdf", "application/pdf", "_com1.old.pdf"},
		{" spaces . .pdf", "application/pdf", "spaces.pdf"},
		{"\xff\xfe.pdf", "application/pdf", "�.pdf"},
		{long + ".pdf", "application/pdf", strings.Repeat("é", 98) + ".pdf"},
		{strings.Repeat("a", 300) + ".pdf", "application/pdf", strings.Repeat("a", 100) + ".pdf"},
		{"x.bin", "application/x-unknown", "x.bin"},
	} {
		if got := FileName(c.name, c.mediaType); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Whatever a name was, what is made of it can be saved, and stays as it is.
func TestFileNamesAreHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("a.é \u202e\x00/\\<:exe")), 0, 300, -1)).Draw(t, "name")
		got := FileName(name, "application/pdf")
		if again := FileName(got, "application/pdf"); again != got {
			t.Errorf("%q becomes %q, and that %q", name, got, again)
		}
		if !utf8.ValidString(got) || len(got) > 255 || !strings.HasSuffix(got, ".pdf") || len(got) < 5 || got[0] == '.' || got[0] == ' ' ||
			strings.ContainsAny(got, "/\\<>:\"|?*\x00\r\n\u202e") || strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%q becomes %q", name, got)
		}
	})
}
