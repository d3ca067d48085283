package access

import (
	"reflect"
	"slices"

	"github.com/google/uuid"
)

// Within tells whether nothing is allowed by given that is not by mine, to contacts of the
// same customer (I11). It may say no where that is so: of grants beside a denial only the
// very same can be given on, and the denial with them.
func Within(mine, given Grants) bool {
	for _, g := range given {
		if g.Deny {
			continue
		}
		for _, a := range g.Actions {
			if !mine.holds(given, g, a) {
				return false
			}
		}
	}
	return true
}

// holds tells whether one of the grants covers an action of another.
func (g Grants) holds(given Grants, one Grant, a Action) bool {
	denied, covered := false, false
	for _, m := range g {
		switch {
		case m.Module != one.Module || !slices.Contains(m.Actions, a):
		case m.Deny:
			denied = true
			if !slices.ContainsFunc(given, func(d Grant) bool { return d.Deny && d.covers(m, a) }) {
				return false
			}
		default:
			covered = covered || m.Scope.covers(one.Scope)
		}
	}
	if !denied {
		return covered
	}
	return slices.ContainsFunc(g, func(m Grant) bool {
		return !m.Deny && m.Module == one.Module && slices.Contains(m.Actions, a) && reflect.DeepEqual(m.Scope, one.Scope)
	})
}

// covers tells whether a denial takes away what another does, of an action.
func (g Grant) covers(other Grant, a Action) bool {
	return g.Module == other.Module && slices.Contains(g.Actions, a) && reflect.DeepEqual(g.Scope, other.Scope)
}

// covers tells whether whatever is in the other scope is in this one. What is one's own is
// nobody else's.
func (s Scope) covers(other Scope) bool {
	in := func(mine, given []uuid.UUID) bool {
		return len(mine) == 0 || len(given) > 0 && !slices.ContainsFunc(given, func(id uuid.UUID) bool { return !slices.Contains(mine, id) })
	}
	return !s.PrimaryContact && !s.CreatedByMe && in(s.Customers, other.Customers) && in(s.Sites, other.Sites) &&
		in(s.Branches, other.Branches) && in(s.Contractors, other.Contractors)
}
