package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func sample() Message {
	return Message{ID: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Kind: "invoice_published", From: Address{"Müller & Söhne", "billing@example.com"},
		ReplyTo: "office@example.com", To: Address{"Ann O'Neil", "ann@example.com"}, Language: "de", Subject: "Rechnung №7 – 1.234,56 €",
		Text: "Guten Tag\n\n.punkt\nFrom here\n", HTML: "<p>Guten Tag</p>", MadeAt: time.Date(2026, 6, 15, 14, 0, 0, 0, time.UTC)}
}

// parts are a mail's bodies and files as its reader gets them, by media type.
func parts(t testing.TB, raw []byte) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	got := map[string]string{}
	var walk func(kind, encoding string, r io.Reader)
	walk = func(kind, encoding string, r io.Reader) {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(media, "multipart/") {
			for in := multipart.NewReader(r, params["boundary"]); ; {
				p, err := in.NextRawPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, raw)
				}
				walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p)
			}
		}
		switch encoding {
		case "quoted-printable":
			r = quotedprintable.NewReader(r)
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, r)
		}
		text, err := io.ReadAll(r)
		if _, twice := got[media]; twice || err != nil {
			t.Fatalf("%s twice, or %v", media, err)
		}
		got[media] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	walk(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return m.Header, got
}

func TestAMailSaysWhatItShould(t *testing.T) {
	m := sample()
	m.Attachments = []Attachment{{Name: "../Rechnung 7\r\n.pdf", MediaType: "application/pdf"}}
	pdf := bytes.Repeat([]byte("%PDF \x00\xff\r\n"), 1_000)
	raw, err := compose(m, [][]byte{pdf})
	if err != nil {
		t.Fatal(err)
	}
	h, got := parts(t, raw)
	if got["text/plain"] != m.Text || got["text/html"] != m.HTML || got["application/pdf"] != strings.ReplaceAll(string(pdf), "\r\n", "\n") {
		t.Errorf("%q", got)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	from, _ := mail.ParseAddress(h.Get("From"))
	to, _ := mail.ParseAddress(h.Get("To"))
	if subject != m.Subject || *from != (mail.Address{Name: m.From.Name, Address: m.From.Address}) || *to != (mail.Address{Name: m.To.Name, Address: m.To.Address}) {
		t.Errorf("%q from %v to %v", subject, from, to)
	}
	for name, want := range map[string]string{
		"Message-Id": "<6ba7b810-9dad-11d1-80b4-00c04fd430c8@example.com>", "Date": "Mon, 15 Jun 2026 14:00:00 +0000", "Reply-To": "<office@example.com>",
		"Auto-Submitted": "auto-generated", "Precedence": "bulk", "X-Auto-Response-Suppress": "All", "Content-Language": "de", "Mime-Version": "1.0",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if !bytes.Contains(raw, []byte(`filename="_Rechnung_7__.pdf"`)) {
		t.Errorf("the name: %s", raw[bytes.Index(raw, []byte("filename")):][:60])
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("a line of %d bytes: %.60q", len(line), line)
		}
	}
}

// Another attempt repeats the mail byte for byte.
func TestTheSameMailHasTheSameBytes(t *testing.T) {
	m := sample()
	m.Attachments = []Attachment{{Name: "a.pdf", MediaType: "application/pdf"}}
	first, err := compose(m, [][]byte{[]byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if again, err := compose(m, [][]byte{[]byte("x")}); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("%v\n%s\n%s", err, first, again)
		}
	}
	if n := len(boundary.FindAll(first, -1)); n != 2 {
		t.Errorf("%d boundaries were found: has the library changed?", n)
	}
}

// evil are texts that try to get out of a header.
var evil = []string{
	"x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com", "x\r\n\r\nanother body", "x\r\n.\r\nMAIL FROM:<eve@example.com>",
	"\x00x\x00\r\nBcc: eve@example.com", `"quoted" <eve@example.com>`, `\"`, `a" <eve@example.com>, "b`, "=?utf-8?q?x=0D=0ABcc:_eve@example.com?=",
	"=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLmNvbQ==?=", "x\u2028Bcc: eve@example.com", "x\u0085Bcc: eve@example.com", "x\vBcc: y", "x\fBcc: y", "\u202egro.elpmaxe",
	strings.Repeat("long ", 500), strings.Repeat("ü", 2_000), strings.Repeat("x", 5_000), "山田太郎 ضرورة Ελλάδα", "\xff\xfe\r\nBcc: eve@example.com", "a, b; c: d (e) [f] <g>",
	"%0d%0aBcc: eve@example.com", "x\r\n Bcc: folded@example.com", "", " ", "\r\n", "x;\r\n boundary=evil", "--\r\n\r\nx", "𝕏\u200bzero", "¦\\",
}

// One recipient and one body, whatever is in names and subjects (SECURITY §4).
func TestNoHeaderIsInjected(t *testing.T) {
	for _, text := range evil {
		m := sample()
		m.From.Name, m.To.Name, m.Subject, m.Language = text, text, text, text
		m.Attachments = []Attachment{{Name: text, MediaType: "application/pdf"}}
		unharmed(t, m)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		hostile := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\r\n\x00\":;,<>@=?()\\ \t.-\u2028\u202e"))))
		m.From.Name, m.To.Name, m.Subject = hostile.Draw(t, "from"), hostile.Draw(t, "to"), hostile.Draw(t, "subject")
		m.Text, m.HTML = hostile.Draw(t, "text"), "<p>"+hostile.Draw(t, "html")
		m.Attachments = []Attachment{{Name: hostile.Draw(t, "file"), MediaType: "application/pdf"}}
		unharmed(t, m)
	})
}

type reporter interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// unharmed composes a mail and looks for what should not be there.
func unharmed(t reporter, m Message) {
	t.Helper()
	raw, err := compose(m, [][]byte{[]byte("%PDF")})
	if err != nil {
		t.Fatalf("%q: %v", m.Subject, err)
	}
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%q: %v\n%s", m.Subject, err, raw)
	}
	for name, values := range read.Header {
		if len(values) != 1 || !expected[name] {
			t.Errorf("%q gave the header %s: %q", m.Subject, name, values)
		}
	}
	to, err := read.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != m.To.Address {
		t.Errorf("%q: to %v, %v", m.To.Name, to, err)
	}
	from, err := read.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != m.From.Address {
		t.Errorf("%q: from %v, %v", m.From.Name, from, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || len([]rune(subject)) > maxSubject {
		t.Errorf("%q became %q, %v", m.Subject, subject, err)
	}
	for _, shown := range []string{subject, to[0].Name, from[0].Name} { // as mail programs decode them
		if strings.ContainsFunc(shown, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
		}) {
			t.Errorf("%q became %q", m.Subject, shown)
		}
	}
	_, params, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	n := 0
	for in := multipart.NewReader(read.Body, params["boundary"]); err == nil; n++ {
		_, err = in.NextRawPart()
	}
	if err != io.EOF || n != 3 { // the bodies, the file, the end
		t.Errorf("%q has %d parts, %v", m.Subject, n-1, err)
	}
	for _, bare := range []string{"\n", "\r"} {
		if strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), bare) {
			t.Errorf("%q: a bare %q", m.Subject, bare)
		}
	}
}

var expected = map[string]bool{"Auto-Submitted": true, "Content-Language": true, "Content-Type": true, "Date": true, "From": true, "Message-Id": true,
	"Mime-Version": true, "Precedence": true, "Reply-To": true, "Subject": true, "To": true, "User-Agent": true, "X-Auto-Response-Suppress": true, "X-Mailer": true}

// An address that is more, or less, than one is refused.
func TestAddresses(t *testing.T) {
	for _, bad := range []string{
		"", "x", "a@", "@b", "a@b@c", "a b@example.com", "Ann <a@example.com>", "a@example.com,b@example.com", "a@example.com;b@example.com", "a@example.com\r\nBcc: b@example.com",
		"a@example.com\x00", `"a b"@example.com`, "a@example.com ", "<a@example.com>", "a@exam\u202eple.com", strings.Repeat("a", 250) + "@example.com", "a@[127.0.0.1]", "a:b@example.com",
	} {
		m := sample()
		m.To.Address = bad
		if _, err := compose(m, nil); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
	for _, good := range []string{"a@example.com", "a.b+c@sub.example.com", "jörg@example.com", "o'neil@example.co.uk"} {
		if err := CheckAddress(good); err != nil {
			t.Error(err)
		}
	}
}
