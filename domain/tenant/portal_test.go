package tenant

import (
	"strings"
	"testing"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/spec"
)

func TestModulesAreSwitchedOffAndOn(t *testing.T) {
	because := domain.Because{Reason: domain.Reason{Code: "season"}}
	off := ModuleDisabled{access.Jobs}
	set := func(m access.Module, on bool) SetModuleAvailability {
		return SetModuleAvailability{Module: m, Available: on, Because: because}
	}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "off", Given: events{registered}, When: set(access.Jobs, false), Then: events{off}},
		{Name: "off again", Given: events{registered, off}, When: set(access.Jobs, false)},
		{Name: "on at first", Given: events{registered}, When: set(access.Jobs, true)},
		{Name: "on again", Given: events{registered, off}, When: set(access.Jobs, true), Then: events{ModuleEnabled{access.Jobs}}},
		{Name: "no such module", Given: events{registered}, When: set("gossip", false), Code: "access.module"},
		{Name: "without a reason", Given: events{registered}, When: SetModuleAvailability{Module: access.Jobs}, Code: "reason.missing"},
		{Name: "of a tenant", When: set(access.Jobs, false), Code: "tenant.unknown"},
	})
	if s := domain.Fold(Tenant{}, registered, off, ModuleDisabled{access.Diary}, ModuleEnabled{access.Jobs}); len(s.Off()) != 1 || s.Off()[0] != access.Diary {
		t.Errorf("off: %v", s.Off())
	}
}

// S1.41, S4.13: the business hides fields, and calls them by names of its own.
func TestFieldsAreHiddenAndRenamed(t *testing.T) {
	reference := access.Field{Entity: "invoice", Name: "reference"}
	hidden, named := FieldVisibilityChanged{reference, false}, FieldRenamed{reference, "PO number"}
	set := func(f access.Field, visible bool) SetFieldVisibility { return SetFieldVisibility{f, visible} }
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "hide", Given: events{registered}, When: set(reference, false), Then: events{hidden}},
		{Name: "hide again", Given: events{registered, hidden}, When: set(reference, false)},
		{Name: "shown at first", Given: events{registered}, When: set(reference, true)},
		{Name: "show", Given: events{registered, hidden}, When: set(reference, true), Then: events{FieldVisibilityChanged{reference, true}}},
		{Name: "what is owed is never hidden", Given: events{registered}, When: set(access.Field{Entity: "invoice", Name: "open"}, false), Code: "access.field"},
		{Name: "of nothing", Given: events{registered}, When: set(access.Field{Entity: "gossip", Name: "open"}, false), Code: "access.field"},
		{Name: "of a tenant", When: set(reference, false), Code: "tenant.unknown"},
		{Name: "rename", Given: events{registered}, When: RenameField{reference, " PO  number "}, Then: events{named}},
		{Name: "rename again", Given: events{registered, named}, When: RenameField{reference, "PO number"}},
		{Name: "back to its name", Given: events{registered, named}, When: RenameField{reference, ""}, Then: events{FieldRenamed{reference, ""}}},
		{Name: "too long", Given: events{registered}, When: RenameField{reference, strings.Repeat("x", 61)}, Code: "tenant.label"},
		{Name: "rename nothing", Given: events{registered}, When: RenameField{access.Field{Entity: "invoice"}, "x"}, Code: "access.field"},
	})
	if s := domain.Fold(Tenant{}, registered, hidden); len(s.Hidden()) != 1 || s.Hidden()[0] != reference {
		t.Errorf("hidden: %v", s.Hidden())
	}
}

// S4.11: jobs are shown up to an age.
func TestJobAgeLimit(t *testing.T) {
	year := JobAgeLimitChanged{365, "completed"}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "limit", Given: events{registered}, When: SetJobAgeLimit{365, "completed"}, Then: events{year}},
		{Name: "limit again", Given: events{registered, year}, When: SetJobAgeLimit{365, "completed"}},
		{Name: "since they were made", Given: events{registered}, When: SetJobAgeLimit{Days: 30}, Then: events{JobAgeLimitChanged{30, "created"}}},
		{Name: "no limit", Given: events{registered, year}, When: SetJobAgeLimit{Basis: "completed"}, Then: events{JobAgeLimitChanged{}}},
		{Name: "none at first", Given: events{registered}, When: SetJobAgeLimit{}},
		{Name: "below nothing", Given: events{registered}, When: SetJobAgeLimit{Days: -1}, Code: "tenant.job_age"},
		{Name: "since they were liked", Given: events{registered}, When: SetJobAgeLimit{30, "liked"}, Code: "tenant.job_age"},
		{Name: "of a tenant", When: SetJobAgeLimit{}, Code: "tenant.unknown"},
	})
	if s := domain.Fold(Tenant{}, registered, year); s.JobAge() == nil || *s.JobAge() != (access.JobAge{Days: 365, Basis: "completed"}) {
		t.Errorf("%v", s.JobAge())
	}
}
