package tenant_test

import (
	"testing"

	"portico/domain/spec"
	"portico/domain/tenant"
)

func TestHosts(t *testing.T) {
	registered := tenant.Registered{Settings: tenant.Settings{Name: "A", TimeZone: "UTC", Currency: "GBP"}}
	a, b := tenant.HostAdded{Host: "portal.example.com"}, tenant.HostAdded{Host: "xn--bcher-kva.example"}
	type events = []tenant.Event
	spec.Run(t, tenant.Types, []spec.Case[tenant.Tenant]{
		{Name: "a portal is at a host name", Given: events{registered}, When: tenant.AddHost{Host: "portal.example.com"}, Then: events{a}},
		{Name: "once", Given: events{registered, a}, When: tenant.AddHost{Host: "portal.example.com"}},
		{Name: "at several", Given: events{registered, a}, When: tenant.AddHost{Host: "xn--bcher-kva.example"}, Then: events{b}},
		{Name: "a single word is a name", Given: events{registered}, When: tenant.AddHost{Host: "localhost"}, Then: events{tenant.HostAdded{Host: "localhost"}}},
		{Name: "a name has no port", Given: events{registered}, When: tenant.AddHost{Host: "portal.example.com:80"}, Code: "tenant.host"},
		{Name: "a name is in lower case", Given: events{registered}, When: tenant.AddHost{Host: "Portal.example.com"}, Code: "tenant.host"},
		{Name: "a name is no address line", Given: events{registered}, When: tenant.AddHost{Host: "a/b"}, Code: "tenant.host"},
		{Name: "a tenant comes first", When: tenant.AddHost{Host: "portal.example.com"}, Code: "tenant.unknown"},
		{Name: "a name is taken away", Given: events{registered, a, b}, When: tenant.RemoveHost{Host: "portal.example.com"},
			Then: events{tenant.HostRemoved{Host: "portal.example.com"}}},
		{Name: "and can come back", Given: events{registered, a, tenant.HostRemoved(a)}, When: tenant.AddHost{Host: "portal.example.com"}, Then: events{a}},
		{Name: "what is not there is not taken away", Given: events{registered}, When: tenant.RemoveHost{Host: "portal.example.com"}},
	})
}
