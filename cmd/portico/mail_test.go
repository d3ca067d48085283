package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"portico/domain"
)

// postbox is an SMTP server that takes mails, but may not come to say so.
type postbox struct {
	mu    sync.Mutex
	mails []string
	taken chan struct{} // one for each
	hold  chan struct{} // answers wait until it is closed
}

func (p *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p *postbox) Reset()                                      {}
func (p *postbox) Logout() error                               { return nil }
func (p *postbox) Mail(string, *smtp.MailOptions) error        { return nil }

func (p *postbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "gone@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

func (p *postbox) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	p.mu.Lock()
	p.mails = append(p.mails, string(raw))
	p.mu.Unlock()
	p.taken <- struct{}{}
	<-p.hold
	return err
}

func (p *postbox) waitFor(t *testing.T) {
	t.Helper()
	select {
	case <-p.taken:
	case <-time.After(30 * time.Second):
		t.Fatal("no mail came")
	}
}

// Pitfall 27: killed between the server's taking a mail and our knowing it, the program
// sends the same mail again; nobody who asked for something waited for any of it. And a
// report of what came back finds the mail.
func TestAMailIsSentAcrossAKill(t *testing.T) {
	box := &postbox{taken: make(chan struct{}, 9), hold: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(box)
	server.ErrorLog = nobody{}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	dir := dataDir(t)
	through := []string{"--smtp-url", "smtp+plain://" + listener.Addr().String(), "--public-url", "https://portal.example.com"}
	s := serveSample(t, dir, through...) // publishes an invoice, and does not wait for its mail
	box.waitFor(t)
	_ = s.Process.Kill()
	_ = s.Wait()
	close(box.hold)
	serveSample(t, dir, through...)
	box.waitFor(t)
	var list struct {
		Items []struct {
			ID        string `json:"id"`
			State     string `json:"state"`
			MessageID string `json:"message_id"`
			To        string `json:"to"`
		}
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && (len(list.Items) == 0 || list.Items[0].State != "sent"); {
		if err := json.Unmarshal([]byte(run(t, dir, "mail", "list", "--json")), &list); err != nil {
			t.Fatal(err)
		}
	}
	if len(list.Items) != 1 || list.Items[0].State != "sent" || list.Items[0].To != "robin@example.com" {
		t.Fatalf("%+v", list)
	}
	if len(box.mails) != 2 || box.mails[0] != box.mails[1] || !strings.Contains(box.mails[0], "Message-ID: <"+list.Items[0].MessageID+">") ||
		!strings.Contains(box.mails[0], "https://portal.example.com/invoices/") {
		t.Errorf("%d mails:\n%s", len(box.mails), strings.Join(box.mails, "\n======\n"))
	}
	bounced(t, dir, list.Items[0].MessageID)
}

// bounced tells of a mail that came back, by the command line.
func bounced(t *testing.T, dir, messageID string) {
	t.Helper()
	cmd := portico(t, dir, "mail", "bounce")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll("Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"+
		"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; robin@example.com\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <"+messageID+">\n\nx\n--b--\n", "\n", "\r\n"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "hard bounce of mail") || !strings.Contains(string(out), "blocked: true") {
		t.Errorf("%v\n%s", err, out)
	}
	if out := run(t, dir, "mail", "blocked"); !strings.Contains(out, "robin@example.com") {
		t.Error(out)
	}
	run(t, dir, "mail", "unblock", "Robin@example.com")
	if out := run(t, dir, "mail", "blocked"); !strings.Contains(out, "no address is blocked") {
		t.Error(out)
	}
	if out := run(t, dir, "mail", "list", "--state", "bounced"); !strings.Contains(out, "Invoice CG-1001") {
		t.Error(out)
	}
	cmd = portico(t, dir, "mail", "bounce")
	cmd.Stdin = strings.NewReader("Subject: holiday\r\n\r\nI am away")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a holiday reply is a report: %s", out)
	}
}

type nobody struct{}

func (nobody) Printf(string, ...any) {}
func (nobody) Println(...any)        {}

// A mail server keeps the report and tries again at 75, and throws it away at 1.
func TestAReportOutlivesTheDatabase(t *testing.T) {
	unknown := fmt.Errorf("ann@example.com: %w", domain.NotFound("mail.unknown", "no such mail"))
	for err, want := range map[error]int{errors.New("connection refused"): 75, unknown: 1, errors.Join(unknown, nil): 1} {
		if got := exitStatus(orAgain(err)); got != want {
			t.Errorf("%v: %d, not %d", err, got, want)
		}
	}
	if err := orAgain(nil); err != nil {
		t.Error(err)
	}
}
