// Package journal records what people do that changes nothing, or was refused: signing in,
// looking, taking copies, being turned away. What changes something is an event; what does
// not is here, under the same guarantees: who, what, when, with which outcome, from where
// and about what (PCI DSS v4 10.2.2).
package journal

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
)

// The outcomes.
const (
	Success = "success"
	Failure = "failure" // it was tried, and did not come off: a wrong password
	Denied  = "denied"  // it was not theirs to do
)

// Record is one thing that somebody did or tried.
type Record struct {
	Tenant  string
	Kind    string // what, such as sign_in.succeeded, sign_in.failed, viewed, downloaded, exported, denied
	Outcome string
	Actor   envelope.Actor // of who is not known: Kind "anonymous" and the nil UUID
	Login   uuid.UUID      // the human, where there is one
	Origin  envelope.Origin
	Target  Target
	Detail  map[string]string // operation, rule, filter, count; never what was typed
}

// Target is what it was about; what does not apply is left out.
type Target struct {
	Kind     string // invoice, contact, login, audit_log
	ID       uuid.UUID
	Customer uuid.UUID
}

// Entry is a record as it was kept.
type Entry struct {
	Record
	No int64     // from 1, without gaps, in the order in which they were kept
	At time.Time // UTC, of the database, never before that of an earlier entry
}

// Write keeps records: when it returns without an error they are there for good. Whoever
// writes must not go on if it fails (PCI DSS v4 10.7.2).
type Write func(ctx context.Context, records ...Record) error
