package mail

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Sender hands mails to a relay. A connection serves a burst of mails.
type Sender struct {
	relay  *Relay
	client *gomail.Client

	mu     sync.Mutex
	idle   []*connection // the last one used is the last
	closer *time.Timer
}

type connection struct {
	*smtp.Client
	mails int
	since time.Time // when it was last used
}

const (
	idleTime   = 15 * time.Second // servers wait for minutes; a burst does not
	mailsAtMax = 100              // on one connection: some servers have a limit
	idleAtMax  = 4
)

// NewSender makes a sender. It connects when there is something to send.
func NewSender(r *Relay) (*Sender, error) {
	client, err := r.client()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &Sender{relay: r, client: client}, nil
}

// The steps of a delivery at which it can fail.
const (
	atConnect = "connecting" // greeting, TLS and authentication too
	atSender  = "MAIL FROM"
	atRcpt    = "RCPT TO"
	atData    = "DATA"
	atEnd     = "the end of DATA" // an answer that never came leaves the outcome unknown
)

// Failure is why a mail was not, or perhaps not, taken.
type Failure struct {
	At       string
	Code     int    // the server's answer; 0: none came
	Enhanced string // RFC 3463, such as 5.1.1, if the server said
	Err      error
}

func (f *Failure) Error() string { return fmt.Sprintf("mail: %s: %v", f.At, f.Err) }

// Unwrap is what the server, or the network, said.
func (f *Failure) Unwrap() error { return f.Err }

// Bounced tells whether the server will never take this mail for this recipient. What it
// says about ourselves, such as a wrong password, is for us to mend: then we come back.
func (f *Failure) Bounced() bool {
	return f.Code >= 500 && (f.At == atRcpt && !f.ours() || f.At == atData || f.At == atEnd)
}

// ours tells whether a server does not take recipients from us: most say so of each of
// them, and not of the sender, when the password is missing or wrong, or our address is on
// a list. Nobody's mail must be lost for that, nor their address blocked.
func (f *Failure) ours() bool {
	return strings.HasPrefix(f.Enhanced, "5.7.") || f.Code == 530 || f.Enhanced == "" && aboutUs.MatchString(f.Err.Error())
}

// NoSuchAddress tells whether it is for the address, not for this mail.
func (f *Failure) NoSuchAddress() bool {
	if !f.Bounced() || f.At != atRcpt {
		return false
	}
	if f.Enhanced != "" {
		return deadAddress.MatchString(f.Enhanced)
	}
	return slices.Contains([]int{550, 551, 553}, f.Code)
}

var (
	enhanced    = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})\b`)
	aboutUs     = regexp.MustCompile(`(?i)\brelay|authenticat`) // such as Exim's "550 relay not permitted"
	deadAddress = regexp.MustCompile(`^5\.(1\.\d+|2\.1)$`)      // unknown or moved, or the mailbox is disabled
)

func failed(at string, err error) error {
	f := &Failure{At: at, Err: err}
	var said *textproto.Error
	if errors.As(err, &said) {
		f.Code, f.Enhanced = said.Code, enhanced.FindString(said.Msg)
	}
	return f
}

// Send hands one mail over, and answers what the server said to it.
func (s *Sender) Send(ctx context.Context, from, to string, raw []byte) (response string, err error) {
	c, err := s.take(ctx)
	if err != nil {
		return "", failed(atConnect, err)
	}
	response, err = s.deliver(ctx, c, from, to, raw)
	var f *Failure
	switch {
	case err == nil, errors.As(err, &f) && f.Code >= 400 && f.Code != 421 && f.At != atEnd:
		s.give(c) // it refused this mail, and listens to the next
	default:
		_ = c.Close()
	}
	return response, err
}

func (s *Sender) deliver(ctx context.Context, c *connection, from, to string, raw []byte) (string, error) {
	if s.relay.ReturnPath != "" {
		from = s.relay.ReturnPath
	}
	// Asked for needlessly, servers further on that do not have it would have to refuse.
	c.SkipSMTPUTF8(ascii(from + to))
	if err := c.Mail("<" + from + ">"); err != nil {
		return "", failed(atSender, err)
	}
	if err := c.Rcpt("<" + to + ">"); err != nil {
		return "", failed(atRcpt, err)
	}
	w, err := c.Data()
	if err != nil {
		return "", failed(atData, err)
	}
	if err := s.bound(ctx, c); err != nil { // a large one takes its time anew
		return "", failed(atData, err)
	}
	if _, err = w.Write(raw); err != nil {
		return "", failed(atData, err) // without its end no server takes it
	}
	if err = w.Close(); err != nil {
		return "", failed(atEnd, err)
	}
	said, _ := w.(*smtp.DataCloser)
	return said.ServerResponse(), nil
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// take is a connection that works: an idle one, or a new one.
func (s *Sender) take(ctx context.Context) (*connection, error) {
	for {
		c := s.last()
		if c == nil {
			break
		}
		if s.bound(ctx, c) == nil && c.Reset() == nil {
			return c, nil
		}
		_ = c.Close()
	}
	fresh, err := s.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{Client: fresh}
	return c, s.bound(ctx, c)
}

// bound limits how long a connection may take from now on.
func (s *Sender) bound(ctx context.Context, c *connection) error {
	most := s.relay.Timeout
	if end, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(end))
	}
	return c.UpdateDeadline(most)
}

func (s *Sender) last() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	c := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	return c
}

// give keeps a connection for the next mail of a burst.
func (s *Sender) give(c *connection) {
	c.mails, c.since = c.mails+1, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.mails >= mailsAtMax || len(s.idle) >= idleAtMax {
		go quit(c)
		return
	}
	s.idle = append(s.idle, c)
	if s.closer == nil {
		s.closer = time.AfterFunc(idleTime, s.tidy)
	}
}

// tidy says goodbye on connections that nobody used for a while.
func (s *Sender) tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := time.Now().Add(-idleTime)
	s.idle = slices.DeleteFunc(s.idle, func(c *connection) bool {
		if c.since.After(old) {
			return false
		}
		go quit(c)
		return true
	})
	s.closer = nil
	if len(s.idle) > 0 {
		s.closer = time.AfterFunc(idleTime, s.tidy)
	}
}

// quit is polite for a second.
func quit(c *connection) {
	if c.UpdateDeadline(time.Second) != nil || c.Quit() != nil {
		_ = c.Close()
	}
}

// Close ends idle connections.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closer != nil {
		s.closer.Stop()
		s.closer = nil
	}
	for _, c := range s.idle {
		quit(c)
	}
	s.idle = nil
}
