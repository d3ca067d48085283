package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/metadata"

	"portico/internal/eventstore"
)

// do makes a call to the leader within its time. The client may ignore both (06, 19).
func do[T any](ctx context.Context, s *Store, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return bounded(ctx, s, func(ctx context.Context) (T, error) { return f(leader(ctx)) })
}

func bounded[T any](ctx context.Context, s *Store, f func(context.Context) (T, error)) (none T, err error) {
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if s.stuck.Load() >= mostStuck {
		return none, fmt.Errorf("%w: no node of EventStoreDB answers", eventstore.ErrUnavailable)
	}
	type answer struct {
		got T
		err error
	}
	done := make(chan answer, 1)
	s.calls.Go(func() {
		got, err := f(ctx)
		done <- answer{got, err}
	})
	select {
	case a := <-done:
		return a.got, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-done:
		return a.got, a.err
	case <-time.After(grace):
	}
	s.stuck.Add(1)
	go func() { <-done; s.stuck.Add(-1) }()
	return none, ctx.Err()
}

// leader asks that only the leader answers: a follower may be behind what was acknowledged.
func leader(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
}

// code is the client's code of an error; its own FromError does not look through wrapping (21).
func code(err error) esdb.ErrorCode {
	var e *esdb.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return esdb.ErrorCodeUnknown
}

// outcome is an append's error as stores have them: what is not known to have written nothing may
// have been written.
func outcome(err error) error {
	if code(err) == esdb.ErrorCodeNotLeader || errors.Is(err, eventstore.ErrUnavailable) { // 18: the client is on its way to the leader
		return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	if lasting := lasts(err); lasting != nil {
		return lasting
	}
	return fmt.Errorf("%w: %w", eventstore.ErrUnknownOutcome, err)
}

// readFailed is a read's error as stores have them: trying again may work.
func readFailed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("eventstoredb: read: %w", ctx.Err())
	}
	if until, set := ctx.Deadline(); set && code(err) == esdb.ErrorCodeDeadlineExceeded && time.Until(until) < grace {
		return fmt.Errorf("eventstoredb: read: %w", context.DeadlineExceeded) // the client's clock was first
	}
	if lasting := lasts(err); lasting != nil {
		return lasting
	}
	return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
}

// lasts is an error that stays until somebody does something, or nil.
func lasts(err error) error {
	switch code(err) {
	case esdb.ErrorCodeAccessDenied, esdb.ErrorCodeUnauthenticated:
		return fmt.Errorf("%w: %w: %w", ErrConfiguration, eventstore.ErrUnavailable, err)
	case esdb.ErrorCodeStreamDeleted:
		return fmt.Errorf("eventstoredb: history was deleted: %w", err)
	}
	return nil
}
