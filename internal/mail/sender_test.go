package mail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var letter = []byte("Subject: x\r\nMessage-ID: <1@example.com>\r\n\r\n.dot\r\nbye\r\n")

// What a server answers is told apart: what it says of the recipient for good, of the
// moment, and of us.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		script        func(string) error
		at            string
		code          int
		bounced, dead bool
	}{
		"421 at the greeting":  {only("greet", 2, no(421, smtp.EnhancedCode{4, 3, 2}, "closing")), atConnect, 0, false, false},
		"421 at the sender":    {only("mail", 1, no(421, smtp.EnhancedCode{4, 7, 0}, "too many")), atSender, 421, false, false},
		"550 at the sender":    {only("mail", 1, no(550, smtp.EnhancedCode{5, 7, 1}, "not you")), atSender, 550, false, false},
		"450 greylisted":       {only("rcpt", 1, no(450, smtp.EnhancedCode{4, 2, 0}, "greylisted")), atRcpt, 450, false, false},
		"550 no such user":     {only("rcpt", 1, no(550, smtp.EnhancedCode{5, 1, 1}, "no such user")), atRcpt, 550, true, true},
		"550 without a code":   {only("rcpt", 1, no(550, smtp.NoEnhancedCode, "no such user")), atRcpt, 550, true, true},
		"552 mailbox full":     {only("rcpt", 1, no(552, smtp.EnhancedCode{5, 2, 2}, "mailbox full")), atRcpt, 552, true, false},
		"554 we may not relay": {only("rcpt", 1, no(554, smtp.EnhancedCode{5, 7, 1}, "<ann@example.com>: Relay access denied")), atRcpt, 554, false, false},
		"550 no relaying":      {only("rcpt", 1, no(550, smtp.NoEnhancedCode, "relay not permitted")), atRcpt, 550, false, false},
		"530 who are you":      {only("rcpt", 1, no(530, smtp.NoEnhancedCode, "say who you are")), atRcpt, 530, false, false},
		"550 spam":             {only("end", 1, no(550, smtp.EnhancedCode{5, 7, 1}, "no spam")), atEnd, 550, true, false},
		"552 at the end":       {only("end", 1, no(552, smtp.EnhancedCode{5, 3, 4}, "too big")), atEnd, 552, true, false},
		"451 at the end":       {only("end", 1, no(451, smtp.EnhancedCode{4, 3, 0}, "no space")), atEnd, 451, false, false},
		"gone at the end":      {only("end", 1, hangUp{}), atEnd, 0, false, false},
		"gone before":          {only("rcpt", 1, hangUp{}), atRcpt, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.script)
			sender := s.sender(s.relay())
			_, err := sender.Send(t.Context(), "a@example.com", "b@example.com", letter)
			var f *Failure
			if !errors.As(err, &f) || f.At != c.at || c.code != 0 && f.Code != c.code || f.Bounced() != c.bounced || f.NoSuchAddress() != c.dead {
				t.Fatalf("%+v (%v), want %+v", f, err, c)
			}
			response, err := sender.Send(t.Context(), "a@example.com", "b@example.com", letter)
			if got := s.deliveries(); err != nil || response == "" || !got[len(got)-1].kept {
				t.Errorf("the next one: %q, %v", response, err)
			}
		})
	}
}

// What the server gets is what was handed over, and one connection serves a burst.
func TestABurstHasOneConnection(t *testing.T) {
	s := serve(t, nil)
	sender := s.sender(s.relay())
	for n := range 20 {
		if _, err := sender.Send(t.Context(), "a@example.com", fmt.Sprintf("b%d@example.com", n), letter); err != nil {
			t.Fatal(err)
		}
	}
	got := s.deliveries()
	if len(got) != 20 || s.sessions != 1 {
		t.Fatalf("%d mails on %d connections", len(got), s.sessions)
	}
	if d := got[19]; d.from != "a@example.com" || len(d.to) != 1 || d.to[0] != "b19@example.com" || d.raw != string(letter) {
		t.Errorf("%+v", d)
	}
	var several sync.WaitGroup
	for range 10 {
		several.Go(func() {
			if _, err := sender.Send(t.Context(), "a@example.com", "b@example.com", letter); err != nil {
				t.Error(err)
			}
		})
	}
	several.Wait()
	if len(s.deliveries()) != 30 || len(sender.idle) > idleAtMax {
		t.Errorf("%d mails, %d idle", len(s.deliveries()), len(sender.idle))
	}
}

// A server that restarted has cut the idle connection: nobody notices.
func TestAStaleConnectionIsReplaced(t *testing.T) {
	s := serve(t, nil)
	sender := s.sender(s.relay())
	send := func() error {
		_, err := sender.Send(t.Context(), "a@example.com", "b@example.com", letter)
		return err
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	_ = sender.idle[0].Close()
	if err := send(); err != nil {
		t.Fatal(err)
	}
}

func TestASlowServerIsLeft(t *testing.T) {
	wait := make(chan struct{})
	t.Cleanup(func() { close(wait) })
	s := serve(t, func(step string) error {
		if step == "rcpt" {
			<-wait
		}
		return nil
	})
	r := s.relay()
	r.Timeout = 200 * time.Millisecond
	began := time.Now()
	_, err := s.sender(r).Send(t.Context(), "a@example.com", "b@example.com", letter)
	var f *Failure
	if !errors.As(err, &f) || f.Bounced() || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestNoServer(t *testing.T) {
	s := serve(t, nil)
	s.listener.Close()
	_, err := s.sender(s.relay()).Send(t.Context(), "a@example.com", "b@example.com", letter)
	var f *Failure
	if !errors.As(err, &f) || f.At != atConnect || f.Bounced() {
		t.Errorf("%v", err)
	}
}

// Nothing is said before the line is known to be private and the server to be who it is.
func TestEncryption(t *testing.T) {
	send := func(s *server, r *Relay) error {
		_, err := s.sender(r).Send(t.Context(), "a@example.com", "b@example.com", letter)
		return err
	}
	with := func(s *server, roots bool) *Relay {
		r := s.relay()
		r.TLS, r.User, r.Password = "starttls", "post", "secret"
		s.user = "post"
		if roots {
			r.Roots = s.roots
		}
		return r
	}
	good := serve(t, nil, "127.0.0.1")
	if err := send(good, with(good, true)); err != nil || !good.deliveries()[0].kept {
		t.Errorf("STARTTLS and a password: %v", err)
	}
	for name, c := range map[string]struct {
		s     *server
		roots bool
		want  string
	}{
		"without STARTTLS":    {serve(t, nil), false, "STARTTLS"},
		"an unknown issuer":   {serve(t, nil, "127.0.0.1"), false, "certificate"},
		"another name":        {serve(t, nil, "192.0.2.1"), true, "certificate"},
		"the wrong password":  {serve(t, nil, "127.0.0.1"), true, "535"},
		"implicit, untrusted": {serve(t, nil, "127.0.0.1"), false, ""},
	} {
		r := with(c.s, c.roots)
		if strings.Contains(name, "password") {
			r.Password = "wrong"
		}
		if strings.Contains(name, "implicit") {
			r.TLS = "implicit"
		}
		err := send(c.s, r)
		var f *Failure
		if !errors.As(err, &f) || f.At != atConnect || f.Bounced() || !strings.Contains(err.Error(), c.want) || c.s.reached("mail") > 0 {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error says the password: %v", name, err)
		}
	}
}

func TestRelays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]Relay{
		"smtp://relay.example.com":                      {Host: "relay.example.com", Port: 587, TLS: "starttls"},
		"smtps://me:pass%40word@relay.example.com:4650": {Host: "relay.example.com", Port: 4650, TLS: "implicit", User: "me", Password: "pass@word"},
		"smtp+plain://127.0.0.1:1025":                   {Host: "127.0.0.1", Port: 1025, TLS: "none"},
		"smtp+plain://[::1]:1025":                       {Host: "::1", Port: 1025, TLS: "none"},
		"smtp+plain://mailhub:25?insecure=yes":          {Host: "mailhub", Port: 25, TLS: "none"},
	} {
		want.Timeout = defaultTimeout
		if r, err := ParseRelay(address, ""); err != nil || *r != want {
			t.Errorf("%s: %+v, %v", address, r, err)
		}
	}
	if r, err := ParseRelay("smtps://me@relay.example.com", file); err != nil || r.Password != "from file" || strings.Contains(r.String(), "from file") {
		t.Errorf("%+v, %v", r, err)
	}
	for _, address := range []string{
		"", "relay.example.com:25", "http://relay.example.com", "smtp://", "smtp://host:99999", "smtp://host:x", "smtp+plain://relay.example.com",
		"smtps://me@relay.example.com", "smtp://host/path", "smtps://me:hunter2@host/%zz", "smtps://me:hunter2@",
	} {
		if r, err := ParseRelay(address, ""); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %+v, %v", address, r, err)
		}
	}
	if _, err := ParseRelay("smtps://me@relay.example.com", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a password file that is not there")
	}
}
