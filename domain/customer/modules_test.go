package customer

import (
	"testing"

	"portico/domain/access"
	"portico/domain/spec"
)

func TestModulesOfACustomer(t *testing.T) {
	off := ModulesChanged{[]access.Module{access.Account, access.Jobs}}
	set := func(m ...access.Module) SetModules { return SetModules{m, because} }
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "off", Given: events{registered}, When: set(access.Jobs, access.Account, access.Jobs), Then: events{off}},
		{Name: "off again", Given: events{registered, off}, When: set(access.Account, access.Jobs)},
		{Name: "on", Given: events{registered, off}, When: set(), Then: events{ModulesChanged{}}},
		{Name: "no such module", Given: events{registered}, When: set("gossip"), Code: "access.module"},
		{Name: "without a reason", Given: events{registered}, When: SetModules{}, Code: "reason.missing"},
		{Name: "of a closed customer", Given: events{registered, Closed{}}, When: set(access.Jobs), Code: "customer.not_active"},
		{Name: "of nobody", When: set(access.Jobs), Code: "customer.unknown"},
	})
}
