package projections

import (
	"encoding/json"
	"slices"

	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/projections/engine"
)

// PortalSwitches are what the business shows of its portal to all customers. They are here
// to be shown: what contacts see is decided by history itself (Commands.StandingOf).
type PortalSwitches struct {
	ModulesOff []access.Module   `json:"modules_off" nullable:"false" doc:"Modules that no customer is let into"`
	Hidden     []access.Field    `json:"hidden_fields" nullable:"false" doc:"Fields that customers are not shown"`
	Labels     map[string]string `json:"labels" nullable:"false" doc:"What the business calls fields, by their names such as invoice.reference"`
	JobAge     *JobAgeLimit      `json:"job_age_limit,omitempty" doc:"Absent: jobs of any age are shown"`
}

// JobAgeLimit is from which age on jobs are not shown.
type JobAgeLimit struct {
	Days  int    `json:"days"`
	Basis string `json:"basis" enum:"scheduled,completed,created"`
}

// complete makes lists of none.
func (p *PortalSwitches) complete() {
	p.ModulesOff, p.Hidden = append([]access.Module{}, p.ModulesOff...), append([]access.Field{}, p.Hidden...)
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
}

func applySwitches(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case tenant.ModuleEnabled:
		return switchTenant(b, e, func(p *PortalSwitches) { p.ModulesOff = without(p.ModulesOff, d.Module) })
	case tenant.ModuleDisabled:
		return switchTenant(b, e, func(p *PortalSwitches) { p.ModulesOff = append(without(p.ModulesOff, d.Module), d.Module) })
	case tenant.FieldVisibilityChanged:
		return switchTenant(b, e, func(p *PortalSwitches) {
			if p.Hidden = without(p.Hidden, d.Field); !d.Visible {
				p.Hidden = append(p.Hidden, d.Field)
			}
		})
	case tenant.FieldRenamed:
		return switchTenant(b, e, func(p *PortalSwitches) {
			if p.Labels[d.Field.String()] = d.Label; d.Label == "" {
				delete(p.Labels, d.Field.String())
			}
		})
	case tenant.JobAgeLimitChanged:
		return switchTenant(b, e, func(p *PortalSwitches) {
			if p.JobAge = nil; d.Days > 0 {
				p.JobAge = &JobAgeLimit{d.Days, d.Basis}
			}
		})
	}
	return nil
}

func without[T comparable](all []T, one T) []T {
	return slices.DeleteFunc(all, func(is T) bool { return is == one })
}

// switchTenant edits what the tenant's portal shows.
func switchTenant(b *engine.Batch, e envelope.Event, change func(*PortalSwitches)) error {
	t := tenants.Get(b, e.Meta.Tenant)
	if t == nil {
		return nil
	}
	var p PortalSwitches
	if err := json.Unmarshal(t.Portal, &p); err != nil {
		return err
	}
	p.complete()
	change(&p)
	var err error
	t.Portal, err = json.Marshal(p)
	return err
}
