package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
)

// settings are what flags and the environment say. A flag wins over its variable.
type settings struct {
	addr        string
	dataDir     string
	databaseURL string
	eventStore  string // may hold a password
	roles       roles  // of a server; nil: this is none
	replicaURL  string // "": none
	keyFile     string
	timeZone    string
	currency    string
	proxies     []string
	publicURL   string // without a slash at its end
	filesURL    string
	publish     string
	publishFrom string
	tenant      string // "": the only one
	adding      bool   // a tenant: none is registered by itself
	requests    bool   // from strangers are served: each sees the rows of one tenant

	smtpURL          string // may hold a password
	smtpPasswordFile string
	mailFrom         string
	mailReturnPath   string

	webhooks webhookSettings
	provider providerSettings

	command  string     // that runs, such as keys create
	logLevel slog.Level // warnings, unless a command says otherwise
}

// firstTenant is the code of the tenant that a first start registers, unless --tenant says
// otherwise.
const firstTenant = "main"

func (s *settings) flags(f *pflag.FlagSet) {
	s.logLevel = slog.LevelWarn
	env := func(name, fallback string) string {
		if v, set := os.LookupEnv(name); set {
			return v
		}
		return fallback
	}
	f.StringVar(&s.addr, "addr", env("PORTICO_ADDR", "127.0.0.1:8080"), "address to serve on (PORTICO_ADDR)")
	f.StringVar(&s.dataDir, "data-dir", env("PORTICO_DATA_DIR", "./var"), "where Portico keeps its own PostgreSQL and secrets (PORTICO_DATA_DIR)")
	f.StringVar(&s.databaseURL, "database-url", "", "a PostgreSQL to use instead of a private one (PORTICO_DATABASE_URL)")
	f.StringVar(&s.eventStore, "event-store", "", "where the log is: postgres (in the database), esdb://host:2113 or esdb+discover://name:2113 (PORTICO_EVENT_STORE, default postgres)")
	f.StringVar(&s.replicaURL, "replica-url", "", "a streaming replica of that PostgreSQL, which answers some of what is read (PORTICO_REPLICA_URL, default none)")
	f.StringVar(&s.keyFile, "key-file", env("PORTICO_KEY_FILE", ""), "the key that personal data hang on; back it up apart from the database (PORTICO_KEY_FILE, default DATA-DIR/secrets/kek)")
	f.StringVar(&s.tenant, "tenant", env("PORTICO_TENANT", ""), "code of the tenant that a command is about; not needed where there is one (PORTICO_TENANT)")
	f.StringVar(&s.timeZone, "time-zone", env("PORTICO_TIME_ZONE", "UTC"), "the business's time zone, used at the first start (PORTICO_TIME_ZONE)")
	f.StringVar(&s.currency, "currency", env("PORTICO_CURRENCY", "GBP"), "the business's currency, used at the first start (PORTICO_CURRENCY)")
	f.StringVar(&s.publicURL, "public-url", env("PORTICO_PUBLIC_URL", ""), "where people reach Portico, such as https://portal.example.com: links in mails and on documents (PORTICO_PUBLIC_URL, default http://ADDR)")
	f.StringVar(&s.filesURL, "files-url", env("PORTICO_FILES_URL", ""), "where documents are kept: file:///folder or s3://bucket?region=… (PORTICO_FILES_URL, default DATA-DIR/files)")
	f.StringVar(&s.publish, "publish", "", "a broker to tell other systems by: nats://host:4222?stream=PORTICO&subject=portico.events or kafka://host:9092/topic (PORTICO_PUBLISH, default none)")
	f.StringVar(&s.publishFrom, "publish-from", env("PORTICO_PUBLISH_FROM", "now"), "what is published at the very first start: from now on, or everything from the start of the log: now, start (PORTICO_PUBLISH_FROM)")
	f.StringVar(&s.smtpURL, "smtp-url", "", "the server that takes our mails: smtp://user@host:587 (STARTTLS), smtps://user@host:465; without one they are kept for staff to read: portico mail list (PORTICO_SMTP_URL)")
	f.StringVar(&s.smtpPasswordFile, "smtp-password-file", env("PORTICO_SMTP_PASSWORD_FILE", ""), "file with the password for it, instead of in the URL (PORTICO_SMTP_PASSWORD_FILE)")
	f.StringVar(&s.mailFrom, "mail-from", env("PORTICO_MAIL_FROM", ""), "who mails are from unless the tenant says otherwise (PORTICO_MAIL_FROM, default no-reply@ the host of --public-url)")
	f.StringVar(&s.mailReturnPath, "mail-return-path", env("PORTICO_MAIL_RETURN_PATH", ""), "address that reports of failed delivery go to, to be piped to portico mail bounce (PORTICO_MAIL_RETURN_PATH, default the sender)")
	s.webhooks.flags(f, env)
	s.provider.flags(f, env)
	f.StringSliceVar(&s.proxies, "trusted-proxy", nil, "network of a reverse proxy whose X-Forwarded-For is believed, such as 10.0.0.0/8")
}

// secretly takes from the environment what may hold a password. As the default of a flag, --help
// would show it.
func (s *settings) secretly() {
	for name, at := range map[string]*string{"PORTICO_DATABASE_URL": &s.databaseURL, "PORTICO_REPLICA_URL": &s.replicaURL,
		"PORTICO_EVENT_STORE": &s.eventStore, "PORTICO_PUBLISH": &s.publish, "PORTICO_SMTP_URL": &s.smtpURL} {
		*at = cmp.Or(*at, os.Getenv(name))
	}
}

// address is where people reach Portico, for links.
func (s *settings) address() string {
	if s.publicURL != "" {
		return strings.TrimRight(s.publicURL, "/")
	}
	return "http://" + s.addr
}

// filesAt is the URL of the store of documents; a folder of our own is made.
func (s *settings) filesAt() (string, error) {
	if s.filesURL != "" {
		return s.filesURL, nil
	}
	dir, err := filepath.Abs(filepath.Join(s.dataDir, "files"))
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	return "file://" + filepath.ToSlash(dir) + "?no_tmp_dir=true", err
}

func (s *settings) kekFile() string {
	if s.keyFile != "" {
		return s.keyFile
	}
	return filepath.Join(s.dataDir, "secrets", "kek")
}

func (s *settings) trustedProxies() (nets []netip.Prefix, err error) {
	for _, text := range s.proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: give a network such as 10.0.0.0/8", text)
		}
		nets = append(nets, p)
	}
	return nets, nil
}

// node names this process in events and leases.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// dead tells whether a node was a process of this machine that is no more.
func dead(name string) bool {
	host, pid, _ := strings.Cut(name, "/")
	mine, _, _ := strings.Cut(node(), "/")
	id, err := strconv.Atoi(pid)
	return err == nil && host == mine && errors.Is(syscall.Kill(id, 0), syscall.ESRCH)
}

// operator is whoever runs this command: a person with a shell on the machine, who may do
// what staff may. The operating system's name for them is recorded as where from.
func (a *app) operator(roles ...access.Role) commands.Caller { return operatorOf(a.tenant, roles...) }

func operatorOf(tenant string, roles ...access.Role) commands.Caller {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return commands.Caller{
		Tenant: tenant,
		Actor:  envelope.Actor{Kind: envelope.Staff, ID: domain.DerivedID(commands.TenantID(tenant), "operator", name)},
		Roles:  roles,
		Origin: envelope.Origin{Channel: envelope.ChannelCLI, UserAgent: fmt.Sprintf("portico %s, %s@%s", version, name, host)},
	}
}

// itself is Portico, at work without a person's asking.
func (a *app) itself() commands.Caller { return itselfOf(a.tenant) }

func itselfOf(tenant string) commands.Caller {
	return commands.Caller{
		Tenant: tenant,
		Actor:  envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(commands.TenantID(tenant), "system")},
		Roles:  []access.Role{"system"},
		Origin: envelope.Origin{Channel: envelope.ChannelCLI},
	}
}
