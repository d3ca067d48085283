// Package jobs does what Portico does in the world outside: send a mail, call a webhook,
// render a document. A job is a row; it is inserted exactly once for its cause, and done at
// least once, by a handler that runs outside any transaction (ENGINE §5). What a handler
// does twice must have the effect of once: a mail keeps its Message-ID, a webhook its id.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// Job is one thing to do. Its ID is derived from what caused it, so that inserting it
// again is nothing; see For and Child.
type Job struct {
	ID        uuid.UUID
	Tenant    string
	Kind      string
	Payload   json.RawMessage // the kind's own; ids, never secrets or whole documents
	NotBefore time.Time       // the zero time: at once
	Route     uuid.UUID       // the customer it concerns; the nil UUID: none
	// Pos is where the event stands that led to it: read models are asked for at least that.
	Pos         eventstore.Position
	Correlation uuid.UUID // of the request that began it all
	Causation   uuid.UUID // the event, or the job, that led to it

	metadata map[string]string // of a message that was published
}

// Attempt is a job on its way to being done: the first, or another one.
type Attempt struct {
	Job
	Number int // from 1
}

// Handler does a job. nil means done. An error means another attempt later, unless it is
// one of Permanent or Later. ctx ends with the kind's timeout, or when the process must
// stop; an attempt that was cut off so does not count.
type Handler func(ctx context.Context, a Attempt) error

// Kind is a sort of job and how it is done.
type Kind struct {
	Name    string        // such as mail.send; forever, since rows carry it
	Timeout time.Duration // of one attempt
	// Pauses before the second attempt, the third, and so on, each give or take a quarter;
	// the job is dead when they are used up.
	Pauses []time.Duration
	// AtOnce is how many one process does side by side; 4 if zero.
	AtOnce int
	// Past says that jobs of this kind follow also from events that are older than the
	// first start of the feeder, on an upgrade or a restored log. Those of others do not:
	// nobody gets mail about the past.
	Past bool
	Do   Handler
}

// Plan says which jobs follow from an event. It is pure, and it answers the same jobs with
// the same ids whenever it is asked.
type Plan struct {
	Of   []string // beginnings of event types' names, such as "invoice."
	Jobs func(e envelope.Event) []Job
}

// For is a job of a kind because of an event. payload is encoded as JSON.
func For(e envelope.Event, kind string, payload any) Job {
	return Job{
		ID: derived(e.ID, kind), Tenant: e.Meta.Tenant, Kind: kind, Payload: encoded(payload), Route: e.Meta.Route, Pos: e.Pos,
		Correlation: e.Meta.CorrelationID, Causation: e.ID,
	}
}

// Child is a job that a job leads to; of several of one kind, key tells them apart.
func (j Job) Child(kind, key string, payload any) Job {
	return Job{
		ID: derived(j.ID, kind+"\x00"+key), Tenant: j.Tenant, Kind: kind, Payload: encoded(payload), Route: j.Route, Pos: j.Pos,
		Correlation: j.Correlation, Causation: j.ID,
	}
}

func derived(from uuid.UUID, name string) uuid.UUID { return uuid.NewSHA1(from, []byte(name)) }

func encoded(payload any) json.RawMessage {
	data, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("jobs: a payload of type %T is no JSON: %v", payload, err)) // plain structs always are
	}
	return data
}

// Into decodes a payload. What cannot be decoded never will be.
func (j Job) Into(payload any) error {
	if err := json.Unmarshal(j.Payload, payload); err != nil {
		return Permanent(fmt.Errorf("the payload of %s %s: %w", j.Kind, j.ID, err))
	}
	return nil
}

// Permanent says that no further attempt would do better: the job is dead at once.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// IsPermanent tells whether an error is one of Permanent.
func IsPermanent(err error) bool {
	var p *permanent
	return errors.As(err, &p)
}

// Later says that it is too early: another attempt after d, which does not count as one.
func Later(d time.Duration, why string) error { return &later{d, why} }

type later struct {
	after time.Duration
	why   string
}

func (l *later) Error() string { return l.why }
