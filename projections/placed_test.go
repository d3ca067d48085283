package projections

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
)

// S4.4, E34: who may see what it is the main contact of sees that, as it was published, and
// no more at once when somebody else is; who sees all goes on as before.
func TestS44MainContactsSeeTheirsOnly(t *testing.T) {
	w := newWorld(t)
	a, site := w.customer("A"), uuid.New()
	viewer := func() Viewer {
		id := w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Main"}}))
		v := w.contactOf(a)
		v.ID, v.Standing.ContactID = id, id
		v.Standing.Grants = access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}, Scope: access.Scope{PrimaryContact: true}}}
		return v
	}
	pat, sam, all := viewer(), viewer(), w.contactOf(a)
	content := w.content(a, "2026-05-01", "2026-06-01", 1_000)
	content.PrimaryContactID, content.Reference = &pat.ID, "PO 7"
	id := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: content, Publish: true}))
	other := w.invoice(a, "2026-05-02", "2026-06-01", 500, true)
	sees := func(v Viewer, f PlaceFilter, want ...uuid.UUID) {
		t.Helper()
		list := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), v, InvoiceFilter{PlaceFilter: f}))
		var got []uuid.UUID
		for _, i := range list.Items {
			got = append(got, i.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v are seen, want %v", got, want)
		}
	}
	w.settle()
	sees(pat, PlaceFilter{}, id)
	sees(sam, PlaceFilter{})
	sees(all, PlaceFilter{}, other, id)
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, id, invoice.CorrectReference{Reference: "PO 8", PrimaryContactID: &sam.ID, SiteID: &site, Because: why}))
	w.settle()
	sees(pat, PlaceFilter{})
	sees(sam, PlaceFilter{}, id)
	sees(all, PlaceFilter{}, other, id)
	sees(all, PlaceFilter{PrimaryContactID: sam.ID}, id)
	sees(w.staff(), PlaceFilter{SiteID: site}, id)
	sees(w.staff(), PlaceFilter{SiteID: uuid.New()})
	d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), sam, id))
	if d.Reference != "PO 7" || d.PrimaryContactID == nil || *d.PrimaryContactID != sam.ID || *d.SiteID != site {
		t.Errorf("got %+v", d.Invoice)
	}
	mustEqualAllHistory(t, w)
}

// Drafts and what is nobody's are found by their place as what is issued is; a correction
// moves them.
func TestStaffFindByPlaceWhatIsOnNoAccount(t *testing.T) {
	w := newWorld(t)
	a, north, south := w.customer("A"), uuid.New(), uuid.New()
	main := w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Main"}}))
	draft := w.content(a, "2026-05-01", "2026-06-01", 1_000)
	draft.SiteID, draft.PrimaryContactID = &north, &main
	id := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: draft}))
	loose := w.content(uuid.Nil, "2026-05-01", "2026-06-01", 1_000)
	loose.SiteID = &north
	free := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: loose}))
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, free, invoice.CorrectReference{SiteID: &south, Because: why}))
	memo := w.memoContent(a, "2026-05-02", 50, nil)
	memo.SiteID = &south
	credit := w.ok(w.IssueCreditMemo(w.ctx(), w.by, uuid.Nil, creditmemo.Issue{Content: memo.Content}))
	w.settle()
	for _, f := range []PlaceFilter{{SiteID: north}, {PrimaryContactID: main}, {SiteID: north, PrimaryContactID: main}, {SiteID: south}} {
		drafts := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), w.staff(), InvoiceFilter{Status: "draft", PlaceFilter: f}))
		if found := len(drafts.Items) == 1 && drafts.Items[0].ID == id && *drafts.Items[0].SiteID == north; found != (f.SiteID != south) {
			t.Errorf("%+v finds %+v", f, drafts.Items)
		}
		memos := get[Page[CreditMemo]](t)(w.q.ListCreditMemos(t.Context(), w.staff(), CreditMemoFilter{PlaceFilter: f}))
		if found := len(memos.Items) == 1 && memos.Items[0].ID == credit && *memos.Items[0].SiteID == south; found != (f.SiteID == south) {
			t.Errorf("%+v finds %+v", f, memos.Items)
		}
	}
	if d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.staff(), free)); d.SiteID == nil || *d.SiteID != south {
		t.Errorf("it is of %v", d.SiteID)
	}
	mustEqualAllHistory(t, w)
}
