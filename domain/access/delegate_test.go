package access

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
)

const today domain.Date = "2026-06-15"

// ids are few, so that scopes and items meet.
func someID(kind byte) *rapid.Generator[uuid.UUID] {
	return rapid.Map(rapid.ByteRange(1, 3), func(n byte) uuid.UUID { return uuid.UUID{kind, n} })
}

func someIDs(kind byte) *rapid.Generator[[]uuid.UUID] {
	return rapid.OneOf(rapid.Just([]uuid.UUID(nil)), rapid.Just([]uuid.UUID(nil)), rapid.SliceOfNDistinct(someID(kind), 1, 2, rapid.ID))
}

var someScope = rapid.Custom(func(t *rapid.T) Scope {
	return Scope{someIDs('c').Draw(t, "customers"), someIDs('s').Draw(t, "sites"), someIDs('b').Draw(t, "branches"), someIDs('k').Draw(t, "contractors"),
		rapid.IntRange(0, 5).Draw(t, "primary") == 0, rapid.IntRange(0, 5).Draw(t, "mine") == 0}
})

var someGrants = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Grant {
	return Grant{Invoices, rapid.SliceOfNDistinct(rapid.SampledFrom([]Action{View, Pay}), 1, 2, rapid.ID).Draw(t, "actions"),
		rapid.OneOf(rapid.Just(Scope{}), someScope).Draw(t, "scope"), rapid.IntRange(0, 2).Draw(t, "deny") == 0}
}), 0, 5)

var people = rapid.SampledFrom([]uuid.UUID{{}, {'p', 1}, {'p', 2}})

var someItem = rapid.Custom(func(t *rapid.T) Item {
	or := func(kind byte) uuid.UUID { return rapid.OneOf(rapid.Just(uuid.Nil), someID(kind)).Draw(t, string(kind)) }
	return Item{Module: Invoices, Customers: []uuid.UUID{someID('c').Draw(t, "of")}, SiteID: or('s'), BranchID: or('b'), ContractorID: or('k'),
		PrimaryContactID: people.Draw(t, "main"), CreatedBy: people.Draw(t, "by"), Published: true}
})

func someone(contact uuid.UUID, g Grants) Standing {
	s := Standing{ContactID: contact, CustomerID: uuid.UUID{'c', 1}, Active: true, Grants: g, Customers: map[uuid.UUID]Customer{}}
	for n := range byte(3) {
		s.Customers[uuid.UUID{'c', n + 1}] = Customer{Portal: true}
	}
	return s
}

// I11: whatever world, whatever item: what a contact gives, it has.
func TestI11NobodyGivesWhatTheyDoNotHold(t *testing.T) {
	gave := 0
	rapid.Check(t, func(t *rapid.T) {
		mine := Grants(someGrants.Draw(t, "mine"))
		given := Grants(someGrants.Draw(t, "given"))
		if rapid.Bool().Draw(t, "of mine") && len(mine) > 0 { // else few are within
			given = append(slices.Clone(mine), given...)
		}
		if !Within(mine, given) {
			return
		}
		giver, taker := someone(uuid.UUID{'p', 1}, mine), someone(uuid.UUID{'p', 2}, given)
		for range 30 {
			it := someItem.Draw(t, "item")
			for _, a := range []Action{View, Pay} {
				if May(taker, a, it, today) && !May(giver, a, it, today) {
					t.Fatalf("%s of %+v is given by %+v, who holds %+v", a, it, given, mine)
				}
				gave++
			}
		}
	})
	if gave < 100 {
		t.Errorf("only %d times something was given", gave)
	}
}

func TestI11WhatMayBeGiven(t *testing.T) {
	branch := func(ids ...byte) (s Scope) {
		for _, n := range ids {
			s.Branches = append(s.Branches, uuid.UUID{n})
		}
		return s
	}
	see := func(s Scope) Grant { return Grant{Invoices, []Action{View}, s, false} }
	deny := func(s Scope) Grant { return Grant{Invoices, []Action{View}, s, true} }
	for _, c := range []struct {
		name        string
		mine, given Grants
		want        bool
	}{
		{"what I have", Grants{see(Scope{})}, Grants{see(Scope{})}, true},
		{"nothing", nil, nil, true},
		{"more actions", Grants{see(Scope{})}, Grants{{Invoices, []Action{View, Pay}, Scope{}, false}}, false},
		{"another module", Grants{see(Scope{})}, see2(Account), false},
		{"a branch of all", Grants{see(Scope{})}, Grants{see(branch(1))}, true},
		{"all of a branch", Grants{see(branch(1))}, Grants{see(Scope{})}, false},
		{"one of my branches", Grants{see(branch(1, 2))}, Grants{see(branch(2))}, true},
		{"one more branch", Grants{see(branch(1))}, Grants{see(branch(1, 2))}, false},
		{"what I am denied", Grants{see(Scope{}), deny(branch(1))}, Grants{see(Scope{})}, false},
		{"what I am denied, denied too", Grants{see(Scope{}), deny(branch(1))}, Grants{see(Scope{}), deny(branch(1))}, true},
		{"beside what I am denied", Grants{see(Scope{}), deny(branch(1))}, Grants{see(branch(2))}, true},
		{"what is mine only as I am who I am", Grants{see(Scope{PrimaryContact: true})}, Grants{see(Scope{PrimaryContact: true})}, false},
		{"what is theirs as they are who they are", Grants{see(Scope{})}, Grants{see(Scope{PrimaryContact: true})}, true},
		{"a denial", nil, Grants{deny(Scope{})}, true},
		{"a preset by who has everything", Everything(), presets["site_manager"], true},
	} {
		if got := Within(c.mine, c.given); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func see2(m Module) Grants { return Grants{{m, []Action{View}, Scope{}, false}} }
