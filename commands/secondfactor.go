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
	policy, err := c.SecurityPolicy(ctx, code)
	if err != nil || policy.ContactFactor == tenant.FactorOff || policy.ContactFactor == tenant.FactorAll {
		return policy.ContactFactor == tenant.FactorAll, err
	}
	standing, _, err := c.StandingOf(ctx, code, m.ID)
	return slices.ContainsFunc(standing.Grants, func(g access.Grant) bool {
		manages := g.Module == access.Users && slices.ContainsFunc(g.Actions, func(a access.Action) bool { return a != access.View })
		pays := policy.ContactFactor == tenant.FactorPayers && slices.Contains(g.Actions, access.Pay)
		return !g.Deny && (manages || pays)
	}), err
}
