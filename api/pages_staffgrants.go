package api

import (
	"context"
	"slices"
	"strings"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
)

// Ticked is what a form of ticks says that a contact may do.
type Ticked struct {
	Ticks  []string          `json:"ticks,omitempty" maxItems:"200" doc:"Each a module and an action, such as invoices/view"`
	Scopes map[string]string `json:"scopes,omitempty" doc:"By module: all, main (only where it is the main contact) or own (only what it made)"`
	Kept   []access.Module   `json:"kept,omitempty" maxItems:"50" doc:"Modules whose grants no ticks can say: they stay as they are"`
}

// StaffTicks are what staff ticked, and why.
type StaffTicks struct {
	Ticked
	domain.Because
}

// tickGrants gives a contact what was ticked: the same command as the operation's. What it holds
// now is asked of history, so that what is kept is what is in force.
func (a *api) tickGrants(ctx context.Context, by commands.Caller, in *inID[StaffTicks]) (commands.Receipt, error) {
	now, _, err := a.Commands.StandingOf(ctx, by.Tenant, in.ID)
	if err != nil {
		return commands.Receipt{}, err
	}
	grants, err := in.Body.grants(now.Grants)
	if err != nil {
		return commands.Receipt{}, err
	}
	return a.Commands.ChangeContactAccess(ctx, by, in.ID, contact.ChangeAccess{Grants: grants, Because: in.Body.Because})
}

// grants are what was ticked. A module that is as it was stays where it was, so that saving what
// nobody has changed is nothing.
func (t Ticked) grants(had access.Grants) (all access.Grants, err error) {
	for _, tick := range t.Ticks {
		m, action, _ := strings.Cut(tick, "/")
		if !access.Module(m).Has(access.Action(action)) {
			return nil, domain.Invalid("access.action", "there is no such permission: %q", tick)
		}
	}
	var order []access.Module
	for _, g := range had {
		order = append(order, g.Module)
	}
	seen := map[access.Module]bool{}
	for _, m := range append(order, access.Modules()...) {
		if seen[m] {
			continue
		}
		seen[m] = true
		if slices.Contains(t.Kept, m) {
			all = append(all, had.Of(m)...)
			continue
		}
		one, err := t.grant(m)
		if err != nil {
			return nil, err
		}
		if was := had.Of(m); len(was) == 1 && sameGrant(was[0], one) {
			one = was[0]
		}
		if len(one.Actions) > 0 {
			all = append(all, one)
		}
	}
	return all, nil
}

func (t Ticked) grant(m access.Module) (access.Grant, error) {
	one := access.Grant{Module: m}
	for _, action := range m.Actions() {
		if slices.Contains(t.Ticks, string(m)+"/"+string(action)) {
			one.Actions = append(one.Actions, action)
		}
	}
	switch t.Scopes[string(m)] {
	case "", "all":
	case "main":
		one.Scope.PrimaryContact = true
	case "own":
		one.Scope.CreatedByMe = true
	default:
		return one, domain.Invalid("access.scope", "what %s is about is all, main or own, not %q", m, t.Scopes[string(m)])
	}
	return one, nil
}

// sameGrant tells whether two grants say the same, in whatever order. Ticked ones name nothing, so
// one that does is another.
func sameGrant(was, now access.Grant) bool {
	return !was.Deny && len(was.Actions) == len(now.Actions) && was.Scope.Specificity() == now.Scope.Specificity() &&
		was.Scope.PrimaryContact == now.Scope.PrimaryContact && was.Scope.CreatedByMe == now.Scope.CreatedByMe &&
		!slices.ContainsFunc(now.Actions, func(a access.Action) bool { return !slices.Contains(was.Actions, a) })
}
