package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Relay says which server takes our mails, and how we show who we are.
type Relay struct {
	Host           string
	Port           int
	TLS            string // from the beginning ("implicit"), by STARTTLS ("starttls"), or "none"
	User, Password string
	// ReturnPath is whom servers on the way tell that a mail did not arrive; "": the sender.
	ReturnPath string
	Roots      *x509.CertPool // nil: the system's
	Timeout    time.Duration  // of each step
}

// defaultTimeout is RFC 5321's advice cut short: a job comes back.
const defaultTimeout = 30 * time.Second

// ParseRelay reads where mails go: smtp://relay.example.com:587 (STARTTLS is required),
// smtps://relay.example.com:465, or smtp+plain://127.0.0.1:1025, which is refused for
// another machine unless ?insecure=yes says that its network is trusted. The password, if
// passwordFile is given, is read from there.
func ParseRelay(address, passwordFile string) (*Relay, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("mail: the SMTP address is no URL such as smtps://user@relay.example.com") // the error would show a password
	}
	r := &Relay{Host: u.Hostname(), Timeout: defaultTimeout}
	known := map[string]Relay{"smtp": {TLS: "starttls", Port: 587}, "smtps": {TLS: "implicit", Port: 465}, "smtp+plain": {TLS: "none", Port: 25}}
	how, ok := known[u.Scheme]
	if !ok || r.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("mail: %q is not smtp://host, smtps://host or smtp+plain://host", u.Redacted())
	}
	r.TLS, r.Port = how.TLS, how.Port
	if u.Port() != "" {
		if r.Port, err = strconv.Atoi(u.Port()); err != nil || r.Port < 1 || r.Port > 65535 {
			return nil, fmt.Errorf("mail: %s is not a port", u.Port())
		}
	}
	if r.TLS == "none" && !loopback(r.Host) && u.Query().Get("insecure") != "yes" {
		return nil, fmt.Errorf("mail: smtp+plain sends mails, and the password, for everybody on the way to %s to read: use smtp:// or smtps://, or add ?insecure=yes", r.Host)
	}
	r.User = u.User.Username()
	r.Password, _ = u.User.Password()
	if passwordFile != "" {
		secret, err := os.ReadFile(passwordFile)
		if err != nil {
			return nil, fmt.Errorf("mail: the SMTP password: %w", err)
		}
		r.Password = strings.TrimRight(string(secret), "\r\n")
	}
	if r.User != "" && r.Password == "" {
		return nil, fmt.Errorf("mail: there is a user %q for SMTP and no password: in the URL, or in a file", r.User)
	}
	return r, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String is the address without the password.
func (r *Relay) String() string {
	return fmt.Sprintf("%s (tls: %s)", net.JoinHostPort(r.Host, strconv.Itoa(r.Port)), r.TLS)
}

// client is the library's, which greets, encrypts and authenticates.
func (r *Relay) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(r.Port), gomail.WithTimeout(r.Timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: r.Host, RootCAs: r.Roots, MinVersion: tls.VersionTLS12}),
	}
	switch r.TLS {
	case "implicit":
		options = append(options, gomail.WithSSL())
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if r.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(r.User), gomail.WithPassword(r.Password))
	}
	return gomail.NewClient(r.Host, options...)
}
