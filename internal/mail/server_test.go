package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// server is an SMTP server in this process that does what a script says.
type server struct {
	t        testing.TB
	smtp     *smtp.Server
	port     int
	listener net.Listener
	roots    *x509.CertPool
	script   func(step string) error // at greet, mail, rcpt, end; a hangUp closes the connection
	user     string                  // with the password "secret"; "": nobody must say who they are

	mu        sync.Mutex
	got       []delivery
	sessions  int
	reachedAt map[string]int
}

type delivery struct {
	from string
	to   []string
	raw  string
	kept bool // the client was told so
}

type hangUp struct{}

func (hangUp) Error() string { return "hang up" }

// serve starts a server; tls is a certificate for these names, or none.
func serve(t testing.TB, script func(step string) error, names ...string) *server {
	t.Helper()
	s := &server{t: t, script: script, reachedAt: map[string]int{}}
	s.smtp = smtp.NewServer(s)
	s.smtp.Domain, s.smtp.AllowInsecureAuth, s.smtp.ErrorLog = "sink.example", true, quiet{}
	if len(names) > 0 {
		s.smtp.TLSConfig = s.certificate(names)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	s.listener = listener
	go s.smtp.Serve(listener)
	t.Cleanup(func() { s.smtp.Close() })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) certificate(names []string) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: names, IPAddresses: []net.IP{net.ParseIP(names[0])}}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	made, _ := x509.ParseCertificate(der)
	s.roots = x509.NewCertPool()
	s.roots.AddCert(made)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// relay is how this server is reached in the clear.
func (s *server) relay() *Relay {
	return &Relay{Host: "127.0.0.1", Port: s.port, TLS: "none", Timeout: 2 * time.Second}
}

func (s *server) sender(r *Relay) *Sender {
	s.t.Helper()
	made, err := NewSender(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(made.Close)
	return made
}

func (s *server) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivery(nil), s.got...)
}

func (s *server) at(step string) error {
	s.mu.Lock()
	s.reachedAt[step]++
	s.mu.Unlock()
	if s.script == nil {
		return nil
	}
	return s.script(step)
}

func (s *server) reached(step string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reachedAt[step]
}

// NewSession greets.
func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	if err := s.at("greet"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sessions++
	s.mu.Unlock()
	return &session{server: s, conn: c, known: s.user == ""}, nil
}

type session struct {
	*server
	conn  *smtp.Conn
	known bool
	now   delivery
}

func (s *session) AuthMechanisms() []string {
	if s.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.known = user == s.user && password == "secret"; !s.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Reset()        { s.now = delivery{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	s.now = delivery{from: from}
	return s.do("mail")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = append(s.now.to, to)
	return s.do("rcpt")
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d := s.now
	d.raw = string(raw)
	err = s.do("end")
	d.kept = err == nil
	s.mu.Lock()
	s.got = append(s.got, d)
	s.mu.Unlock()
	return err
}

func (s *session) do(step string) error {
	err := s.at(step)
	if _, gone := err.(hangUp); gone {
		s.conn.Conn().Close()
	}
	return err
}

func no(code int, enhanced smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// only answers with an error at a step, the first times.
func only(at string, times int, err error) func(string) error {
	var mu sync.Mutex
	return func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		if step != at || times == 0 {
			return nil
		}
		times--
		return err
	}
}
