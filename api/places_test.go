package api

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/session"
	"portico/projections"
)

// E38, S3.19: who may look at things of several branches chooses between them; of one there
// is nothing to choose.
func TestMeListsPlacesOnlyWhereThereIsAChoice(t *testing.T) {
	w := newWorld(t)
	north, south := uuid.New(), uuid.New()
	for code, id := range map[string]uuid.UUID{"N": north, "S": south} {
		w.must(w.commands.AddBranch(t.Context(), bySystem, tenant.AddBranch{BranchID: id, Code: code, Name: code}))
	}
	w.must(w.commands.AddContractor(t.Context(), bySystem, tenant.AddContractor{ContractorID: uuid.New(), Name: "Alone"}))
	at := func(branches ...uuid.UUID) (me Me) {
		t.Helper()
		contact, human := w.person("main", w.ours.customer, access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}, Scope: access.Scope{Branches: branches}}})
		token, _ := w.signsIn("main", session.Contact, human, contact, session.Full)
		w.as(w.cookie("", token), "GET", "/v1/me", "").is(200, "").into(&me)
		return me
	}
	if me := at(); len(me.Branches) < 2 || len(me.Contractors) != 0 {
		t.Errorf("%+v", me)
	}
	if me := at(north, south); len(me.Branches) != 2 {
		t.Errorf("%+v", me.Branches)
	}
	if me := at(north); len(me.Branches) != 0 {
		t.Errorf("there is no choice: %+v", me.Branches)
	}
}

// S4.4, E34: staff say over the API at which site a document is and who its main contact is;
// a contact who may see its own only sees it until somebody else is.
func TestS44SitesAndMainContactsOverHTTP(t *testing.T) {
	d := newDesk(t)
	mine, site := d.ours.contact.String(), uuid.NewString()
	next, _ := d.person("main", d.ours.customer, nil)
	body := `,"publish":true,"site_id":"` + site + `","primary_contact_id":"`
	d.call("staff", "POST", "/v1/invoices", `{"number":"I-0","customer_id":"`+d.ours.customer.String()+`","lines":[{"text":"Work","quantity":"1","unit_price":"1"}]`+
		body+d.theirs.contact.String()+`"}`).is(404, "contact.unknown")
	id := d.issue("I-1", body+mine+`"`)
	d.issue("I-2", `,"publish":true`)
	d.ask("/v1/contacts/"+mine+"/access", `{"preset":"primary_contact","reason":{"code":"test"}}`)
	listed := func(query string) (all []projections.Invoice) {
		t.Helper()
		var page projections.Page[projections.Invoice]
		d.get("contact", "/v1/invoices"+query).is(200, "").into(&page)
		return page.Items
	}
	for query, want := range map[string]int{"": 1, "?site_id=" + site: 1, "?primary_contact_id=" + mine: 1, "?site_id=" + uuid.NewString(): 0} {
		if all := listed(query); len(all) != want || want == 1 && (all[0].ID.String() != id || all[0].SiteID.String() != site || all[0].PrimaryContactID.String() != mine) {
			t.Errorf("%q: %+v", query, all)
		}
	}
	d.ask("/v1/invoices/"+id+"/reference", `{"reference":"PO 1","description":"","primary_contact_id":"`+next.String()+`","reason":{"code":"test"}}`)
	if all := listed(""); len(all) != 0 {
		t.Errorf("it is somebody else's now: %+v", all)
	}
	d.get("contact", "/v1/invoices/"+id).is(404, "invoice.unknown")
}
