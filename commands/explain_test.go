package commands

import (
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

// failing are the rules that do not let a contact, and the events that made it so.
func (w *world) failing(id uuid.UUID, ask VisibilityAsked) map[access.Rule]string {
	w.t.Helper()
	got, err := w.ExplainVisibility(w.ctx(), "main", id, ask)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[access.Rule]string{}
	for _, r := range got.Rules {
		if r.Pass {
			continue
		}
		if out[r.Rule] = "from the start"; r.Set != nil {
			out[r.Rule] = r.Set.Type
			if r.Set.Actor.ID != (uuid.UUID{1}) || r.Set.RecordedAt.IsZero() || r.Set.Stream == "" {
				w.t.Errorf("%s is said to be by %+v", r.Rule, r.Set)
			}
		}
	}
	if got.Visible != (len(out) == 0) || len(got.Rules) != 9 {
		w.t.Errorf("%+v", got)
	}
	return out
}

// I2: whatever hides an item, staff are told which rule it is, and which event has set it;
// for a moment in the past what was so then.
func TestI2WhyACustomerCannotSeeAnInvoice(t *testing.T) {
	w := open(t)
	w.Clock = time.Now
	top := w.customer("1")
	child := w.ok(w.under("2", top)).ID
	pat := w.person(top, nil)
	id := w.issue(child, "INV-1", 500)
	ask := VisibilityAsked{Kind: "invoice", Item: id}
	says := func(want map[access.Rule]string) {
		t.Helper()
		got := w.failing(pat, ask)
		for rule, by := range want {
			if got[rule] != by {
				t.Errorf("%s is set by %q, want %q", rule, got[rule], by)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	none := map[access.Rule]string{}
	says(map[access.Rule]string{access.Granted: "from the start", access.InScope: "from the start", access.Publication: "from the start"})
	w.ok(w.ChangeContactAccess(w.ctx(), staffMember(), pat, contact.ChangeAccess{Preset: "read_only", Because: because}))
	w.ok(w.PublishInvoice(w.ctx(), staffMember(), id, invoice.Publish{}))
	says(none)
	time.Sleep(2 * time.Millisecond)
	then := time.Now()
	time.Sleep(2 * time.Millisecond)
	do := func(r Receipt, err error) { t.Helper(); w.ok(r, err) }
	do(w.RevokeContactModule(w.ctx(), staffMember(), pat, contact.RevokeModule{Module: access.Invoices, Because: because}))
	says(map[access.Rule]string{access.Granted: "contact.module_revoked", access.InScope: "contact.module_revoked"})
	do(w.ChangeContactAccess(w.ctx(), staffMember(), pat, contact.ChangeAccess{Grants: access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View},
		Scope: access.Scope{Customers: []uuid.UUID{top}}}}, Because: because}))
	says(map[access.Rule]string{access.InScope: "contact.module_revoked"})
	do(w.ChangeContactAccess(w.ctx(), staffMember(), pat, contact.ChangeAccess{Preset: "read_only", Because: because}))
	do(w.SetModuleAvailability(w.ctx(), staffMember(), tenant.SetModuleAvailability{Module: access.Invoices, Because: because}))
	do(w.SetCustomerModules(w.ctx(), staffMember(), child, customer.SetModules{Off: []access.Module{access.Invoices}, Because: because}))
	says(map[access.Rule]string{access.TenantModule: "tenant.module_disabled", access.CustomerModule: "customer.modules_changed"})
	do(w.SetModuleAvailability(w.ctx(), staffMember(), tenant.SetModuleAvailability{Module: access.Invoices, Available: true, Because: because}))
	do(w.SetCustomerModules(w.ctx(), staffMember(), child, customer.SetModules{Because: because}))
	do(w.SwitchCustomerPortal(w.ctx(), staffMember(), child, customer.SwitchPortal{Because: because}))
	says(map[access.Rule]string{access.CustomerPortal: "customer.portal_switched"})
	do(w.SwitchCustomerPortal(w.ctx(), staffMember(), child, customer.SwitchPortal{On: true, Because: because}))
	do(w.MoveCustomer(w.ctx(), staffMember(), child, customer.Move{Because: because}))
	moved := "customer.reparented"
	says(map[access.Rule]string{access.InTree: moved, access.CustomerPortal: moved, access.CustomerModule: moved, access.InScope: moved})
	do(w.move(child, top))
	do(w.RemoveContact(w.ctx(), staffMember(), pat, contact.Remove{Because: because}))
	says(map[access.Rule]string{access.Membership: "contact.removed", access.Granted: "contact.removed", access.InScope: "contact.removed"})
	ask.At = then
	says(none)
	for code, at := range map[string]struct {
		of  uuid.UUID
		ask VisibilityAsked
	}{
		"visibility.unknown_item": {pat, VisibilityAsked{Kind: "invoice", Item: uuid.New()}},
		"contact.unknown":         {uuid.New(), VisibilityAsked{Kind: "invoice", Item: id}},
		"access.action":           {pat, VisibilityAsked{Kind: "invoice", Item: id, Action: "manage"}},
	} {
		_, err := w.ExplainVisibility(w.ctx(), "main", at.of, at.ask)
		w.refuses(code)(Receipt{}, err)
	}
	ask.At = then.Add(-time.Hour)
	_, err := w.ExplainVisibility(w.ctx(), "main", pat, ask)
	w.refuses("visibility.unknown_item")(Receipt{}, err)
}

// E34, S4.4: who is the main contact of an invoice no more sees it no more, and staff are
// told that the correction did it; so of what hangs on it.
func TestE34WhyAFormerMainContactCannotSeeAnInvoice(t *testing.T) {
	w := open(t)
	w.Clock = time.Now
	w.handed("main", photo)
	acme, site := w.customer("1"), uuid.New()
	pat, sam := w.person(acme, nil), w.person(acme, nil)
	w.ok(w.ChangeContactAccess(w.ctx(), staffMember(), pat, contact.ChangeAccess{Preset: "primary_contact", Because: because}))
	w.ok(w.ChangeContactAccess(w.ctx(), staffMember(), sam, contact.ChangeAccess{Because: because, Grants: access.Grants{
		{Module: access.Invoices, Actions: []access.Action{access.View}, Scope: access.Scope{Sites: []uuid.UUID{site}, PrimaryContact: true}}}}))
	c := content(acme, "INV-1", 500)
	c.PrimaryContactID = &pat
	id := w.ok(w.IssueInvoice(w.ctx(), staffMember(), uuid.Nil, invoice.Issue{Content: c, Publish: true})).ID
	file := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", id, photo))).ID
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), file, attachment.Share{SHA256: photo.SHA256}))
	says := func(who uuid.UUID, kind string, item uuid.UUID, want map[access.Rule]string) {
		t.Helper()
		if got := w.failing(who, VisibilityAsked{Kind: kind, Item: item}); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	seen, corrected := map[access.Rule]string{}, map[access.Rule]string{access.InScope: "invoice.reference_corrected"}
	says(pat, "invoice", id, seen)
	says(pat, "attachment", file, seen)
	says(sam, "invoice", id, map[access.Rule]string{access.InScope: "from the start"})
	w.ok(w.CorrectInvoiceReference(w.ctx(), staffMember(), id, invoice.CorrectReference{PrimaryContactID: &sam, SiteID: &site, Because: because}))
	says(pat, "invoice", id, corrected)
	says(pat, "attachment", file, corrected)
	says(sam, "invoice", id, seen)
}

// A file is seen by who sees what it hangs on: staff are told which of both hides it.
func TestI2WhyACustomerCannotSeeAFile(t *testing.T) {
	w := open(t)
	w.Clock = time.Now
	w.handed("main", photo)
	acme := w.customer("1")
	pat := w.person(acme, access.Everything())
	inv := w.issue(acme, "INV-1", 500)
	id := w.ok(w.AddAttachment(w.ctx(), staffMember(), uuid.Nil, hangs("invoice", inv, photo))).ID
	ask := VisibilityAsked{Kind: "attachment", Item: id}
	says := func(want map[access.Rule]string) {
		t.Helper()
		if got := w.failing(pat, ask); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	says(map[access.Rule]string{access.Publication: "from the start"})
	w.ok(w.ShareAttachment(w.ctx(), staffMember(), id, attachment.Share{SHA256: photo.SHA256}))
	says(map[access.Rule]string{access.Publication: "from the start"}) // the invoice is not
	w.ok(w.PublishInvoice(w.ctx(), staffMember(), inv, invoice.Publish{}))
	says(map[access.Rule]string{})
	w.ok(w.RevokeContactModule(w.ctx(), staffMember(), pat, contact.RevokeModule{Module: access.Invoices, Because: because}))
	says(map[access.Rule]string{access.Granted: "contact.module_revoked", access.InScope: "contact.module_revoked"})
	w.ok(w.ChangeContactAccess(w.ctx(), staffMember(), pat, contact.ChangeAccess{Preset: "customer_admin", Because: because}))
	w.ok(w.HideAttachment(w.ctx(), staffMember(), id, attachment.Hide{Because: because}))
	says(map[access.Rule]string{access.Publication: "attachment.hidden"})
	ask.Item = uuid.New()
	_, err := w.ExplainVisibility(w.ctx(), "main", pat, ask)
	w.refuses("visibility.unknown_item")(Receipt{}, err)
}
