package projections

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

// E38, S3.19: a list can be narrowed down to the branches and contractors that its reader sees
// something of: none of a draft, none beyond the reader's scope, none of another customer.
func TestPlacesAreThoseOfWhatIsSeen(t *testing.T) {
	w := newWorld(t)
	branch := func(name string) uuid.UUID {
		return w.ok(w.AddBranch(w.ctx(), w.by, tenant.AddBranch{Code: name, Name: name}))
	}
	north, south, drafts, others := branch("North"), branch("South"), branch("Drafts"), branch("Others")
	works := w.ok(w.AddContractor(w.ctx(), w.by, tenant.AddContractor{Name: "Works"}))
	a, b := w.customer("A"), w.customer("B")
	issue := func(of, at uuid.UUID, by *uuid.UUID, publish bool) {
		i := w.content(of, "2026-05-01", "2026-06-01", 10_000)
		i.Party = domain.Party{CustomerID: &of, BranchID: &at, ContractorID: by}
		w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: i, Publish: publish}))
	}
	issue(a, north, &works, true)
	issue(a, south, nil, true)
	issue(a, drafts, nil, false)
	issue(b, others, nil, true)
	w.settle()

	names := func(v Viewer) (all []string) {
		t.Helper()
		found := get[Places](t)(w.q.ListInvoicePlaces(t.Context(), v, PlacesFilter{}))
		for _, p := range slices.Concat(found.Branches, found.Contractors) {
			all = append(all, p.Name)
		}
		return all
	}
	hiding, scoped := w.contactOf(a), w.contactOf(a)
	hiding.Standing.Hidden = []access.Field{{Entity: "invoice", Name: "branch"}}
	scoped.Standing.Grants = access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}, Scope: access.Scope{Branches: []uuid.UUID{south}}}}
	for who, is := range map[string]struct {
		Viewer
		sees []string
	}{
		"a contact":               {w.contactOf(a), []string{"North", "South", "Works"}},
		"with branches hidden":    {hiding, []string{"Works"}},
		"a contact of one branch": {scoped, []string{"South"}},
		"staff":                   {w.staff(), []string{"Drafts", "North", "Others", "South", "Works"}},
	} {
		if got := names(is.Viewer); !slices.Equal(got, is.sees) {
			t.Errorf("%s may choose %q instead of %q", who, got, is.sees)
		}
	}
}
