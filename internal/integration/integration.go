// Package integration tells other systems what happened: it follows the log, translates
// each event to its public form and hands it to a message broker, in order for each stream.
// An event counts as told once the broker has acknowledged it, and the checkpoint moves only
// after that: at least once, under an id that stays the same (docs/integration-events.md).
package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/public"
	"portico/internal/reactions"
)

// Consumer is the name of the feed's checkpoint in the log, wherever it is published to.
const Consumer = "integration"

// Feed publishes the log.
type Feed struct {
	Subscriber *reactions.Subscriber
	Codec      *envelope.Codec
	Target     Target
	FromStart  bool // at its first start publish history too, instead of what follows
	Log        *slog.Logger

	waiting atomic.Bool // for a broker that does not take events
}

// Target is a broker, and where in it an event goes.
type Target struct {
	message.Publisher
	Topic func(public.Event) string
}

// NewFeed is the feed from a log to a target.
func NewFeed(s *reactions.Subscriber, c *envelope.Codec, to Target, log *slog.Logger) *Feed {
	s.ByStream, s.Wanted = true, map[string]bool{}
	for _, k := range public.Kinds() {
		s.Wanted[k.Stored] = true
	}
	return &Feed{Subscriber: s, Codec: c, Target: to, Log: log}
}

// Run publishes until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	for f.Begin(ctx) != nil {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// What goes wrong is logged here, and only when it changes: during an outage each lane
	// tries again and again.
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router.AddMiddleware(middleware.CorrelationID)
	router.AddConsumerHandler(Consumer, Consumer, f.Subscriber, f.handle)
	return router.Run(ctx)
}

// Begin sees to it that there is a checkpoint: at the log's end, unless history is wanted.
// Run does so, too; who calls it before misses nothing that happens until Run gets there.
func (f *Feed) Begin(ctx context.Context) error {
	var from eventstore.Position
	if !f.FromStart {
		head, err := f.Subscriber.Store.Head(ctx)
		if err != nil {
			return err
		}
		from = head
	}
	return f.Subscriber.StartAt(ctx, Consumer, from)
}

// Close closes the connection to the broker. The feed must not be running any more.
func (f *Feed) Close() error { return f.Target.Close() }

// Retry publishes an event that was set aside.
func (f *Feed) Retry(ctx context.Context, open reactions.Refusal) error {
	return f.Subscriber.Retry(ctx, open, f.publish)
}

// patientTries are how often an event is handed out that cannot be translated, before it is
// set aside. The waits between add up to half a minute.
const patientTries = 5

// handle publishes an event, or answers why it has to come again.
func (f *Feed) handle(m *message.Message) error {
	r, try, err := reactions.Received(m)
	if err != nil {
		return err
	}
	err = f.publish(m.Context(), r)
	var lasting *lastingError
	switch {
	case m.Context().Err() != nil:
		return m.Context().Err()
	case err == nil:
		if f.waiting.Swap(false) {
			f.Log.Info("events are published again", "position", r.Pos.String())
		}
		return nil
	case errors.As(err, &lasting) && (lasting.hopeless || try >= patientTries):
		return f.Subscriber.SetAside(m.Context(), Consumer, r, lasting.error)
	}
	if !f.waiting.Swap(true) {
		f.Log.Warn("events wait to be published", "position", r.Pos.String(), "type", r.Type, "error", err.Error()) // Watermill's errors would print their stack
	}
	return err
}

// lastingError says that it is not for the broker's sake that an event cannot be published.
type lastingError struct {
	error
	hopeless bool // it never goes well by itself
}

// publish answers once the broker has the event for good. An event without a public form
// is published by doing nothing.
func (f *Feed) publish(ctx context.Context, r eventstore.Recorded) error {
	e, told, err := f.translate(ctx, r)
	if err != nil {
		return &lastingError{error: err}
	}
	if !told {
		return nil
	}
	payload, err := e.JSON()
	if err != nil {
		return &lastingError{error: err, hopeless: true}
	}
	m := message.NewMessage(e.ID.String(), payload)
	m.SetContext(ctx)
	m.Metadata.Set("content-type", public.ContentType)
	m.Metadata.Set(partitionKey, e.Stream)
	middleware.SetCorrelationID(e.CorrelationID.String(), m)
	err = f.Target.Publish(f.Target.Topic(e), m)
	if tooLarge(err) {
		return &lastingError{error: domain.Refused("integration.too_large", "the broker takes no message of %d bytes", len(payload)), hopeless: true}
	}
	return err
}

// partitionKey is the name of what keeps a stream's events together, as CloudEvents calls it.
const partitionKey = "partitionkey"

func (f *Feed) translate(ctx context.Context, r eventstore.Recorded) (e public.Event, told bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("integration: translating %s: panic: %v", r.Type, v)
		}
	}()
	opened, err := f.Codec.OpenData(ctx, r)
	if err != nil {
		return e, false, err
	}
	e, told = public.Translate(opened)
	return e, told, nil
}
