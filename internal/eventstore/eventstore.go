// Package eventstore is the one door to history: append to a stream, read it back,
// read everything in commit order. It knows bytes, not meanings. Adapters: memory,
// Postgres; storetest holds the contract that each must keep (ENGINE §1).
package eventstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// StreamName names one aggregate's history: "<tenant>.<category>-<id>". The tenant's
// code has no dash, so that EventStoreDB's by-category split at the first dash works.
type StreamName string

var (
	tenantCode = regexp.MustCompile(`^[a-z0-9]{1,24}$`)
	category   = regexp.MustCompile(`^[a-z]{1,32}$`)
	streamName = regexp.MustCompile(`^[a-z0-9]{1,24}\.[a-z]{1,32}-[A-Za-z0-9-]{1,100}$`)
	eventType  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`) // EventStoreDB keeps "$" for itself
)

// Stream is the name of an aggregate's stream. It panics if the tenant's code or the
// category could not be split off again: both are chosen by us, not by a request.
func Stream(tenant, cat, id string) StreamName {
	if !tenantCode.MatchString(tenant) || !category.MatchString(cat) {
		panic(fmt.Sprintf("eventstore: %q, %q cannot name a stream", tenant, cat))
	}
	return StreamName(tenant + "." + cat + "-" + id)
}

// Split takes the name apart.
func (s StreamName) Split() (tenant, cat, id string) {
	tenant, rest, _ := strings.Cut(string(s), ".")
	cat, id, _ = strings.Cut(rest, "-")
	return tenant, cat, id
}

// Valid tells whether the name has the form above.
func (s StreamName) Valid() bool { return streamName.MatchString(string(s)) }

// AggregateID is the UUID that the name's id begins with, or the nil UUID.
func (s StreamName) AggregateID() uuid.UUID {
	_, _, id := s.Split()
	if len(id) < 36 {
		return uuid.Nil
	}
	parsed, err := uuid.Parse(id[:36])
	if err != nil {
		return uuid.Nil
	}
	return parsed
}

// Position is a place in the log, ordered as events were committed. It is opaque:
// compare it, never compute with it. The zero value is before everything; an adapter
// whose engine knows a real (0,0) maps it away. Postgres uses {position, 0}.
type Position struct{ Hi, Lo uint64 }

// Compare orders positions: -1, 0 or 1.
func (p Position) Compare(o Position) int {
	switch {
	case p == o:
		return 0
	case p.Hi < o.Hi || p.Hi == o.Hi && p.Lo < o.Lo:
		return -1
	}
	return 1
}

// Before tells whether p comes before o.
func (p Position) Before(o Position) bool { return p.Compare(o) < 0 }

// Until is how many events there are from p to o, where positions count them: in PostgreSQL and in
// memory. EventStoreDB's are places in its files: there it is 0.
func (p Position) Until(o Position) uint64 {
	if p.Lo != 0 || o.Lo != 0 || o.Hi < p.Hi {
		return 0
	}
	return o.Hi - p.Hi
}

// String is the form of tokens and logs: "hi.lo".
func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Hi, p.Lo) }

// ParsePosition reads what String wrote.
func ParsePosition(s string) (p Position, err error) {
	var rest string
	if n, _ := fmt.Sscanf(s, "%d.%d%s", &p.Hi, &p.Lo, &rest); n != 2 || p.String() != s {
		return Position{}, fmt.Errorf("eventstore: %q is not a position", s)
	}
	return p, nil
}

// NoStream is the version of a stream without events. The first event has version 0.
const NoStream int64 = -1

// Event is one fact to append: exact bytes in, exact bytes out.
type Event struct {
	ID   uuid.UUID
	Type string
	Data []byte
	Meta []byte
}

// Recorded is an event in the log.
type Recorded struct {
	Event
	Stream  StreamName
	Version int64 // in its stream, from 0
	Pos     Position
	At      time.Time // when it was committed, UTC; never runs backwards along Pos
}

// Appended tells where events ended up. Replayed is a hint: the same events were there
// already, and nothing was written.
type Appended struct {
	Version  int64 // of the last event
	Pos      Position
	Replayed bool
}

// Page is part of the log. Next is where to read on; End says that nothing follows yet.
type Page struct {
	Events []Recorded
	Next   Position
	End    bool
}

// Store keeps streams of events.
//
// Append is all or nothing, needs the stream's expected version (NoStream for a new
// one), and answers Conflict if the stream is elsewhere. Repeating an append with the
// same ids at the same version is a success that writes nothing.
//
// After Append has returned a position, every ReadAll from anywhere before it sees the
// event and all that come before it.
type Store interface {
	Append(ctx context.Context, stream StreamName, expected int64, events ...Event) (Appended, error)
	// ReadStream returns up to limit events of versions from on; none if there is no such stream.
	ReadStream(ctx context.Context, stream StreamName, from int64, limit int) ([]Recorded, error)
	// ReadAll returns up to limit events strictly after a position, fewer if they are large.
	ReadAll(ctx context.Context, after Position, limit int) (Page, error)
	// Head is the position of the last event.
	Head(ctx context.Context) (Position, error)
	// Versions are how far streams are now, in the order asked: after Append has returned, no
	// store of the log answers less.
	Versions(ctx context.Context, streams ...StreamName) ([]int64, error)
	// Streams are a tenant's streams of a category that there are now, by name; tenant "" is all
	// tenants, which may take long.
	Streams(ctx context.Context, tenant, category string) ([]StreamName, error)
	// Wake ticks when the log may have grown, and at least each second until ctx ends.
	// Ticks are coalesced and may be lost or spurious: they are a hint to read. Then the
	// channel is closed.
	Wake(ctx context.Context) <-chan struct{}
}

// The limits of one append, the same for every adapter (ENGINE §1, point 3).
const (
	MaxEvents = 500
	MaxBytes  = 768 << 10 // type + data + meta, all events together
	PageBytes = 8 << 20   // ReadAll stops after this much
)

// Conflict says that a stream is not at the expected version.
type Conflict struct {
	Stream           StreamName
	Expected, Actual int64
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("eventstore: %s is at version %d, not %d", c.Stream, c.Actual, c.Expected)
}

var (
	// ErrUnavailable says that nothing was written and that trying again may work.
	ErrUnavailable = errors.New("eventstore: not available")
	// ErrUnknownOutcome says that the events may or may not have been written: repeat the
	// append with the same ids and version, or read the stream.
	ErrUnknownOutcome = errors.New("eventstore: it is not known whether the events were written")
	// ErrTooLarge says that an append exceeds MaxEvents or MaxBytes.
	ErrTooLarge = errors.New("eventstore: too many events or bytes for one append")
)

// Check refuses an append that no adapter may accept.
func Check(stream StreamName, expected int64, events []Event) error {
	size := 0
	for _, e := range events {
		size += len(e.Type) + len(e.Data) + len(e.Meta)
		if e.ID == uuid.Nil || !eventType.MatchString(e.Type) {
			return fmt.Errorf("eventstore: event %s of type %q cannot be appended", e.ID, e.Type)
		}
	}
	switch {
	case !stream.Valid():
		return fmt.Errorf("eventstore: %q does not name a stream", stream)
	case expected < NoStream:
		return fmt.Errorf("eventstore: %d is not a version", expected)
	case len(events) == 0:
		return errors.New("eventstore: nothing to append")
	case len(events) > MaxEvents || size > MaxBytes:
		return fmt.Errorf("%w: %d events of %d bytes", ErrTooLarge, len(events), size)
	}
	return nil
}
