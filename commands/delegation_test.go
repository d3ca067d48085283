package commands

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/envelope"
)

// person adds a contact.
func (w *world) person(of uuid.UUID, g access.Grants) uuid.UUID {
	w.t.Helper()
	return w.ok(w.AddContact(w.ctx(), staffMember(), uuid.Nil, contact.Add{CustomerID: of, Details: contact.Details{Name: "Pat"}, Grants: g})).ID
}

// as is a contact who asks.
func as(id uuid.UUID) Caller {
	by := staffMember()
	by.Actor, by.Roles = envelope.Actor{Kind: envelope.Contact, ID: id}, []access.Role{access.Contact}
	return by
}

func (w *world) standing(id uuid.UUID) access.Standing {
	w.t.Helper()
	s, streams, err := w.StandingOf(w.ctx(), "main", id)
	if err != nil || len(streams) == 0 {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) among(people ...uuid.UUID) {
	w.Colleagues = func(context.Context, string, uuid.UUID) ([]uuid.UUID, error) { return people, nil }
}

// I11: a manager of a customer's people gives what it holds, to its own colleagues.
func TestI11ManagersGiveWhatTheyHold(t *testing.T) {
	w := open(t)
	acme, other := w.customer("1"), w.customer("2")
	manager := w.person(acme, access.Grants{{Module: access.Users, Actions: []access.Action{access.Manage}}, {Module: access.Invoices, Actions: []access.Action{access.View}}})
	colleague, stranger, clerk := w.person(acme, nil), w.person(other, nil), w.person(acme, access.BeforeGrants())
	senior := w.person(acme, access.Everything())
	view := contact.ChangeAccess{Grants: access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}}}, Because: because}
	pay := contact.ChangeAccess{Grants: access.Grants{{Module: access.Invoices, Actions: []access.Action{access.Pay}}}, Because: because}
	w.ok(w.ChangeContactAccess(w.ctx(), as(manager), colleague, view))
	if s := w.standing(colleague); !s.Open(access.Invoices, access.View) || s.Open(access.Invoices, access.Pay) {
		t.Errorf("%+v", s.Grants)
	}
	w.refuses("access.more_than_held")(w.ChangeContactAccess(w.ctx(), as(manager), colleague, pay))
	w.refuses("access.more_than_held")(w.ChangeContactAccess(w.ctx(), as(manager), colleague, contact.ChangeAccess{Preset: "customer_admin", Because: because}))
	w.refuses("contact.unknown")(w.ChangeContactAccess(w.ctx(), as(manager), stranger, view))
	w.refuses("contact.unknown")(w.ChangeContactAccess(w.ctx(), as(manager), uuid.New(), view))
	w.refuses("contact.unknown")(w.RemoveContact(w.ctx(), as(manager), stranger, contact.Remove{Because: because}))
	w.refuses("access.not_granted")(w.ChangeContactAccess(w.ctx(), as(clerk), colleague, view))
	w.refuses("access.not_granted")(w.RevokeContactAccess(w.ctx(), as(clerk), colleague, contact.RevokeAccess{Because: because}))
	// What somebody has already may stay, and be taken away.
	kept := contact.ChangeAccess{Grants: slices.Concat(access.Everything().Without(access.Invoices), view.Grants), Because: because}
	w.ok(w.ChangeContactAccess(w.ctx(), as(manager), senior, kept))
	w.ok(w.RevokeContactModule(w.ctx(), as(manager), senior, contact.RevokeModule{Module: access.Account, Because: because}))
	w.ok(w.RevokeContactAccess(w.ctx(), as(manager), senior, contact.RevokeAccess{Because: because}))
	w.ok(w.RemoveContact(w.ctx(), as(manager), senior, contact.Remove{Because: because}))
	posing := as(manager)
	posing.Actor.Impersonator = &uuid.UUID{1}
	w.refuses("caller.impersonating")(w.ChangeContactAccess(w.ctx(), posing, colleague, view))
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), acme, customer.SwitchPortal{Because: because}))
	w.refuses("access.not_granted")(w.RevokeContactAccess(w.ctx(), as(manager), colleague, contact.RevokeAccess{Because: because}))
}

// E30: somebody is left to manage a customer's people, unless staff will have it otherwise.
func TestE30TheLastManagerStays(t *testing.T) {
	w := open(t)
	acme := w.customer("1")
	ann, bob := w.person(acme, access.Everything()), w.person(acme, access.Everything())
	far := w.person(w.customer("2"), access.Everything())
	remove, revoke := contact.Remove{Because: because}, contact.RevokeAccess{Because: because}
	clerk := contact.ChangeAccess{Preset: "accounts_payable", Because: because}
	w.among(ann, bob, far)
	w.ok(w.ChangeContactAccess(w.ctx(), as(bob), bob, clerk)) // ann is left
	w.refuses("access.last_manager")(w.RemoveContact(w.ctx(), as(ann), ann, remove))
	w.refuses("access.last_manager")(w.RevokeContactAccess(w.ctx(), as(ann), ann, revoke))
	w.refuses("access.last_manager")(w.ChangeContactAccess(w.ctx(), as(ann), ann, clerk))
	w.refuses("access.last_manager")(w.RevokeContactModule(w.ctx(), as(ann), ann, contact.RevokeModule{Module: access.Users, Because: because}))
	w.ok(w.RevokeContactModule(w.ctx(), as(ann), ann, contact.RevokeModule{Module: access.Jobs, Because: because}))
	w.ok(w.RemoveContact(w.ctx(), staffMember(), ann, remove))
}

// What a contact may do follows history, whatever says who is below whom.
func TestAStandingIsWhatHistorySays(t *testing.T) {
	w := open(t)
	top, alone := w.customer("1"), w.customer("9")
	child := w.ok(w.under("2", top)).ID
	grandchild := w.ok(w.under("3", child)).ID
	w.Below = func(context.Context, string, uuid.UUID) ([]uuid.UUID, error) {
		return []uuid.UUID{child, grandchild, alone, top, uuid.New()}, nil
	}
	pat := w.person(top, access.Everything())
	sees := func(want ...uuid.UUID) {
		t.Helper()
		got := w.standing(pat).Seen()
		slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(got, want) {
			t.Errorf("sees %v, want %v", got, want)
		}
	}
	sees(top, child, grandchild)
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), child, customer.SwitchPortal{Because: because}))
	sees(top, grandchild)
	w.ok(w.MoveCustomer(w.ctx(), staffMember(), grandchild, customer.Move{ParentID: &alone, Because: because}))
	sees(top)
	w.ok(w.SetCustomerModules(w.ctx(), staffMember(), top, customer.SetModules{Off: []access.Module{access.Account}, Because: because}))
	w.ok(w.SetModuleAvailability(w.ctx(), staffMember(), tenant.SetModuleAvailability{Module: access.Documents, Because: because}))
	s := w.standing(pat)
	for m, open := range map[access.Module]bool{access.Invoices: true, access.Account: false, access.Documents: false} {
		if s.Open(m, access.View) != open {
			t.Errorf("%s open: %t", m, !open)
		}
	}
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), top, customer.SwitchPortal{Because: because}))
	sees()
	w.ok(w.SwitchCustomerPortal(w.ctx(), staffMember(), top, customer.SwitchPortal{On: true, Because: because}))
	sees(top)
	w.ok(w.RemoveContact(w.ctx(), staffMember(), pat, contact.Remove{Because: because}))
	sees()
}
