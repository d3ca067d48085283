package reactions

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// Watermill's own suite over the event log. The log has no topics: a topic of the suite is a
// stream, and what is published on it one event there; its consumers are named after the
// topic and their group. Order is guaranteed along a stream. A new subscriber of a topic
// goes on where its consumer was: it gets no old messages.
func TestTheLogIsAWatermillPubSub(t *testing.T) {
	log.SetOutput(io.Discard) // the suite's own chatter
	store, db := teststore.New(t), pgtest.Pool(t)
	publisher := &appends{store: store, versions: map[eventstore.StreamName]int64{}}
	grouped := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		s := &Subscriber{Store: store, DB: db, Node: t.Name(), Lanes: 4, Log: slog.New(slog.DiscardHandler), pauses: 5 * time.Millisecond}
		s.wants = func(consumer, typ string) bool { return typ == typeOf(consumer[strings.Index(consumer, "/")+1:]) }
		carries, err := message.MessageTransformSubscriberDecorator(carried)(ofGroup{s, group})
		if err != nil {
			t.Fatal(err)
		}
		return publisher, carries
	}
	features := tests.Features{ConsumerGroups: true, GuaranteedOrder: true, Persistent: true, ForceShort: true}
	tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) { return grouped(t, "all") }, grouped)
}

// ofGroup names consumers by group and topic.
type ofGroup struct {
	*Subscriber
	group string
}

func (g ofGroup) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	return g.Subscriber.Subscribe(ctx, g.group+"/"+topic)
}

// carried are the suite's own metadata, which travel in the event's.
func carried(m *message.Message) {
	var own map[string]string
	if json.Unmarshal([]byte(m.Metadata.Get(keyMeta)), &own) == nil {
		for key, value := range own {
			m.Metadata.Set(key, value)
		}
	}
}

func typeOf(topic string) string { return "suite." + topic }

// appends is a publisher that appends.
type appends struct {
	store    eventstore.Store
	mu       sync.Mutex
	versions map[eventstore.StreamName]int64 // the next one
}

func (a *appends) Publish(topic string, messages ...*message.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	stream := eventstore.Stream("main", "suite", topic)
	var events []eventstore.Event
	for _, m := range messages {
		meta, err := json.Marshal(m.Metadata)
		if err != nil {
			return err
		}
		events = append(events, eventstore.Event{ID: uuid.MustParse(m.UUID), Type: typeOf(topic), Data: m.Payload, Meta: meta})
	}
	_, err := a.store.Append(context.Background(), stream, a.versions[stream]-1, events...)
	if err == nil {
		a.versions[stream] += int64(len(events))
	}
	return err
}

func (a *appends) Close() error { return nil }
