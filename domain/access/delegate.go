package access

import (
	"slices"

	"github.com/google/uuid"
)

// Within tells whether grants that a contact gives to another contact of the same customer
// give nothing that it does not hold itself (I11). It is careful: where it cannot tell, as
// of several grants that only together cover what is given, it says no.
func Within(mine, given Grants) bool {
	for _, g := range given {
		if g.Deny {
			continue // takes away
		}
		for _, a := range g.Actions {
			if !within(mine.about(g.Module, a), given.about(g.Module, a), g.Scope) {
				return false
			}
		}
	}
	return true
}

// about are the grants that speak of an action in a module.
func (g Grants) about(m Module, a Action) (about Grants) {
	for _, one := range g {
		if one.Module == m && slices.Contains(one.Actions, a) {
			about = append(about, one)
		}
	}
	return about
}

// within tells whether, of one action in one module, what is given within a scope is held.
func within(mine, given Grants, s Scope) bool {
	best := -1 // the specificity of what gives it to the giver
	for _, one := range mine {
		if !one.Deny && one.Scope.covers(s) {
			best = max(best, one.Scope.Specificity())
		}
	}
	if best < 0 {
		return false
	}
	for _, one := range mine {
		if one.Deny && one.Scope.Specificity() >= best && !one.Scope.apart(s) && !given.deny(one.Scope) {
			return false
		}
	}
	return true
}

// deny tells whether all of a scope is denied, whatever else is given.
func (g Grants) deny(s Scope) bool {
	most := 0
	for _, one := range g {
		if !one.Deny {
			most = max(most, one.Scope.Specificity())
		}
	}
	return slices.ContainsFunc(g, func(one Grant) bool {
		return one.Deny && one.Scope.Specificity() >= most && one.Scope.covers(s)
	})
}

// covers tells whether whatever is in another scope is in this one, for whomever: a scope
// that hangs on who has it covers nothing of somebody else's.
func (s Scope) covers(o Scope) bool {
	if s.PrimaryContact || s.CreatedByMe {
		return false
	}
	all := func(these, those []uuid.UUID) bool {
		if len(these) == 0 {
			return true
		}
		return len(those) > 0 && !slices.ContainsFunc(those, func(id uuid.UUID) bool { return !slices.Contains(these, id) })
	}
	return all(s.Customers, o.Customers) && all(s.Sites, o.Sites) && all(s.Branches, o.Branches) && all(s.Contractors, o.Contractors)
}

// apart tells whether nothing can be in both scopes.
func (s Scope) apart(o Scope) bool {
	none := func(these, those []uuid.UUID) bool {
		return len(these) > 0 && len(those) > 0 && !slices.ContainsFunc(these, func(id uuid.UUID) bool { return slices.Contains(those, id) })
	}
	return none(s.Customers, o.Customers) || none(s.Sites, o.Sites) || none(s.Branches, o.Branches) || none(s.Contractors, o.Contractors)
}
