package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// Runner does jobs: a Watermill router with a handler for each kind of its queue. A kind
// that no process knows stays queued.
type Runner struct {
	Queue *Queue
	// Drain is how long running handlers may take to finish when Run's context ends; then
	// their contexts are cancelled and what is left is given back, uncounted. 10 s if zero.
	Drain time.Duration
}

// Run does jobs until ctx ends and what runs then has finished.
func (r *Runner) Run(ctx context.Context) error {
	log := r.Queue.Log
	go r.forgets(ctx)
	if len(r.Queue.Kinds) == 0 {
		r.Queue.start() // others may die
		<-ctx.Done()
		return r.Queue.Close()
	}
	// What fails is said by us, with its correlation: the router's own lines are for debugging.
	quiet := map[slog.Level]slog.Level{slog.LevelError: slog.LevelDebug, slog.LevelWarn: slog.LevelDebug, slog.LevelInfo: slog.LevelDebug}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 2 * time.Second}, watermill.NewSlogLoggerWithLevelMapping(log, quiet))
	if err != nil {
		return err
	}
	router.AddMiddleware(outcome, middleware.CorrelationID)
	for _, k := range r.Queue.Kinds {
		router.AddConsumerHandler(k.Name, k.Name, r.Queue, handler(k, log)).AddMiddleware(middleware.Recoverer)
	}
	ended := make(chan error, 1)
	go func() { ended <- router.Run(context.WithoutCancel(ctx)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), or(r.Drain, 10*time.Second))
	defer cancel()
	<-router.Running()
	r.Queue.Drain(drain)
	if err := router.Close(); err != nil { // their jobs are given back all the same
		log.Warn("some handlers do not end when told to", "error", err)
	}
	return errors.Join(r.Queue.Close(), <-ended)
}

func or(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// defaultTimeout bounds an attempt of a kind that does not say how long it takes.
const defaultTimeout = time.Minute

// handler does a kind's job within its time.
func handler(k Kind, log *slog.Logger) message.NoPublishHandlerFunc {
	timeout := or(k.Timeout, defaultTimeout)
	return func(m *message.Message) error {
		a, err := fromMessage(k.Name, m)
		if err != nil {
			return Permanent(err)
		}
		ctx, cancel := context.WithTimeout(m.Context(), timeout)
		defer cancel()
		ctx = context.WithValue(ctx, logKey{}, logged{log, a})
		err = k.Do(ctx, a)
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && m.Context().Err() == nil {
			err = fmt.Errorf("after %v: %w", timeout, err)
		}
		return err
	}
}
