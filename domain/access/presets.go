package access

import (
	"slices"

	"portico/domain"
)

// presets are grants under the names that people know (DOMAIN d.4). Scopes that name
// sites, branches or customers are added by whoever grants.
var presets = map[string]Grants{
	"customer_admin":   full(Modules()...),
	"accounts_payable": append(full(Invoices, Account), see(Documents, Profile)...),
	"site_manager":     append(full(Jobs, Diary, Assets, Sites, Messages), see(Reports, Certificates, Documents)...),
	"buyer":            append(full(Orders), see(Documents)...),
	"occupier":         {{Module: Diary, Actions: []Action{View, Download, Decide}}, {Module: Jobs, Actions: []Action{View, Create}}},
	"primary_contact":  scoped(Scope{PrimaryContact: true}, append(full(Jobs, Diary, Quotes), see(Invoices, Reports, Documents)...)),
	"read_only":        see(Modules()...),
}

// Presets are the names of all presets, in order.
func Presets() []string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Preset are the grants of a name.
func Preset(name string) (Grants, error) {
	g, ok := presets[name]
	if !ok {
		return nil, domain.Invalid("access.preset", "there is no preset %q: one of %v", name, Presets())
	}
	return slices.Clone(g), nil
}

// Everything is all that there is, for all of a contact's customers.
func Everything() Grants { return full(Modules()...) }

// BeforeGrants is what every contact could see before there were grants: whatever was
// published, and the customer's account.
func BeforeGrants() Grants { return see(Account, Documents, Invoices, Profile) }

func full(modules ...Module) (g Grants) {
	for _, m := range modules {
		g = append(g, Grant{Module: m, Actions: slices.Clone(m.Actions())})
	}
	return g
}

// see is looking, and taking copies.
func see(modules ...Module) (g Grants) {
	for _, m := range modules {
		one := Grant{Module: m}
		for _, a := range []Action{View, Download, Export} {
			if m.Has(a) {
				one.Actions = append(one.Actions, a)
			}
		}
		g = append(g, one)
	}
	return g
}

func scoped(s Scope, g Grants) Grants {
	for i := range g {
		g[i].Scope = s
	}
	return g
}
