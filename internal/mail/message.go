// Package mail writes mails, sends them by SMTP or keeps them for staff to read, and
// remembers what was said to whom and what came back. Whom to tell, and what, is decided
// elsewhere. It never receives mail: bounces are given to it.
package mail

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Message is one mail to one recipient.
type Message struct {
	ID       uuid.UUID // of the job: the Message-ID is made of it
	Tenant   string
	Kind     string    // the topic, such as invoice_published
	Customer uuid.UUID // whom it is about; the nil UUID: nobody
	Contact  uuid.UUID // whom it is for; the nil UUID: staff
	From     Address
	ReplyTo  string // "": the sender
	To       Address
	Language string // BCP 47
	Subject  string
	Text     string
	HTML     string
	// Attachments are sent along; their bytes are in the store of files.
	Attachments []Attachment
	MadeAt      time.Time // its Date, the same for every attempt
}

// Address is a mailbox and whose it is.
type Address struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Attachment is a file that goes along.
type Attachment struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	SHA256    string `json:"sha256"` // in hex
	Size      int64  `json:"size"`   // bytes
}

// The longest texts in headers, in characters: longer ones are cut.
const (
	maxName    = 100
	maxSubject = 200
)

// MessageID names the mail to every server that it passes, without brackets. Its host is
// the sender's.
func (m Message) MessageID() string {
	_, host, _ := strings.Cut(m.From.Address, "@")
	return m.ID.String() + "@" + host
}

// cleaned is the message with nothing in its headers that could end a line, or turn the
// reading order about (SECURITY §4, mail injection). It refuses addresses that are none.
func (m Message) cleaned() (Message, error) {
	for _, a := range []string{m.From.Address, m.To.Address, m.ReplyTo} {
		if a == "" && a == m.ReplyTo {
			continue
		}
		if err := CheckAddress(a); err != nil {
			return m, err
		}
	}
	m.From.Name, m.To.Name = nameLine(m.From.Name), nameLine(m.To.Name)
	m.Subject, m.Language = oneLine(m.Subject, maxSubject), oneLine(m.Language, 35)
	m.Text, m.HTML = readable(m.Text), readable(m.HTML)
	m.Attachments = append([]Attachment(nil), m.Attachments...)
	for i := range m.Attachments {
		m.Attachments[i].Name = fileName(m.Attachments[i].Name)
	}
	return m, nil
}

// CheckAddress refuses what is not one plain address.
func CheckAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsAny(s, ", ;:\\\"<>()[]") || strings.ContainsFunc(s, unfit) {
		return fmt.Errorf("mail: %q is not an e-mail address", s)
	}
	return nil
}

// unfit are characters that a header must not have: controls, line and paragraph
// separators, and those that turn the reading order about.
func unfit(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// oneLine makes a header's text of any text. What looks like an encoded word is broken up,
// or readers would decode it.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unfit(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "=?", "= ?")), " ")
	if all := []rune(s); len(all) > most {
		s = strings.TrimSpace(string(all[:most-1])) + "…"
	}
	return s
}

// nameLine is oneLine for who stands before an address. A backslash in an encoded word
// leaves the standard library's own parser without the address.
func nameLine(s string) string { return oneLine(strings.ReplaceAll(s, `\`, "/"), maxName) }

// readable is a body without what its readers and the database cannot keep.
func readable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// fileName is a name that every system can save.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, s)
	if s = strings.TrimLeft(s, "."); s == "" {
		return "document"
	}
	return s[:min(len(s), maxName)]
}
