package api

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/session"
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
