// Package projections turns history into the tables that pages read, and answers queries
// from them. A screen's table, its writer and its queries share a file.
//
// Tables belong to a group; a group moves along the log together, so that a page that
// reads from one group never mixes two moments (ENGINE §4). A group's writers are plain
// functions from an event to rows; the engine in this package loads the rows they touch,
// and writes what they changed in sets, with the checkpoint, in one transaction.
package projections

import (
	"github.com/google/uuid"

	"portico/internal/envelope"
)

// Group is a set of tables that move along the log together.
type Group struct {
	Name    string // portal, staff, access or audit
	Version int    // of this code: another version is built beside the old one
	Lanes   int    // how many parts work in parallel; events of one route share a lane
	DDL     string // makes the tables; {s} stands for the schema of the build
	Tables  []table
	// Apply folds one event into rows. It is pure: no clock, no random, no database; it may
	// be called several times for an event, and what it must not depend on is batch size.
	Apply func(b *Batch, e envelope.Event) error
	// Of are the aggregates whose events it folds, by the beginning of their types' names:
	// "invoice." and so on. Left out: all of them.
	Of []string
	// Envelopes says that it folds who and when only: events come without data, and also
	// those of types that a newer program wrote.
	Envelopes bool
	// Route is the key that decides an event's lane: the customer by default.
	Route func(e envelope.Event) uuid.UUID
}

// Viewer is who asks. Every query takes one first, so that none can forget whose rows it
// may show.
type Viewer struct {
	Tenant    string
	Kind      string      // envelope.Staff, Contact, Auditor, Integration or System
	ID        uuid.UUID   // the actor's
	Customers []uuid.UUID // whose data a contact may see; of others it stays empty
}
