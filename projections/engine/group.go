// Package engine keeps tables up to date with the log. Tables belong to a group; a group
// moves along the log together, so that a page that reads from one group never mixes two
// moments (ENGINE §4). A group's writers are plain functions from an event to rows; the
// engine loads the rows they touch, and writes what they changed in sets, with the
// checkpoint, in one transaction. What the tables mean it does not know.
package engine

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
	Tables  []AnyTable
	// Apply folds one event into rows. It is pure: no clock, no random, no database; it may
	// be called several times for an event, and what it must not depend on is batch size.
	Apply func(b *Batch, e envelope.Event) error
	// Of are the aggregates whose events it folds, by the beginning of their types' names:
	// "invoice." and so on. Left out: all of them.
	Of []string
	// Envelopes says that it folds who and when only: events come without data, and also
	// those of types that a newer program wrote.
	Envelopes bool
	// Strict says that nobody is parked: an event that cannot be applied stops the group.
	Strict bool
	// Route is the key that decides an event's lane: the customer by default.
	Route func(e envelope.Event) uuid.UUID
}

// Fold applies events to empty tables, in memory only: tests ask the batch what came of it.
func (g *Group) Fold(events ...envelope.Event) (*Batch, error) {
	b := newBatch(g.Tables)
	for _, p := range b.all {
		p.reset(true)
	}
	return b, b.pass(g.Apply, events)
}
