package access

import (
	"testing"

	"github.com/google/uuid"
)

// E38: a place is reached by a grant without places, by one that names it, and not past a
// denial that is as specific.
func TestE38WhichPlacesAContactReaches(t *testing.T) {
	customer, here, there := uuid.New(), uuid.New(), uuid.New()
	view := func(s Scope, deny bool) Grant {
		return Grant{Module: Invoices, Actions: []Action{View}, Scope: s, Deny: deny}
	}
	for name, c := range map[string]struct {
		grants      Grants
		here, there bool
	}{
		"nothing":             {nil, false, false},
		"all":                 {Grants{view(Scope{}, false)}, true, true},
		"one":                 {Grants{view(Scope{Branches: []uuid.UUID{here}}, false)}, true, false},
		"all but one":         {Grants{view(Scope{}, false), view(Scope{Branches: []uuid.UUID{there}}, true)}, true, false},
		"only for contractor": {Grants{view(Scope{Branches: []uuid.UUID{here}, Contractors: []uuid.UUID{uuid.New()}}, false)}, true, false},
	} {
		s := Whole(customer)
		s.Grants = c.grants
		if s.ReachesBranch(here) != c.here || s.ReachesBranch(there) != c.there {
			t.Errorf("%s: %v %v", name, s.ReachesBranch(here), s.ReachesBranch(there))
		}
	}
	s := Whole(customer)
	s.Grants = Grants{view(Scope{Contractors: []uuid.UUID{here}}, false)}
	if !s.ReachesContractor(here) || s.ReachesContractor(there) || !s.ReachesBranch(there) {
		t.Error("of contractors")
	}
}
