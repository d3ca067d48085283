// Package eventstoredb keeps history in EventStoreDB, over its Go client v4.2.0. The answers to
// what that client does wrong are ENGINE §3's; the numbers of its table stand beside them. It
// pulls: a subscription is only a hint to read, so losing one costs time and never an event.
package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"portico/internal/eventstore"
)

// Store is a store in EventStoreDB. Streams that are not named as Portico's are passed over:
// the engine's own, and those of other programs.
type Store struct {
	client *esdb.Client
	shelf  Shelf
	waker  eventstore.Waker
	stuck  atomic.Int64 // calls that the client has not given back although their time was over
	calls  sync.WaitGroup
	head   atomic.Pointer[eventstore.Position] // the newest that was seen; it only grows
	end    context.CancelFunc                  // of the subscription
	ended  chan struct{}
}

var _ eventstore.Store = (*Store)(nil)

const (
	grace     = 100 * time.Millisecond // for a call to notice that its time is over
	mostStuck = 8                      // then no more are begun
	farewell  = 5 * time.Second        // for calls to end, at Close
	callTime  = 5 * time.Second        // of a call, whose caller may wait longer: the client sets no end for reads
)

// ErrConfiguration says that no call can succeed until somebody changes something: the address,
// or what its user may do.
var ErrConfiguration = errors.New("eventstoredb: the connection is not set up right")

// Open connects when the first call comes. Address is a connection string of EventStoreDB,
// esdb://… or esdb+discover://…. Shelf keeps which streams there are, and may be nil: then Streams
// reads the whole log.
func Open(address string, shelf Shelf) (*Store, error) {
	if !strings.HasPrefix(address, "esdb://") && !strings.HasPrefix(address, "esdb+discover://") { // 25
		return nil, fmt.Errorf("%w: an address begins with esdb:// or esdb+discover://", ErrConfiguration)
	}
	c, err := esdb.ParseConnectionString(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	if c.DisableTLS && c.Username != "" { // 23: it would silently not be sent
		return nil, fmt.Errorf("%w: a user's name and password are only sent over TLS: leave out tls=false, or the user", ErrConfiguration)
	}
	c.MaxDiscoverAttempts = math.MaxInt32 // 19: after fewer the client is dead for good
	c.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	ctx, end := context.WithCancel(context.Background())
	if shelf == nil {
		shelf = noShelf{}
	}
	s := &Store{client: client, shelf: shelf, end: end, ended: make(chan struct{})}
	s.head.Store(&eventstore.Position{})
	go s.listen(ctx)
	return s, nil
}

// Close ends it once every call has come back. If one does not, the connection is left to the end
// of the process: closing it under a call panics (27).
func (s *Store) Close() {
	s.end()
	back := make(chan struct{})
	go func() { <-s.ended; s.calls.Wait(); close(back) }()
	select {
	case <-back:
		_ = s.client.Close() // answers nil
	case <-time.After(farewell):
	}
}

func (s *Store) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if err := eventstore.Check(stream, expected, events); err != nil { // 09, 10: the server may answer a bare EOF
		return eventstore.Appended{}, err
	}
	data := make([]esdb.EventData, len(events))
	for i, e := range events {
		if _, _, copied := timeOf(e.Meta); copied {
			return eventstore.Appended{}, fmt.Errorf("eventstoredb: event %s has the metadata of one that was copied", e.ID)
		}
		data[i] = proposed(e, e.Meta)
	}
	return s.append(ctx, stream, expected, data)
}

func proposed(e eventstore.Event, meta []byte) esdb.EventData {
	return esdb.EventData{EventID: e.ID, EventType: e.Type, ContentType: contentType(e.Data), Data: e.Data, Metadata: meta}
}

func (s *Store) append(ctx context.Context, stream eventstore.StreamName, expected int64, data []esdb.EventData) (eventstore.Appended, error) {
	if err := ctx.Err(); err != nil {
		return eventstore.Appended{}, err
	}
	var revision esdb.ExpectedRevision = esdb.NoStream{}
	if expected != eventstore.NoStream {
		revision = esdb.Revision(uint64(expected))
	}
	done := eventstore.Appended{Version: expected + int64(len(data))}
	_, err := do(ctx, s, func(ctx context.Context) (none struct{}, err error) {
		w, err := s.client.AppendToStream(ctx, string(stream), esdb.AppendToStreamOptions{ExpectedRevision: revision}, data...)
		if err != nil {
			return none, err
		}
		if done.Pos = position(w.CommitPosition, w.PreparePosition); w.CommitPosition == 0 { // 12: none, or really the first, 13
			done.Pos, err = s.positionOf(ctx, stream, done.Version)
		}
		return none, err
	})
	switch {
	case err == nil:
		s.seen(done.Pos)
		s.waker.Tell()
		return done, nil
	case code(err) == esdb.ErrorCodeWrongExpectedVersion:
		return eventstore.Appended{}, s.conflict(ctx, stream, expected)
	}
	return eventstore.Appended{}, outcome(err)
}

// conflict finds where the stream is: the client has it in a text only (04).
func (s *Store) conflict(ctx context.Context, stream eventstore.StreamName, expected int64) error {
	actual, err := s.version(ctx, stream)
	if err != nil {
		return readFailed(ctx, err)
	}
	return &eventstore.Conflict{Stream: stream, Expected: expected, Actual: actual}
}

func (s *Store) positionOf(ctx context.Context, stream eventstore.StreamName, version int64) (eventstore.Position, error) {
	found, err := s.read(ctx, stream, esdb.ReadStreamOptions{From: esdb.Revision(uint64(version))}, 1)
	if err != nil {
		return eventstore.Position{}, err
	}
	if len(found) == 0 {
		return eventstore.Position{}, fmt.Errorf("eventstoredb: %s has no version %d, which was just appended", stream, version)
	}
	return found[0].Pos, nil
}

func (s *Store) ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	if limit < 1 {
		return nil, ctx.Err()
	}
	found, err := do(ctx, s, func(ctx context.Context) ([]eventstore.Recorded, error) {
		return s.read(ctx, stream, esdb.ReadStreamOptions{From: esdb.Revision(uint64(max(from, 0)))}, limit)
	})
	return found, readFailed(ctx, err)
}

func (s *Store) read(ctx context.Context, stream eventstore.StreamName, o esdb.ReadStreamOptions, limit int) (found []eventstore.Recorded, err error) {
	r, err := s.client.ReadStream(ctx, string(stream), o, uint64(limit))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		e, err := receive(r)
		switch {
		case errors.Is(err, io.EOF), code(err) == esdb.ErrorCodeResourceNotFound: // 08: there is no such stream
			return found, nil
		case err != nil:
			return nil, err
		}
		found = append(found, recorded(e))
	}
}

// ReadAll reads on where a page has nothing of ours, so that only the end of the log is empty.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	if limit < 1 {
		return eventstore.Page{}, fmt.Errorf("eventstoredb: a page of %d events", limit)
	}
	for {
		p, err := do(ctx, s, func(ctx context.Context) (eventstore.Page, error) { return s.page(ctx, after, limit) })
		if err != nil || len(p.Events) > 0 || p.End {
			return p, readFailed(ctx, err)
		}
		after = p.Next
	}
}

func (s *Store) page(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	p, want := eventstore.Page{Next: after}, limit+1 // one more, to tell whether it is the end
	o := esdb.ReadAllOptions{From: esdb.Start{}}
	if after != (eventstore.Position{}) {
		if after.Hi > math.MaxInt64 { // no log is as long, and the server reads positions as signed
			p.End = true
			return p, ctx.Err()
		}
		o.From = esdb.Position{Commit: after.Hi - 1, Prepare: after.Lo}
		want++ // the server begins with the event that is there
	}
	r, err := s.client.ReadAll(ctx, o, uint64(want))
	if err != nil {
		return p, err
	}
	defer r.Close()
	for scanned, size := 0, 0; ; scanned++ {
		e, err := receive(r)
		if errors.Is(err, io.EOF) {
			p.End = scanned < want
			break
		}
		if err != nil {
			return p, err
		}
		got := recorded(e)
		if !after.Before(got.Pos) {
			continue
		}
		if !got.Stream.Valid() {
			p.Next = got.Pos
			continue
		}
		if size += len(got.Type) + len(got.Data) + len(got.Meta); len(p.Events) == limit || size > eventstore.PageBytes {
			break
		}
		p.Events, p.Next = append(p.Events, got), got.Pos
	}
	if n := len(p.Events); n > 0 {
		s.seen(p.Events[n-1].Pos)
	}
	return p, nil
}

// Head goes back from the end of the log to the last event of ours, and no further than to what
// was seen before.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	_, err := do(ctx, s, func(ctx context.Context) (none struct{}, err error) {
		r, err := s.client.ReadAll(ctx, esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, math.MaxInt32)
		if err != nil {
			return none, err
		}
		defer r.Close()
		for known := *s.head.Load(); ; {
			e, err := receive(r)
			if errors.Is(err, io.EOF) {
				return none, nil
			}
			if err != nil {
				return none, err
			}
			if got := recorded(e); got.Stream.Valid() || !known.Before(got.Pos) {
				s.seen(got.Pos)
				return none, nil
			}
		}
	})
	if err != nil {
		return eventstore.Position{}, readFailed(ctx, err)
	}
	return *s.head.Load(), nil
}

// seen keeps the newest position.
func (s *Store) seen(p eventstore.Position) {
	for {
		was := s.head.Load()
		if !was.Before(p) || s.head.CompareAndSwap(was, &p) {
			return
		}
	}
}

// Wake is told by a subscription; it ticks each second whether or not there is one.
func (s *Store) Wake(ctx context.Context) <-chan struct{} { return s.waker.Wait(ctx) }

// listen subscribes from the end for as long as the store is open. A subscription that is
// dropped says so once and starts no other (16).
func (s *Store) listen(ctx context.Context) {
	defer close(s.ended)
	const shortest, longest = 50 * time.Millisecond, 5 * time.Second
	for pause := shortest; ctx.Err() == nil; pause = min(2*pause, longest) {
		if s.hear(ctx) {
			pause = shortest
		}
		s.waker.Tell() // something may have come while nobody listened
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// hear tells of events until the subscription is dropped; heard says that there was one.
func (s *Store) hear(ctx context.Context) (heard bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sub, err := bounded(ctx, s, func(ctx context.Context) (*esdb.Subscription, error) {
		return s.client.SubscribeToAll(leader(ctx), esdb.SubscribeToAllOptions{From: esdb.End{}, MaxSearchWindow: 1000, CheckpointInterval: 10,
			Filter: esdb.ExcludeSystemEventsFilter()})
	})
	if err != nil {
		return false
	}
	defer sub.Close()
	s.waker.Tell() // of what came before it began
	for ctx.Err() == nil {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			return heard
		}
		heard = true
		if e.EventAppeared != nil {
			s.waker.Tell()
		}
	}
	return heard
}

// receive takes the next event. A message that the client does not know makes it panic.
func receive(r *esdb.ReadStream) (e *esdb.RecordedEvent, err error) {
	defer func() {
		if said := recover(); said != nil {
			err = fmt.Errorf("eventstoredb: the client does not understand the server: %v", said)
		}
	}()
	got, err := r.Recv()
	if err != nil {
		return nil, err
	}
	return got.OriginalEvent(), nil
}

// recorded is an event as stores have them. Its time is cut to microseconds, as PostgreSQL's are.
func recorded(e *esdb.RecordedEvent) eventstore.Recorded {
	meta, at, copied := timeOf(e.UserMetadata)
	if !copied {
		at = e.CreatedDate.UTC().Truncate(time.Microsecond)
	}
	return eventstore.Recorded{
		Event:  eventstore.Event{ID: e.EventID, Type: e.EventType, Data: present(e.Data), Meta: present(meta)},
		Stream: eventstore.StreamName(e.StreamID), Version: int64(e.EventNumber),
		Pos: position(e.Position.Commit, e.Position.Prepare), At: at,
	}
}

// position is the engine's, one further: its log begins at 0, ours after the zero position.
func position(commit, prepare uint64) eventstore.Position {
	return eventstore.Position{Hi: commit + 1, Lo: prepare}
}

func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// contentType says what the engine's own tools may show of an event; the bytes are kept as they are.
func contentType(data []byte) esdb.ContentType {
	if len(data) > 1 && data[0] == '{' && data[len(data)-1] == '}' {
		return esdb.ContentTypeJson
	}
	return esdb.ContentTypeBinary
}
