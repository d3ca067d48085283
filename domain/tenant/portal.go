package tenant

import (
	"maps"
	"slices"
	"strings"

	"portico/domain"
	"portico/domain/access"
)

// portal is what the business shows of itself to all of its customers.
type portal struct {
	off    []access.Module
	hidden []access.Field
	labels map[access.Field]string
	age    *access.JobAge
}

// Off are the modules that are switched off.
func (s Tenant) Off() []access.Module { return s.portal.off }

// Hidden are the fields that customers are not shown.
func (s Tenant) Hidden() []access.Field { return s.portal.hidden }

// Label is what the business calls a field; "": by its usual name.
func (s Tenant) Label(f access.Field) string { return s.portal.labels[f] }

// JobAge is how old jobs are shown; nil: of any age.
func (s Tenant) JobAge() *access.JobAge { return s.portal.age }

// ModuleEnabled says that customers may be let into a module again.
type ModuleEnabled struct {
	Module access.Module `json:"module"`
}

// Evolve enables it.
func (e ModuleEnabled) Evolve(s Tenant) Tenant {
	s.portal.off = slices.DeleteFunc(slices.Clone(s.portal.off), func(m access.Module) bool { return m == e.Module })
	return s
}

// ModuleDisabled says that no customer is let into a module, whatever it was granted.
type ModuleDisabled struct {
	Module access.Module `json:"module"`
}

// Evolve disables it.
func (e ModuleDisabled) Evolve(s Tenant) Tenant {
	s.portal.off = append(slices.Clip(s.portal.off), e.Module)
	return s
}

// FieldVisibilityChanged says whether customers are shown a field (S1.41).
type FieldVisibilityChanged struct {
	access.Field
	Visible bool `json:"visible"`
}

// Evolve shows or hides it.
func (e FieldVisibilityChanged) Evolve(s Tenant) Tenant {
	s.portal.hidden = slices.DeleteFunc(slices.Clone(s.portal.hidden), func(f access.Field) bool { return f == e.Field })
	if !e.Visible {
		s.portal.hidden = append(s.portal.hidden, e.Field)
	}
	return s
}

// FieldRenamed says what the business calls a field; an empty label is its usual name.
type FieldRenamed struct {
	access.Field
	Label string `json:"label"`
}

// Evolve renames it.
func (e FieldRenamed) Evolve(s Tenant) Tenant {
	labels := maps.Clone(s.portal.labels)
	if labels == nil {
		labels = map[access.Field]string{}
	}
	if labels[e.Field] = e.Label; e.Label == "" {
		delete(labels, e.Field)
	}
	s.portal.labels = labels
	return s
}

// JobAgeLimitChanged says from which age on jobs are not shown (S4.11); Days 0: any age.
type JobAgeLimitChanged struct {
	Days  int    `json:"days"`
	Basis string `json:"basis,omitempty"` // scheduled, completed or created
}

// Evolve changes it.
func (e JobAgeLimitChanged) Evolve(s Tenant) Tenant {
	if s.portal.age = nil; e.Days > 0 {
		s.portal.age = &access.JobAge{Days: e.Days, Basis: e.Basis}
	}
	return s
}

// SetModuleAvailability switches a module on or off for all customers.
type SetModuleAvailability struct {
	Module    access.Module `json:"module"`
	Available bool          `json:"available"`
	domain.Because
}

// Decide switches; as it is already is nothing.
func (c SetModuleAvailability) Decide(s Tenant) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil {
		return nil, err
	}
	if len(c.Module.Actions()) == 0 {
		return nil, domain.Invalid("access.module", "there is no module %q: one of %v", c.Module, access.Modules())
	}
	switch off := slices.Contains(s.portal.off, c.Module); {
	case c.Available && off:
		return []Event{ModuleEnabled{c.Module}}, nil
	case !c.Available && !off:
		return []Event{ModuleDisabled{c.Module}}, nil
	}
	return nil, nil
}

// SetFieldVisibility shows a field to customers, or hides it.
type SetFieldVisibility struct {
	access.Field
	Visible bool `json:"visible"`
}

// Decide shows or hides; as it is already is nothing.
func (c SetFieldVisibility) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	if err := c.Field.Check(); err != nil || slices.Contains(s.portal.hidden, c.Field) != c.Visible {
		return nil, err
	}
	return []Event{FieldVisibilityChanged(c)}, nil
}

// maxLabel bounds what a field may be called.
const maxLabel = 60

// RenameField gives a field the name that the business has for it.
type RenameField struct {
	access.Field
	Label string `json:"label" maxLength:"60" doc:"Empty: its usual name again"`
}

// Decide renames; the same is nothing.
func (c RenameField) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	c.Label = strings.Join(strings.Fields(c.Label), " ")
	if len([]rune(c.Label)) > maxLabel {
		return nil, domain.Invalid("tenant.label", "a label has at most %d characters", maxLabel)
	}
	if err := c.Field.Check(); err != nil || s.portal.labels[c.Field] == c.Label {
		return nil, err
	}
	return []Event{FieldRenamed(c)}, nil
}

// jobAgeBases are what the age of a job may be counted from.
var jobAgeBases = []string{"scheduled", "completed", "created"}

// SetJobAgeLimit hides jobs that are older.
type SetJobAgeLimit struct {
	Days  int    `json:"days" minimum:"0" maximum:"36500" doc:"0: show jobs of any age"`
	Basis string `json:"basis,omitempty" enum:"scheduled,completed,created" doc:"What the age is counted from; created if left out"`
}

// Decide limits; the same is nothing.
func (c SetJobAgeLimit) Decide(s Tenant) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	switch {
	case c.Days == 0:
		c.Basis = ""
	case c.Basis == "":
		c.Basis = "created"
	}
	if c.Days < 0 || c.Days > 36_500 || c.Days > 0 && !slices.Contains(jobAgeBases, c.Basis) {
		return nil, domain.Invalid("tenant.job_age", "a limit is of 0 to 36500 days since a job was one of %v", jobAgeBases)
	}
	var is SetJobAgeLimit
	if s.portal.age != nil {
		is = SetJobAgeLimit{s.portal.age.Days, s.portal.age.Basis}
	}
	if c == is {
		return nil, nil
	}
	return []Event{JobAgeLimitChanged(c)}, nil
}
