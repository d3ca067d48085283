// Package projections turns history into the tables that pages read, and answers queries
// from them. A screen's table, its writer and its queries share a file. The engine that
// keeps the tables up to date is a package of its own.
package projections

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/envelope"
)

// Viewer is who asks. Every query takes one first, so that none can forget whose rows it
// may show.
type Viewer struct {
	Tenant string
	Kind   string    // envelope.Staff, Contact, Auditor, Integration or System
	ID     uuid.UUID // the actor's
	// Audits tells whether a member of staff may read history, too: an owner's, or one's who is
	// an auditor besides something else.
	Audits bool
	// Standing is what a contact may see; of others there is none.
	Standing *access.Standing
	// Hidden are fields that are not shown whoever asks: those of a customer, on its papers.
	Hidden []access.Field
	// Version, if there is one, is set to that of what a query of the portal group answers.
	Version *Version
}

// readsHistory tells whether a viewer may read who did what.
func (v Viewer) readsHistory() bool {
	return v.Kind == envelope.Auditor || v.Kind == envelope.System || v.Kind == envelope.Staff && v.Audits
}

// hidden are the fields that are not shown.
func (v Viewer) hidden() []access.Field {
	if v.Standing == nil {
		return v.Hidden
	}
	return slices.Concat(v.Standing.Hidden, v.Hidden)
}

// customers are those whose data a contact may see something of.
func (v Viewer) customers() []uuid.UUID {
	if v.Standing == nil {
		return nil
	}
	return v.Standing.Seen()
}
