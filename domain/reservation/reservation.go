// Package reservation keeps names unique across streams: whoever appends the first event
// to the name's own stream has it (ENGINE §1). Invoice numbers, credit memo numbers and
// customer numbers are reserved so for good (I6). Names of logins are given back when
// their owner has another; what stands here of them is a keyed hash (E27).
package reservation

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Reserved]("reservation.reserved"),
	domain.TypeOf[Released]("reservation.released"),
}

// Event is one of the types above.
type Event = domain.Event[Reservation]

// Reservation is who has a name.
type Reservation struct{ owner uuid.UUID }

// Owner is who has the name; the nil UUID: nobody.
func (s Reservation) Owner() uuid.UUID { return s.owner }

// Reserved says that a name is Owner's.
type Reserved struct {
	Kind  string    `json:"kind"` // invoice, credit_memo, customer, login_email, login_username
	Name  string    `json:"name"`
	Owner uuid.UUID `json:"owner"`
}

// Evolve gives it to the owner.
func (e Reserved) Evolve(Reservation) Reservation { return Reservation{e.Owner} }

// Released says that a name is nobody's again.
type Released struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Owner uuid.UUID `json:"owner"` // whose it was
}

// Evolve takes it from the owner.
func (e Released) Evolve(Reservation) Reservation { return Reservation{} }

// Release gives a name back.
type Release struct {
	Kind  string
	Name  string
	Owner uuid.UUID
}

// Decide gives back what is the owner's; what is not any more is nothing.
func (c Release) Decide(s Reservation) ([]Event, error) {
	if s.owner == uuid.Nil || s.owner != c.Owner {
		return nil, nil
	}
	return []Event{Released(c)}, nil
}

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
