package api

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/projections"
)

// managers are staff who look after people, and contacts who do so in their own company.
var managers = people.granted(access.Users, access.Manage)

// askers of why somebody does not see something.
var explainers = policy{staff: access.ManagePeople, orStaff: access.ReadHistory}

// permissionRoutes are about who may see and do what.
func (a *api) permissionRoutes() {
	c, portal := a.Commands, projections.Portal.Name
	postID(a, "/v1/contacts/{id}/access", managers, func(ctx context.Context, by commands.Caller, id uuid.UUID, cmd contact.ChangeAccess) (commands.Receipt, error) {
		cmd.DelegatedBy = nil // for the command to say
		return c.ChangeContactAccess(ctx, by, id, cmd)
	}, named("ChangeContactAccess"))
	postID(a, "/v1/contacts/{id}/access/revoke-module", managers, c.RevokeContactModule)
	postID(a, "/v1/contacts/{id}/access/revoke", managers, c.RevokeContactAccess)

	post(a, "/v1/tenant/modules", settings, c.SetModuleAvailability)
	post(a, "/v1/tenant/fields/visibility", settings, c.SetFieldVisibility)
	post(a, "/v1/tenant/fields/label", settings, c.RenameField)
	post(a, "/v1/tenant/job-age-limit", settings, c.SetJobAgeLimit)
	postID(a, "/v1/customers/{id}/modules", clients, c.SetCustomerModules)

	getAll(a, "/v1/access", portal, everyone, GetAccess)
	getAll(a, "/v1/access/presets", portal, everyone, ListAccessPresets)
	query(a, "/v1/contacts/{id}/visibility", portal, explainers, "ExplainVisibility", a.explainVisibility)
}

// Access is what whoever asks may see and do: what a menu is made of. That something is
// here does not let anybody do it; each request is decided anew.
type Access struct {
	Kind         string              `json:"kind" doc:"staff, contact, auditor or integration"`
	Capabilities []access.Capability `json:"capabilities,omitempty" doc:"Of staff"`
	Modules      []OpenModule        `json:"modules" nullable:"false" doc:"Of contacts: those that are open, for one of their customers at least"`
	Customers    []uuid.UUID         `json:"customers" nullable:"false" doc:"Of contacts: of whom they may see something"`
	Grants       access.Grants       `json:"grants" nullable:"false" doc:"Of contacts"`
	Hidden       []access.Field      `json:"hidden_fields" nullable:"false" doc:"What is shown nowhere"`
}

// OpenModule is one, and what may be done in it.
type OpenModule struct {
	Module  access.Module   `json:"module"`
	Actions []access.Action `json:"actions" nullable:"false"`
}

// GetAccess is what the viewer may see and do.
func GetAccess(ctx context.Context, v projections.Viewer) (Access, error) {
	out := Access{Kind: v.Kind, Modules: []OpenModule{}, Customers: []uuid.UUID{}, Grants: access.Grants{}, Hidden: []access.Field{}}
	s := v.Standing
	if s == nil {
		out.Capabilities = access.Capabilities(requestOf(ctx).who.Roles)
		return out, nil
	}
	for _, m := range access.Modules() {
		open := OpenModule{Module: m}
		for _, action := range m.Actions() {
			if s.Open(m, action) {
				open.Actions = append(open.Actions, action)
			}
		}
		if len(open.Actions) > 0 {
			out.Modules = append(out.Modules, open)
		}
	}
	out.Customers, out.Grants, out.Hidden = append(out.Customers, s.Seen()...), append(out.Grants, s.Grants...), append(out.Hidden, s.Hidden...)
	return out, nil
}

// AccessPresets are grants under the names that people know, and what grants are made of.
type AccessPresets struct {
	Presets []AccessPreset `json:"presets" nullable:"false"`
	Modules []OpenModule   `json:"modules" nullable:"false" doc:"All modules, and what can be granted in each"`
	Fields  []access.Field `json:"fields" nullable:"false" doc:"All fields that the business can hide or rename"`
}

// AccessPreset is one.
type AccessPreset struct {
	Name   string        `json:"name"`
	Grants access.Grants `json:"grants" nullable:"false"`
}

// ListAccessPresets is what can be granted, and hidden.
func ListAccessPresets(context.Context, projections.Viewer) (out AccessPresets, err error) {
	for _, name := range access.Presets() {
		g, err := access.Preset(name)
		if err != nil {
			return out, err
		}
		out.Presets = append(out.Presets, AccessPreset{name, g})
	}
	for _, m := range access.Modules() {
		out.Modules = append(out.Modules, OpenModule{m, m.Actions()})
	}
	out.Fields = access.Fields()
	return out, nil
}

// explainVisibility names who set what, too.
func (a *api) explainVisibility(ctx context.Context, v projections.Viewer, ask commands.VisibilityAsked) (commands.Visibility, error) {
	out, err := a.Commands.ExplainVisibility(ctx, v.Tenant, pathID(ctx), ask)
	if err != nil {
		return out, err
	}
	var ids []uuid.UUID
	for _, r := range out.Rules {
		if r.Set != nil {
			ids = append(ids, r.Set.Actor.ID)
		}
	}
	names, err := a.Queries.NamesOf(ctx, v, ids)
	for _, r := range out.Rules {
		if r.Set != nil {
			r.Set.ActorName = names[r.Set.Actor.ID]
		}
	}
	return out, err
}
