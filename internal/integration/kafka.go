package integration

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"portico/internal/public"
)

// kafkaSettings are what a URL kafka://… says.
type kafkaSettings struct {
	brokers        []string
	topic          string
	user, password string // SASL PLAIN, if given
	tls            bool
}

var kafkaTopic = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// parseKafka reads kafka://[user:password@]host:9092[,host:9092]/topic[?tls=true].
func parseKafka(where string) (s kafkaSettings, err error) {
	rest, query, _ := strings.Cut(strings.TrimPrefix(where, "kafka://"), "?")
	given, err := options(query, "tls")
	if err != nil {
		return s, err
	}
	if given.Has("tls") {
		if s.tls, err = strconv.ParseBool(given.Get("tls")); err != nil {
			return s, fmt.Errorf("tls is true or false, not %q", given.Get("tls"))
		}
	}
	hosts, topic, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		who, err := url.Parse("kafka://" + hosts[:i+1] + "x")
		if err != nil {
			return s, errors.New("user and password are not written as in a URL")
		}
		s.user = who.User.Username()
		s.password, _ = who.User.Password()
		hosts = hosts[i+1:]
	}
	s.brokers, s.topic = strings.Split(hosts, ","), topic
	for _, b := range s.brokers {
		if host, port, found := strings.Cut(b, ":"); host == "" || port == "" || !found {
			return s, fmt.Errorf("%q is no broker such as host:9092", b)
		}
	}
	if !kafkaTopic.MatchString(topic) {
		return s, fmt.Errorf("%q is no topic: kafka://host:9092/topic", topic)
	}
	if err := s.config().Validate(); err != nil {
		return s, err
	}
	return s, nil
}

func openKafka(where string) (Target, error) {
	s, err := parseKafka(where)
	if err != nil {
		return Target{}, err
	}
	return Target{Publisher: &lazy{connect: s.connect}, Topic: func(public.Event) string { return s.topic }}, nil
}

func (s kafkaSettings) connect() (message.Publisher, error) {
	return kafka.NewPublisher(kafka.PublisherConfig{
		Brokers: s.brokers, OverwriteSaramaConfig: s.config(),
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(partitionKey), nil
		}),
	}, watermill.NopLogger{})
}

// config keeps the order of each partition also when sarama tries again by itself: an
// idempotent producer, one request at a time, acknowledged by all replicas in sync.
func (s kafkaSettings) config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID, c.Version = "portico", sarama.V1_0_0_0
	c.Producer.Return.Successes = true // the sync producer needs it
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent, c.Net.MaxOpenRequests = true, 1
	c.Net.TLS.Enable = s.tls
	if s.user != "" {
		c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, s.user, s.password
	}
	return c
}
