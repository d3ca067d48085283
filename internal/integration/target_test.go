package integration

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/nats-io/nats.go"

	"portico/internal/public"
)

func TestNATSSettings(t *testing.T) {
	full := natsSettings{server: "tls://u:p@mq:4222", stream: "S", subject: "a.b-c", create: true, credentials: "/c", ca: "/a", cert: "/x", key: "/y"}
	for where, want := range map[string]natsSettings{
		"nats://mq:4222": {server: "nats://mq:4222", stream: "PORTICO", subject: "portico.events"},
		"tls://u:p@mq:4222?stream=S&subject=a.b-c&create=true&credentials=/c&ca=/a&cert=/x&key=/y": full,
	} {
		if got, err := parseNATS(where); err != nil || got != want {
			t.Errorf("%s: %+v, %v", where, got, err)
		}
	}
	for where, says := range map[string]string{
		"nats://":                            "host",
		"nats://mq:4222/PORTICO":             "nothing but settings",
		"nats://mq?stream=A.B":               "stream",
		"nats://mq?subject=portico.>":        "subject",
		"nats://mq?subject=portico..events":  "subject",
		"nats://mq?subject=a b":              "subject",
		"nats://mq?creat=true":               `"creat" is no setting`,
		"nats://mq?create=perhaps":           "true or false",
		"nats://mq?cert=/x":                  "together",
		"nats://user:sec%ret@mq:4222":        "not a URL",
		"nats://user:secret@mq:4222?x=1":     `"x" is no setting`,
		"amqp://mq":                          "nats://host",
		"":                                   "nats://host",
		"kafka://mq/topic":                   "broker",
		"kafka://mq:9092":                    "topic",
		"kafka://mq:9092,/topic":             "broker",
		"kafka://mq:9092/to pic":             "topic",
		"kafka://mq:9092/topic?tls=1&sasl=x": `"sasl" is no setting`,
		"kafka://mq:9092/topic?tls=perhaps":  "true or false",
		"kafka://u:sec%ret@mq:9092/topic":    "not written",
		"kafka://u@mq:9092/topic":            "Password",
	} {
		_, err := Open(where)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "ret@") {
			t.Errorf("%q: %v, want one that says %q and no password", where, err, says)
		}
	}
}

func TestKafkaSettings(t *testing.T) {
	for where, want := range map[string]kafkaSettings{
		"kafka://mq:9092/portico":                          {brokers: []string{"mq:9092"}, topic: "portico"},
		"kafka://u:p%40ss@a:9092,b:9093/p.events?tls=true": {brokers: []string{"a:9092", "b:9093"}, topic: "p.events", user: "u", password: "p@ss", tls: true},
	} {
		got, err := parseKafka(where)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", where, got, err)
		}
	}
}

// What a broker will never take is told from what it does not take now.
func TestTooLarge(t *testing.T) {
	for err, want := range map[error]bool{
		nats.ErrMaxPayload: true, sarama.ErrMessageSizeTooLarge: true, sarama.ConfigurationError("larger than MaxMessageBytes"): true,
		nats.ErrTimeout: false, nats.ErrNoResponders: false, sarama.ErrOutOfBrokers: false, sarama.ErrNotEnoughReplicas: false, nil: false,
	} {
		if got := tooLarge(fmt.Errorf("publishing: %w", err)); got != want {
			t.Errorf("%v is for good: %v", err, got)
		}
	}
}

// Subjects have nothing in them that NATS takes for a wildcard or a further level.
func TestSubjects(t *testing.T) {
	s := natsSettings{subject: "portico.events"}
	for _, k := range public.Kinds() {
		got := s.subjectOf(public.Event{Tenant: "main", Type: k.Type})
		if !subject.MatchString(got) || strings.Count(got, ".") != 5 || !strings.HasPrefix(got, "portico.events.main.") {
			t.Errorf("%s goes to %s", k.Type, got)
		}
	}
}
