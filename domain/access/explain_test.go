package access

import (
	"slices"
	"testing"

	"portico/domain"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var acme, below, branch, other = uuid.UUID{'c', 1}, uuid.UUID{'c', 2}, uuid.UUID{'b', 1}, uuid.UUID{'b', 2}

// world is a contact who sees all invoices of its customer and of the one below it, and one
// of its invoices.
func world(change func(s *Standing, it *Item)) (Standing, Item) {
	s := Standing{ContactID: uuid.UUID{'p', 1}, CustomerID: acme, Active: true,
		Grants:    Grants{{Module: Invoices, Actions: []Action{View}}},
		Customers: map[uuid.UUID]Customer{acme: {Portal: true}, below: {Portal: true}}}
	it := Item{Module: Invoices, Customers: []uuid.UUID{acme}, BranchID: branch, Published: true}
	change(&s, &it)
	return s, it
}

func grant(scope Scope, deny bool) Grant {
	return Grant{Module: Invoices, Actions: []Action{View}, Scope: scope, Deny: deny}
}

// I2: each rule alone hides, and says that it was that rule.
func TestI2EachRuleHides(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Standing, it *Item)
		fails  []Rule
	}{
		"nothing":                        {func(*Standing, *Item) {}, nil},
		"the business has it off":        {func(s *Standing, _ *Item) { s.Off = []Module{Invoices} }, []Rule{TenantModule}},
		"another module is off":          {func(s *Standing, _ *Item) { s.Off = []Module{Jobs} }, nil},
		"E24: the contact was removed":   {func(s *Standing, _ *Item) { s.Active = false }, []Rule{Membership}},
		"it is a stranger's":             {func(_ *Standing, it *Item) { it.Customers = []uuid.UUID{{9}} }, []Rule{InTree, CustomerPortal, CustomerModule, InScope}},
		"it is nobody's":                 {func(_ *Standing, it *Item) { it.Customers = nil }, []Rule{InTree, CustomerPortal, CustomerModule, InScope}},
		"E37: it is of a customer below": {func(_ *Standing, it *Item) { it.Customers = []uuid.UUID{below} }, nil},
		"the portal is shut":             {func(s *Standing, _ *Item) { s.Customers[acme] = Customer{} }, []Rule{CustomerPortal}},
		"the customer has it off":        {func(s *Standing, _ *Item) { s.Customers[acme] = Customer{true, []Module{Invoices}} }, []Rule{CustomerModule}},
		"nothing was granted":            {func(s *Standing, _ *Item) { s.Grants = nil }, []Rule{Granted, InScope}},
		"something else was granted":     {func(s *Standing, _ *Item) { s.Grants[0].Actions = []Action{Pay} }, []Rule{Granted, InScope}},
		"of another branch":              {func(s *Standing, _ *Item) { s.Grants[0].Scope.Branches = []uuid.UUID{other} }, []Rule{InScope}},
		"of its branch":                  {func(s *Standing, _ *Item) { s.Grants[0].Scope.Branches = []uuid.UUID{other, branch} }, nil},
		"E38: it is of no branch":        {func(s *Standing, it *Item) { it.BranchID, s.Grants[0].Scope.Branches = uuid.Nil, []uuid.UUID{branch} }, []Rule{InScope}},
		"E37: denied below": {func(s *Standing, it *Item) {
			it.Customers = []uuid.UUID{below}
			s.Grants = append(s.Grants, grant(Scope{Customers: []uuid.UUID{below}}, true))
		}, []Rule{InScope}},
		"E37: denied below, seen above": {func(s *Standing, _ *Item) {
			s.Grants = append(s.Grants, grant(Scope{Customers: []uuid.UUID{below}}, true))
		}, nil},
		"denied all, given a branch": {func(s *Standing, _ *Item) {
			s.Grants = Grants{grant(Scope{}, true), grant(Scope{Branches: []uuid.UUID{branch}}, false)}
		}, nil},
		"denied and given alike": {func(s *Standing, _ *Item) { s.Grants = append(s.Grants, grant(Scope{}, true)) }, []Rule{InScope}},
		"a denial of another action": {func(s *Standing, _ *Item) {
			s.Grants = append(s.Grants, Grant{Module: Invoices, Actions: []Action{Pay}, Deny: true})
		}, nil},
		"main contact only, and is": {func(s *Standing, it *Item) { s.Grants[0].Scope.PrimaryContact, it.PrimaryContactID = true, s.ContactID }, nil},
		"S4.4: main contact only, and is not": {func(s *Standing, it *Item) {
			s.Grants[0].Scope.PrimaryContact, it.PrimaryContactID = true, uuid.UUID{5}
		}, []Rule{InScope}},
		"its own only, and is not":               {func(s *Standing, _ *Item) { s.Grants[0].Scope.CreatedByMe = true }, []Rule{InScope}},
		"I3: it is not published":                {func(_ *Standing, it *Item) { it.Published = false }, []Rule{Publication}},
		"only jobs have an age":                  {func(s *Standing, it *Item) { s.JobAge, it.AgeFrom = &JobAge{Days: 1}, "2020-01-01" }, nil},
		"E33: of two customers, by the open one": {func(s *Standing, it *Item) { s.Customers[acme], it.Customers = Customer{}, []uuid.UUID{acme, below} }, nil},
	} {
		s, it := world(c.change)
		var failed []Rule
		for _, f := range Explain(s, View, it, today) {
			if !f.Pass {
				failed = append(failed, f.Rule)
			}
		}
		if !slices.Equal(failed, c.fails) || May(s, View, it, today) != (len(c.fails) == 0) {
			t.Errorf("%s: hidden by %v, want %v", name, failed, c.fails)
		}
	}
}

// S4.11, E35: a job is shown up to an age, by the day, and as long as something is open.
func TestS411JobAge(t *testing.T) {
	s, it := world(func(s *Standing, it *Item) {
		s.JobAge, s.Grants[0].Module, it.Module = &JobAge{Days: 30}, Jobs, Jobs
	})
	for _, c := range []struct {
		days int // ago; below zero: it has no age
		kept bool
		want bool
	}{{30, false, true}, {31, false, false}, {31, true, true}, {-1, false, true}} {
		if it.AgeFrom, it.Kept = "", c.kept; c.days >= 0 {
			it.AgeFrom = today.AddDays(-c.days)
		}
		if May(s, View, it, today) != c.want {
			t.Errorf("%+v is shown: %t", c, !c.want)
		}
	}
}

// Who sees all of a customer's things sees each of them, whatever it is; a menu names what
// is open, and no more.
func TestAllIsEachOfThem(t *testing.T) {
	whole := 0
	rapid.Check(t, func(t *rapid.T) {
		s := someone(uuid.UUID{'p', 1}, someGrants.Draw(t, "grants"))
		s.Active = rapid.IntRange(0, 5).Draw(t, "active") > 0
		if rapid.IntRange(0, 5).Draw(t, "off") == 0 {
			s.Off = []Module{Invoices}
		}
		s.Customers[uuid.UUID{'c', 1}] = Customer{Portal: rapid.Bool().Draw(t, "portal")}
		for range 20 {
			it := someItem.Draw(t, "item")
			all, may := s.All(Invoices, View, it.Customers[0]), May(s, View, it, today)
			if all && !may {
				t.Fatalf("%+v is not seen by %+v, who sees all", it, s.Grants)
			}
			if may && (!s.Open(Invoices, View) || !slices.Contains(s.Seen(), it.Customers[0])) {
				t.Fatalf("%+v is seen where nothing is open", it)
			}
			if all {
				whole++
			}
		}
	})
	if whole == 0 {
		t.Error("nobody ever saw all")
	}
}

func TestWhoIsDeniedSomeDoesNotSeeAll(t *testing.T) {
	for name, c := range map[string]struct {
		grants Grants
		all    bool
	}{
		"all":                          {Grants{grant(Scope{}, false)}, true},
		"all but a branch":             {Grants{grant(Scope{}, false), grant(Scope{Branches: []uuid.UUID{branch}}, true)}, false},
		"all but its own":              {Grants{grant(Scope{}, false), grant(Scope{CreatedByMe: true}, true)}, false},
		"a branch":                     {Grants{grant(Scope{Branches: []uuid.UUID{branch}}, false)}, false},
		"all of this customer":         {Grants{grant(Scope{Customers: []uuid.UUID{acme}}, false)}, true},
		"all of another":               {Grants{grant(Scope{Customers: []uuid.UUID{below}}, false)}, false},
		"all but a branch of another":  {Grants{grant(Scope{}, false), grant(Scope{Customers: []uuid.UUID{below}, Branches: []uuid.UUID{branch}}, true)}, true},
		"all, and of a branch as well": {Grants{grant(Scope{}, false), grant(Scope{Branches: []uuid.UUID{branch}}, false)}, true},
	} {
		s, _ := world(func(s *Standing, _ *Item) { s.Grants = c.grants })
		if s.All(Invoices, View, acme) != c.all {
			t.Errorf("%s: sees all: %t", name, !c.all)
		}
	}
}

func TestGrantsThatAreNone(t *testing.T) {
	for code, g := range map[string]Grants{
		"access.module": {{Module: "gossip", Actions: []Action{View}}}, "access.action": {{Module: Jobs}},
		"access.scope": {grant(Scope{Branches: []uuid.UUID{{}}}, false)}, "access.too_many": slices.Repeat(Grants{grant(Scope{}, false)}, maxGrants+1),
	} {
		if err := g.Check(); err == nil || domain.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	for _, name := range Presets() {
		if g, err := Preset(name); err != nil || g.Check() != nil || len(g) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
