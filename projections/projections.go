// Package projections turns history into the tables that pages read, and answers queries
// from them. A screen's table, its writer and its queries share a file. The engine that
// keeps the tables up to date is a package of its own.
package projections

import (
	"github.com/google/uuid"

	"portico/domain/access"
)

// Viewer is who asks. Every query takes one first, so that none can forget whose rows it
// may show.
type Viewer struct {
	Tenant string
	Kind   string    // envelope.Staff, Contact, Auditor, Integration or System
	ID     uuid.UUID // the actor's
	// Standing is what a contact may see; of others there is none.
	Standing *access.Standing
	// Version, if there is one, is set to that of what a query of the portal group answers.
	Version *Version
}

// customers are those whose data a contact may see something of.
func (v Viewer) customers() []uuid.UUID {
	if v.Standing == nil {
		return nil
	}
	return v.Standing.Seen()
}
