package eventstoredb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"portico/internal/eventstore"
)

// An event that was copied from another log has its first time of commit before all else in its
// metadata: the engine gives each event the time of its own. Readers see the metadata without it.
const (
	copiedAt   = `{"portico.at":"`
	copiedTime = "2006-01-02T15:04:05.000000Z" // microseconds, UTC; always as long
)

// withTime puts a time before the rest of an object.
func withTime(meta []byte, at time.Time) ([]byte, error) {
	if len(meta) < 2 || meta[0] != '{' || bytes.HasPrefix(meta, []byte(copiedAt)) {
		return nil, errors.New("its metadata is no JSON object of Portico's")
	}
	out := append([]byte(copiedAt), at.UTC().Format(copiedTime)...)
	out = append(out, '"')
	if meta[1] != '}' {
		out = append(out, ',')
	}
	return append(out, meta[1:]...), nil
}

// timeOf takes them apart again.
func timeOf(meta []byte) (rest []byte, at time.Time, copied bool) {
	after, copied := bytes.CutPrefix(meta, []byte(copiedAt))
	if !copied || len(after) < len(copiedTime)+2 {
		return meta, time.Time{}, false
	}
	at, err := time.Parse(copiedTime, string(after[:len(copiedTime)]))
	if err != nil {
		return meta, time.Time{}, false
	}
	after = bytes.TrimPrefix(after[len(copiedTime)+1:], []byte(","))
	return append([]byte("{"), after...), at, true
}

// patience is how long Write goes on asking a server that does not answer.
const patience = time.Minute

// Write copies recorded events, in order, under their ids and with their times. What is there
// already stays as it is: it may be given again.
func (s *Store) Write(ctx context.Context, events []eventstore.Recorded) error {
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && n < eventstore.MaxEvents && events[n].Stream == events[0].Stream {
			if size += len(events[n].Type) + len(events[n].Data) + len(events[n].Meta); n > 0 && size > eventstore.MaxBytes {
				break
			}
			n++
		}
		if err := s.write(ctx, events[:n]); err != nil {
			return fmt.Errorf("eventstoredb: copying %s from version %d: %w", events[0].Stream, events[0].Version, err)
		}
		events = events[n:]
	}
	return nil
}

// write is one append, again and again until its outcome is known.
func (s *Store) write(ctx context.Context, events []eventstore.Recorded) error {
	first := events[0]
	data := make([]esdb.EventData, len(events))
	for i, e := range events {
		meta, err := withTime(e.Meta, e.At)
		if err != nil {
			return err
		}
		data[i] = proposed(e.Event, meta)
	}
	for until := time.Now().Add(patience); ; {
		_, err := s.append(ctx, first.Stream, first.Version-1, data)
		again := !errors.Is(err, ErrConfiguration) && (errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrUnknownOutcome))
		if err == nil || !again || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
