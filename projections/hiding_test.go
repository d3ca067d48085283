package projections

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

// S1.41, S4.13: a field that the business hides is in nothing that a contact is given, and
// cannot be searched or asked for; staff see it.
func TestHiddenFieldsAreNowhere(t *testing.T) {
	w := newWorld(t)
	branch, site := w.ok(w.AddBranch(w.ctx(), w.by, tenant.AddBranch{Code: "B", Name: "Branch"})), uuid.New()
	a := w.ok(w.RegisterCustomer(w.ctx(), w.by, uuid.Nil, customer.Register{Number: "A",
		Details: customer.Details{LegalName: "Customer A", TermsDays: 77, Address: "secret address", Country: "secret country", BranchID: branch}}))
	main := w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Main"}}))
	i := w.content(a, "2026-05-01", "2026-06-01", 10_000)
	i.Party = domain.Party{CustomerID: &a, BranchID: &branch, SiteID: &site, PrimaryContactID: &main}
	i.Reference, i.Description, i.Lines[0].SKU, i.Lines[0].Discount = "secret reference", "secret description", "secret sku", "7.77"
	id := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: i, Publish: true}))
	memo := w.memoContent(a, "2026-05-02", 50, nil)
	memo.Party, memo.Description, memo.Lines = i.Party, "secret description", slices.Clone(i.Lines)
	mid := w.ok(w.IssueCreditMemo(w.ctx(), w.by, uuid.Nil, creditmemo.Issue{Content: memo.Content}))
	w.posted()
	pid := w.pay(a, "2026-05-05", 1_000, true) // by a method that can be told: bank_transfer
	w.settle()

	open := w.contactOf(a)
	secrets := []string{"secret", "7.77", branch.String(), site.String(), main.String(), "bank_transfer", `"terms_days"`}
	given := func(v Viewer) string {
		t.Helper()
		all := answers(w, v, a, id, mid, pid)
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, secret := range secrets {
		if !strings.Contains(given(open), secret) || !strings.Contains(given(w.staff()), secret) {
			t.Fatalf("%q is not there to be hidden", secret)
		}
	}
	hiding := w.contactOf(a)
	hiding.Standing.Hidden = access.Fields()
	for _, secret := range secrets {
		if got := given(hiding); strings.Contains(got, secret) {
			at := strings.Index(got, secret)
			t.Errorf("%q is given: %s", secret, got[max(0, at-200):at+60])
		}
	}
	found := func(v Viewer, text string) int {
		invoices := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), v, InvoiceFilter{Text: text}))
		memos := get[Page[CreditMemo]](t)(w.q.ListCreditMemos(t.Context(), v, CreditMemoFilter{Text: text}))
		return len(invoices.Items) + len(memos.Items)
	}
	for text, want := range map[string][2]int{"secret reference": {1, 0}, "SECRET desc": {2, 0}, "n-00": {2, 2}} {
		if found(open, text) != want[0] || found(hiding, text) != want[1] || found(w.staff(), text) != want[0] {
			t.Errorf("%q finds %d, and %d where it is hidden", text, found(open, text), found(hiding, text))
		}
	}
	for _, of := range []PlaceFilter{{BranchID: branch}, {SiteID: site}, {PrimaryContactID: main}} {
		_, err := w.q.ListInvoices(t.Context(), hiding, InvoiceFilter{PlaceFilter: of})
		code(t, "field.hidden", err)
		_, err = w.q.ListCreditMemos(t.Context(), hiding, CreditMemoFilter{PlaceFilter: of})
		code(t, "field.hidden", err)
		_, err = w.q.ListInvoices(t.Context(), w.staff(), InvoiceFilter{PlaceFilter: of})
		code(t, "", err)
	}
}

// What the business switches and names is shown to whoever draws its pages.
func TestTheTenantTellsItsLabels(t *testing.T) {
	w := newWorld(t)
	f := access.Field{Entity: "invoice", Name: "reference"}
	w.ok(w.RenameField(w.ctx(), w.by, tenant.RenameField{Field: f, Label: "PO number"}))
	w.ok(w.SetFieldVisibility(w.ctx(), w.by, tenant.SetFieldVisibility{Field: access.Field{Entity: "payment", Name: "method"}}))
	w.ok(w.SetModuleAvailability(w.ctx(), w.by, tenant.SetModuleAvailability{Module: access.Jobs, Because: why}))
	w.ok(w.SetModuleAvailability(w.ctx(), w.by, tenant.SetModuleAvailability{Module: access.Diary, Because: why}))
	w.ok(w.SetModuleAvailability(w.ctx(), w.by, tenant.SetModuleAvailability{Module: access.Jobs, Available: true, Because: why}))
	w.ok(w.SetJobAgeLimit(w.ctx(), w.by, tenant.SetJobAgeLimit{Days: 30}))
	a := w.customer("A")
	w.ok(w.SetCustomerModules(w.ctx(), w.by, a, customer.SetModules{Off: []access.Module{access.Orders}, Because: why}))
	w.settle()
	same(t, PortalSwitches{[]access.Module{access.Diary}, []access.Field{{Entity: "payment", Name: "method"}},
		map[string]string{"invoice.reference": "PO number"}, &JobAgeLimit{30, "created"}}, get[Tenant](t)(w.q.GetTenant(t.Context(), w.contactOf(a))).Portal)
	if off := get[Customer](t)(w.q.GetCustomer(t.Context(), w.staff(), a)).ModulesOff; len(off) != 1 || off[0] != access.Orders {
		t.Errorf("%v", off)
	}
	if got := get[Customer](t)(w.q.GetCustomer(t.Context(), w.contactOf(a), a)); got.ModulesOff != nil {
		t.Errorf("a contact is told %v", got.ModulesOff)
	}
	mustEqualAllHistory(t, w)
}
