package mail

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
)

// ErrNoReport says that a mail is no delivery status notification (RFC 3464).
var ErrNoReport = errors.New("mail: this is not a delivery status notification")

const (
	maxReport  = 4 << 20 // bytes: reports often bring the whole mail back
	maxParts   = 20
	maxBounces = 100
)

// ParseReport reads a delivery status notification: what it says of each recipient that a
// mail of ours did not, or not yet, arrive at. Good news is left out. It comes from
// anybody: nothing in it is believed but to find a mail of ours by.
func ParseReport(r io.Reader) ([]Bounce, error) {
	m, err := mail.ReadMessage(io.LimitReader(r, maxReport))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") {
		return nil, ErrNoReport
	}
	var rep report
	if err := rep.read(multipart.NewReader(m.Body, params["boundary"])); err != nil {
		return nil, err
	}
	if len(rep.groups) == 0 {
		return nil, ErrNoReport
	}
	return rep.bounces(), nil
}

// report is what its parts say.
type report struct {
	messageID string
	groups    []textproto.MIMEHeader // the first is about the mail, the others about a recipient each
}

func (rep *report) read(parts *multipart.Reader) error {
	for range maxParts {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if len(rep.groups) > 0 {
				return nil // cut off after what matters
			}
			return fmt.Errorf("%w: %w", ErrNoReport, err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			rep.groups = append(rep.groups, fields(decoded(p))...)
		case "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers":
			if h := fields(decoded(p)); len(h) > 0 && rep.messageID == "" {
				rep.messageID = h[0].Get("Message-Id")
			}
		}
	}
	return nil
}

func decoded(p *multipart.Part) io.Reader {
	switch strings.ToLower(strings.TrimSpace(p.Header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		return quotedprintable.NewReader(p)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, p)
	}
	return p
}

// fields are groups of header fields with blank lines between. What is no field ends them.
func fields(r io.Reader) (groups []textproto.MIMEHeader) {
	data, _ := io.ReadAll(io.LimitReader(r, 256<<10)) // as much as can be read
	in := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(data, "\r\n\r\n"...))))
	for range maxBounces + 1 {
		h, err := in.ReadMIMEHeader()
		if len(h) > 0 {
			groups = append(groups, h)
		}
		if err != nil {
			break
		}
	}
	return groups
}

func (rep *report) bounces() (all []Bounce) {
	id := rep.messageID
	for _, name := range []string{"Original-Message-Id", "X-Original-Message-Id"} {
		if given := rep.groups[0].Get(name); id == "" && given != "" {
			id = given
		}
	}
	for _, g := range rep.groups {
		address := recipient(g)
		b := Bounce{MessageID: strings.TrimSpace(id), Address: address, Kind: Soft, Text: said(g), source: "report"}
		switch action := strings.ToLower(strings.TrimSpace(g.Get("Action"))); {
		case address == "", action != "failed" && action != "delayed":
			continue
		case action == "failed":
			status := strings.TrimSpace(g.Get("Status"))
			b.lost = true
			if status == "" || status == "5.0.0" || deadAddress.MatchString(enhanced.FindString(status)) {
				b.Kind = Hard
			}
		}
		if all = append(all, b); len(all) == maxBounces {
			break
		}
	}
	return all
}

// recipient is the address as we wrote it, if the report has kept it.
func recipient(g textproto.MIMEHeader) string {
	for _, name := range []string{"Original-Recipient", "Final-Recipient"} {
		_, address, typed := strings.Cut(g.Get(name), ";")
		address = strings.Trim(strings.TrimSpace(address), "<>")
		if typed && CheckAddress(address) == nil {
			return address
		}
	}
	return ""
}

func said(g textproto.MIMEHeader) string {
	_, why, _ := strings.Cut(g.Get("Diagnostic-Code"), ";")
	return oneLine(g.Get("Status")+" "+strings.TrimSpace(why), 500)
}
