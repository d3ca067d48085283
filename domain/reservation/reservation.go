// Package reservation keeps names unique across streams: whoever appends the first event
// to the name's own stream has it for good (ENGINE §1). Invoice numbers, credit memo
// numbers and customer numbers are reserved so (I6).
package reservation

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Reserved]("reservation.reserved"),
}

// Event is one of the types above.
type Event = domain.Event[Reservation]

// Reservation is who has a name.
type Reservation struct{ owner uuid.UUID }

// Reserved says that a name is Owner's for good.
type Reserved struct {
	Kind  string    `json:"kind"` // invoice, credit_memo, customer
	Name  string    `json:"name"`
	Owner uuid.UUID `json:"owner"`
}

// Evolve gives it to the owner.
func (e Reserved) Evolve(Reservation) Reservation { return Reservation{e.Owner} }

// Reserve asks for a name.
type Reserve struct {
	Kind  string
	Name  string
	Owner uuid.UUID
}

// Decide gives a free name; asking again for one's own is nothing.
func (c Reserve) Decide(s Reservation) ([]Event, error) {
	switch s.owner {
	case uuid.Nil:
		return []Event{Reserved(c)}, nil
	case c.Owner:
		return nil, nil
	}
	return nil, domain.Refused(c.Kind+".number_taken", "the number %q is in use already", c.Name)
}
