package tenant

import "github.com/google/uuid"

// Place is a branch or a contractor, by its name.
type Place struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Branches are those that were not closed.
func (s Tenant) Branches() []Place { return opened(s.branches) }

// Contractors are all of them.
func (s Tenant) Contractors() []Place { return opened(s.contractors) }

func opened(all []place) (in []Place) {
	for _, p := range all {
		if !p.closed {
			in = append(in, Place{p.id, p.name})
		}
	}
	return in
}
