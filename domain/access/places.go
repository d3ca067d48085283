package access

import (
	"slices"

	"github.com/google/uuid"
)

// ReachesBranch tells whether the contact may look at anything of a branch (E38).
func (s Standing) ReachesBranch(id uuid.UUID) bool {
	return s.reaches(Scope{Branches: []uuid.UUID{id}}, func(g Scope) []uuid.UUID { return g.Branches })
}

// ReachesContractor tells whether the contact may look at anything of a contractor (E38).
func (s Standing) ReachesContractor(id uuid.UUID) bool {
	return s.reaches(Scope{Contractors: []uuid.UUID{id}}, func(g Scope) []uuid.UUID { return g.Contractors })
}

func (s Standing) reaches(place Scope, named func(Scope) []uuid.UUID) bool {
	id := named(place)[0]
	for _, customer := range s.Seen() {
		for _, m := range Modules() {
			decide := s.At(m, View, customer)
			if slices.ContainsFunc(decide, func(g Grant) bool {
				in := len(named(g.Scope)) == 0 || slices.Contains(named(g.Scope), id)
				return !g.Deny && in && !slices.ContainsFunc(decide, func(d Grant) bool {
					return d.Deny && d.Scope.covers(place) && d.Scope.Specificity() >= g.Scope.Specificity()
				})
			}) {
				return true
			}
		}
	}
	return false
}
