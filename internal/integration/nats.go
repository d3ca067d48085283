package integration

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"portico/internal/public"
)

// natsSettings are what a URL nats://… says.
type natsSettings struct {
	server      string // with user and password, if there are any
	stream      string
	subject     string // events go to subjects below it
	create      bool   // the stream, if there is none
	credentials string // files
	ca          string
	cert, key   string
}

// duplicates is how long a stream that we create remembers ids, and so drops what comes
// twice. NATS' own default is two minutes.
const duplicates = time.Hour

var (
	streamName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	subject    = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

func parseNATS(where string) (s natsSettings, err error) {
	u, err := url.Parse(where)
	if err != nil {
		return s, errors.New("it is not a URL") // the error would tell the password
	}
	given, err := options(u.RawQuery, "stream", "subject", "create", "credentials", "ca", "cert", "key")
	if err != nil {
		return s, err
	}
	s = natsSettings{
		server: (&url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}).String(),
		stream: cmp.Or(given.Get("stream"), "PORTICO"), subject: cmp.Or(given.Get("subject"), "portico.events"),
		credentials: given.Get("credentials"), ca: given.Get("ca"), cert: given.Get("cert"), key: given.Get("key"),
	}
	if given.Has("create") {
		s.create, err = strconv.ParseBool(given.Get("create"))
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("create is true or false, not %q", given.Get("create"))
	case u.Host == "" || strings.Trim(u.Path, "/") != "":
		return s, errors.New("give a host, and nothing but settings after it: nats://host:4222?stream=PORTICO")
	case !streamName.MatchString(s.stream):
		return s, fmt.Errorf("a stream cannot be named %q", s.stream)
	case !subject.MatchString(s.subject):
		return s, fmt.Errorf("%q is no subject: letters, digits, - and _, with dots between", s.subject)
	case (s.cert == "") != (s.key == ""):
		return s, errors.New("cert and key go together")
	}
	return s, nil
}

func openNATS(where string) (Target, error) {
	s, err := parseNATS(where)
	if err != nil {
		return Target{}, err
	}
	return Target{Publisher: &lazy{connect: s.connect}, Topic: s.subjectOf}, nil
}

// subjectOf is where an event goes: portico.events.main.invoice.issued.v1.
func (s natsSettings) subjectOf(e public.Event) string {
	return s.subject + "." + e.Tenant + "." + strings.TrimPrefix(e.Type, "portico.")
}

func (s natsSettings) connect() (message.Publisher, error) {
	conn, err := nats.Connect(s.server, s.options()...)
	if err != nil {
		return nil, err
	}
	js, err := conn.JetStream()
	if err != nil {
		conn.Close()
		return nil, err
	}
	// watermill-nats appends each message's id to PublishOptions: with room at its end, two
	// lanes would write theirs into the same place.
	settings := wnats.JetStreamConfig{TrackMsgId: true, PublishOptions: slices.Clip([]nats.PubOpt{nats.ExpectStream(s.stream), nats.AckWait(5 * time.Second)})}
	p, err := wnats.NewPublisherWithNatsConn(conn, wnats.PublisherPublishConfig{
		Marshaler: &wnats.NATSMarshaler{}, SubjectCalculator: wnats.DefaultSubjectCalculator, JetStream: settings,
	}, watermill.NopLogger{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &natsPublisher{Publisher: p, js: js, settings: s}, nil
}

func (s natsSettings) options() []nats.Option {
	all := []nats.Option{
		nats.Name("portico"), nats.Timeout(5 * time.Second), nats.ReconnectWait(500 * time.Millisecond),
		nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), // never give up, nor at the second refusal
		nats.ReconnectBufSize(-1), // fail at once without a connection: what is kept here would be sent after its next try
	}
	if s.credentials != "" {
		all = append(all, nats.UserCredentials(s.credentials))
	}
	if s.ca != "" {
		all = append(all, nats.RootCAs(s.ca))
	}
	if s.cert != "" {
		all = append(all, nats.ClientCert(s.cert, s.key))
	}
	return all
}

// natsPublisher makes its stream when asked to, again if somebody has deleted it.
type natsPublisher struct {
	message.Publisher
	js       nats.JetStreamContext
	settings natsSettings
	there    atomic.Bool
}

func (p *natsPublisher) Publish(topic string, messages ...*message.Message) error {
	if p.settings.create && !p.there.Load() {
		if err := p.ensure(); err != nil {
			return err
		}
	}
	err := p.Publisher.Publish(topic, messages...)
	if err != nil {
		p.there.Store(false)
	}
	return err
}

// ensure makes the stream if there is none. One that is there stays as its owner set it up.
func (p *natsPublisher) ensure() error {
	_, err := p.js.StreamInfo(p.settings.stream)
	if errors.Is(err, nats.ErrStreamNotFound) {
		_, err = p.js.AddStream(&nats.StreamConfig{
			Name: p.settings.stream, Subjects: []string{p.settings.subject + ".>"}, Storage: nats.FileStorage, Duplicates: duplicates,
		})
		if errors.Is(err, nats.ErrStreamNameAlreadyInUse) {
			err = nil // another lane was first
		}
	}
	if err != nil {
		return fmt.Errorf("integration: stream %s: %w", p.settings.stream, err)
	}
	p.there.Store(true)
	return nil
}
