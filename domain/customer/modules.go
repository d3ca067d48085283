package customer

import (
	"slices"

	"portico/domain"
	"portico/domain/access"
)

// Off are the modules that are switched off for the customer.
func (s Customer) Off() []access.Module { return s.off }

// ModulesChanged says which modules are switched off for the customer, whatever its
// contacts were granted.
type ModulesChanged struct {
	Off []access.Module `json:"off"`
}

// Evolve switches.
func (e ModulesChanged) Evolve(s Customer) Customer {
	s.off = e.Off
	return s
}

// SetModules says which modules are switched off for the customer.
type SetModules struct {
	Off []access.Module `json:"off" nullable:"false" doc:"All that are to be off; what is not here is on, if the business has it on"`
	domain.Because
}

// Decide switches; the same is nothing.
func (c SetModules) Decide(s Customer) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	off := slices.Clone(c.Off)
	slices.Sort(off)
	off = slices.Compact(off)
	for _, m := range off {
		if len(m.Actions()) == 0 {
			return nil, domain.Invalid("access.module", "there is no module %q: one of %v", m, access.Modules())
		}
	}
	if slices.Equal(off, s.off) {
		return nil, nil
	}
	return []Event{ModulesChanged{off}}, nil
}
