package access

import (
	"reflect"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Scope narrows a grant; the zero Scope is all of the contact's customer and of those
// below it (E37). What is named must all hold: a scope of a branch and a contractor is of
// what belongs to both. What has no branch is in no branch's scope (E38).
type Scope struct {
	Customers      []uuid.UUID `json:"customers,omitempty" doc:"Of these only, and not of those below them; left out: the contact's customer and all below it"`
	Sites          []uuid.UUID `json:"sites,omitempty"`
	Branches       []uuid.UUID `json:"branches,omitempty"`
	Contractors    []uuid.UUID `json:"contractors,omitempty"`
	PrimaryContact bool        `json:"primary_contact,omitempty" doc:"Only where the contact is the main contact (S4.4)"`
	CreatedByMe    bool        `json:"created_by_me,omitempty" doc:"Only what the contact made"`
}

// Specificity is how many things the scope names: of two grants that speak of the same
// thing the more specific one decides.
func (s Scope) Specificity() (n int) {
	for _, named := range []bool{len(s.Customers) > 0, len(s.Sites) > 0, len(s.Branches) > 0, len(s.Contractors) > 0, s.PrimaryContact, s.CreatedByMe} {
		if named {
			n++
		}
	}
	return n
}

// Grant allows actions in a module, or denies them.
type Grant struct {
	Module  Module   `json:"module"`
	Actions []Action `json:"actions" nullable:"false"`
	Scope   Scope    `json:"scope,omitzero"`
	Deny    bool     `json:"deny,omitempty" doc:"Takes away what a less specific grant gives; of two equally specific ones the denial decides"`
}

// Grants are what a contact may do. None: nothing.
type Grants []Grant

// maxGrants and maxNamed bound what an event holds.
const maxGrants, maxNamed = 100, 200

// Check refuses what is not well-formed.
func (g Grants) Check() error {
	if len(g) > maxGrants {
		return domain.Invalid("access.too_many", "a contact has at most %d grants", maxGrants)
	}
	for _, one := range g {
		if len(one.Module.Actions()) == 0 {
			return domain.Invalid("access.module", "there is no module %q: one of %v", one.Module, Modules())
		}
		if len(one.Actions) == 0 {
			return domain.Invalid("access.action", "say which actions of %s are meant: of %v", one.Module, one.Module.Actions())
		}
		for _, a := range one.Actions {
			if !one.Module.Has(a) {
				return domain.Invalid("access.action", "%s has no action %q: one of %v", one.Module, a, one.Module.Actions())
			}
		}
		for _, ids := range [][]uuid.UUID{one.Scope.Customers, one.Scope.Sites, one.Scope.Branches, one.Scope.Contractors} {
			if len(ids) > maxNamed || slices.Contains(ids, uuid.Nil) {
				return domain.Invalid("access.scope", "a scope names at most %d things of a kind, each by its id", maxNamed)
			}
		}
	}
	return nil
}

// Without are the grants but for those of a module.
func (g Grants) Without(m Module) Grants {
	return slices.DeleteFunc(slices.Clone(g), func(one Grant) bool { return one.Module == m })
}

// Of are the grants of a module.
func (g Grants) Of(m Module) Grants {
	return slices.DeleteFunc(slices.Clone(g), func(one Grant) bool { return one.Module != m })
}

// Beside are the grants of modules in which they are not what somebody has already.
func (g Grants) Beside(had Grants) (other Grants) {
	for _, m := range Modules() {
		if of := g.Of(m); !reflect.DeepEqual(of, had.Of(m)) {
			other = append(other, of...)
		}
	}
	return other
}

// Any tells whether an action in a module is allowed for anything at all.
func (g Grants) Any(m Module, a Action) bool {
	return slices.ContainsFunc(g, func(one Grant) bool {
		return !one.Deny && one.Module == m && slices.Contains(one.Actions, a)
	})
}

// Allows tells whether they allow a contact an action on an item of a customer: of the
// grants that speak of it the most specific ones decide, and among those a denial.
func (g Grants) Allows(contact uuid.UUID, a Action, it Item, of uuid.UUID) bool {
	best, allowed := -1, false
	for _, one := range g {
		if one.Module != it.Module || !slices.Contains(one.Actions, a) || !one.Scope.holds(contact, it, of) {
			continue
		}
		switch n := one.Scope.Specificity(); {
		case n > best:
			best, allowed = n, !one.Deny
		case n == best:
			allowed = allowed && !one.Deny
		}
	}
	return allowed
}

// holds tells whether a scope speaks of an item of a customer.
func (s Scope) holds(contact uuid.UUID, it Item, of uuid.UUID) bool {
	in := func(named []uuid.UUID, id uuid.UUID) bool {
		return len(named) == 0 || id != uuid.Nil && slices.Contains(named, id)
	}
	return in(s.Customers, of) && in(s.Sites, it.SiteID) && in(s.Branches, it.BranchID) && in(s.Contractors, it.ContractorID) &&
		(!s.PrimaryContact || it.PrimaryContactID == contact) && (!s.CreatedByMe || it.CreatedBy == contact)
}
