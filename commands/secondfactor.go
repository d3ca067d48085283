package commands

import (
	"context"
	"slices"

	"portico/domain/access"
	"portico/domain/login"
	"portico/domain/tenant"
)

// NeedsSecondFactor tells whether a membership needs a second factor: staff always (8.4.1),
// contacts as the tenant says.
func (c *Commands) NeedsSecondFactor(ctx context.Context, code string, m login.Membership) (bool, error) {
	if m.Kind == login.Staff {
		return true, nil
	}
	standing, _, err := c.StandingOf(ctx, code, m.ID)
	return standing.SecondFactor, err
}

// asksSecondFactor tells whether a tenant's policy asks one of contacts with grants.
func asksSecondFactor(policy string, grants access.Grants) bool {
	if policy == tenant.FactorOff || policy == tenant.FactorAll {
		return policy == tenant.FactorAll
	}
	return slices.ContainsFunc(grants, func(g access.Grant) bool {
		manages := g.Module == access.Users && slices.ContainsFunc(g.Actions, func(a access.Action) bool { return a != access.View })
		pays := policy == tenant.FactorPayers && slices.Contains(g.Actions, access.Pay)
		return !g.Deny && (manages || pays)
	})
}
