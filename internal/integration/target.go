package integration

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// Open reads where to publish to: nats://… or kafka://…. It connects when the first event is
// published, so that Portico starts, and works, without the broker.
func Open(where string) (Target, error) {
	scheme, _, _ := strings.Cut(where, "://")
	var (
		t   Target
		err error
	)
	switch scheme {
	case "nats", "tls":
		t, err = openNATS(where)
	case "kafka":
		t, err = openKafka(where)
	default:
		err = errors.New("give nats://host:4222?stream=PORTICO&subject=portico.events, or kafka://host:9092/topic")
	}
	if err != nil {
		return t, fmt.Errorf("where to publish: %w", err)
	}
	return t, nil
}

// options refuses parameters that are not known: a misspelt one would be a setting ignored.
func options(raw string, known ...string) (url.Values, error) {
	given, err := url.ParseQuery(raw)
	for name := range given {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%q is no setting here; there are %s", name, strings.Join(known, ", "))
		}
	}
	return given, err
}

// tooLarge tells whether the broker will never take a message of this size.
func tooLarge(err error) bool {
	var own sarama.ConfigurationError // sarama's own limit; the settings themselves are checked when they are read
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.As(err, &own)
}

// lazy is a publisher that connects when it is first used, and tries again if it cannot.
type lazy struct {
	connect func() (message.Publisher, error)

	mu     sync.Mutex
	opened message.Publisher
	closed bool
	failed error // the last try, at
	at     time.Time
}

func (l *lazy) Publish(topic string, messages ...*message.Message) error {
	p, err := l.publisher()
	if err != nil {
		return err
	}
	return p.Publish(topic, messages...)
}

func (l *lazy) publisher() (message.Publisher, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("integration: the publisher is closed")
	}
	if l.opened != nil {
		return l.opened, nil
	}
	if l.failed != nil && time.Since(l.at) < time.Second { // all lanes ask: one try is enough
		return nil, l.failed
	}
	l.opened, l.failed = l.connect()
	l.at = time.Now()
	return l.opened, l.failed
}

func (l *lazy) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.opened == nil {
		return nil
	}
	return l.opened.Close()
}
