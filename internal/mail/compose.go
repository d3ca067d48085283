package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"regexp"

	gomail "github.com/wneessen/go-mail"
)

// compose writes a message out as it travels. The same message gives the same bytes, so
// that another attempt after an unknown outcome repeats the mail and sends no second one.
// files are the attachments' bytes, in their order.
func compose(m Message, files [][]byte) ([]byte, error) {
	m, err := m.cleaned()
	if err != nil {
		return nil, err
	}
	out := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithCharset(gomail.CharsetUTF8))
	out.FromMailAddress(&mail.Address{Name: m.From.Name, Address: m.From.Address})
	out.ToMailAddress(&mail.Address{Name: m.To.Name, Address: m.To.Address})
	if m.ReplyTo != "" {
		out.ReplyToMailAddress(&mail.Address{Address: m.ReplyTo})
	}
	out.Subject(m.Subject)
	out.SetMessageIDWithValue(m.MessageID())
	out.SetDateWithValue(m.MadeAt.UTC())
	out.SetBulk() // no holiday replies: Precedence and X-Auto-Response-Suppress
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader(gomail.HeaderContentLang, m.Language)
	out.SetGenHeader(gomail.HeaderUserAgent, "Portico")
	out.SetGenHeader(gomail.HeaderXMailer, "Portico")
	out.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		out.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	for i, a := range m.Attachments {
		err := out.AttachReader(a.Name, bytes.NewReader(files[i]), gomail.WithFileContentType(gomail.ContentType(a.MediaType)))
		if err != nil {
			return nil, fmt.Errorf("mail: attaching %s: %w", a.Name, err)
		}
	}
	var raw bytes.Buffer
	if _, err := out.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("mail: composing %s: %w", m.ID, err)
	}
	return settled(raw.Bytes(), m.MessageID()), nil
}

var boundary = regexp.MustCompile(`boundary=([0-9a-f]{60})\r\n`)

// settled puts boundaries that are derived from the message in the place of the random
// ones, which are the only part of it that the library does not let us choose one by one.
func settled(raw []byte, id string) []byte {
	for i, found := range boundary.FindAllSubmatch(raw, -1) {
		derived := sha256.Sum256(fmt.Appendf(nil, "%s %d", id, i))
		raw = bytes.ReplaceAll(raw, found[1], []byte(hex.EncodeToString(derived[:])[:60]))
	}
	return raw
}
