// Package roster keeps a business from losing its last owner: of one stream only, so that
// two owners who remove each other at once do not both succeed. Who is an owner is decided
// on the member's own stream; one that just became one is in the roster a moment later, and
// one that stops being one is out of it a moment before.
package roster

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[OwnerJoined]("roster.owner_joined"),
	domain.TypeOf[OwnerLeft]("roster.owner_left"),
}

// Event is one of the types above.
type Event = domain.Event[Roster]

// Roster is who owns the business: those who have joined.
type Roster struct{ owners []uuid.UUID }

// Owners are those who have joined.
func (s Roster) Owners() []uuid.UUID { return s.owners }

// OwnerJoined says that a member of staff is an owner, and somebody has taken it up.
type OwnerJoined struct {
	StaffID uuid.UUID `json:"staff_id"`
}

// Evolve adds it.
func (e OwnerJoined) Evolve(s Roster) Roster {
	if !slices.Contains(s.owners, e.StaffID) {
		s.owners = append(slices.Clip(s.owners), e.StaffID)
	}
	return s
}

// OwnerLeft says that a member of staff is to be an owner no more.
type OwnerLeft struct {
	StaffID uuid.UUID `json:"staff_id"`
}

// Evolve takes it away.
func (e OwnerLeft) Evolve(s Roster) Roster {
	s.owners = slices.DeleteFunc(slices.Clone(s.owners), func(id uuid.UUID) bool { return id == e.StaffID })
	return s
}

// Join adds an owner.
type Join struct{ StaffID uuid.UUID }

// Decide adds once.
func (c Join) Decide(s Roster) ([]Event, error) {
	if slices.Contains(s.owners, c.StaffID) {
		return nil, nil
	}
	return []Event{OwnerJoined(c)}, nil
}

// Leave takes an owner away.
type Leave struct {
	StaffID uuid.UUID
	Gone    []uuid.UUID // those in the roster who are no owners, by their own streams
}

// Decide refuses to take the last one.
func (c Leave) Decide(s Roster) ([]Event, error) {
	if !slices.Contains(s.owners, c.StaffID) {
		return nil, nil
	}
	stays := func(id uuid.UUID) bool { return id != c.StaffID && !slices.Contains(c.Gone, id) }
	if !slices.ContainsFunc(s.owners, stays) {
		return nil, domain.Refused("staff.last_owner", "this is the last owner: make another one first")
	}
	return []Event{OwnerLeft{c.StaffID}}, nil
}
