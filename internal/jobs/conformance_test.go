package jobs

import (
	"io"
	"log"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"portico/internal/pgtest"
)

// Watermill's own suite for publishers and subscribers, over one table. What a queue of
// jobs is not: there are no consumer groups, since a job is done by one; order is none,
// since jobs run side by side and wait for later attempts; a new subscriber does not get
// what is done.
func TestTheQueueIsAWatermillPubSub(t *testing.T) {
	t.Parallel()
	log.SetOutput(io.Discard) // the suite's own chatter
	db := pgtest.Pool(t)
	tests.TestPubSub(t, tests.Features{Persistent: true, ForceShort: true}, func(t *testing.T) (message.Publisher, message.Subscriber) {
		q := &Queue{Store: &Store{DB: db}, Node: t.Name(), Log: slog.New(slog.DiscardHandler), Poll: 50 * time.Millisecond, Grace: 20 * time.Millisecond}
		q.others = Kind{AtOnce: 10, Pauses: slices.Repeat([]time.Duration{time.Millisecond}, 1000)}
		return Publisher{q.Store}, q
	}, nil)
}
