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
	Tenant  string            `json:"-"`
	Kind    string            `json:"kind" example:"viewed" doc:"What: such as sign_in.succeeded, viewed, downloaded, exported, denied"`
	Outcome string            `json:"outcome" enum:"success,failure,denied"`
	Actor   envelope.Actor    `json:"actor" doc:"Who. Of who is not known: anonymous, and an id of zeros"`
	Login   uuid.UUID         `json:"login_id,omitzero" doc:"The human, where there is one"`
	Origin  envelope.Origin   `json:"origin" doc:"From where. Address and agent are absent once they were erased"`
	Target  Target            `json:"target" doc:"About what"`
	Detail  map[string]string `json:"detail,omitempty" doc:"Operation, rule, names of filters, count; never what was typed"`
}

// Target is what it was about; what does not apply is left out.
type Target struct {
	Kind     string    `json:"kind" example:"invoice" doc:"portico: the service itself"` // invoice, contact, login, audit_log
	ID       uuid.UUID `json:"id,omitzero"`
	Customer uuid.UUID `json:"customer_id,omitzero"`
}

// Entry is a record as it was kept.
type Entry struct {
	No int64     `json:"number" doc:"From 1, of all tenants together without gaps, in the order in which they were kept"`
	At time.Time `json:"recorded_at" doc:"UTC, never before that of an earlier entry"`
	ID uuid.UUID `json:"id"`
	Record
}

// Write keeps records: when it returns without an error they are there for good. Whoever
// writes must not go on if it fails (PCI DSS v4 10.7.2).
type Write func(ctx context.Context, records ...Record) error
