package projections

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/importrun"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

func TestCustomersAreFound(t *testing.T) {
	w := newWorld(t)
	for number, name := range map[string]string{"C-1": "Zoë & Söhne", "C-2": "acme", "C-10": "Acme 100%"} {
		w.ok(w.RegisterCustomer(w.ctx(), w.by, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: name}}))
	}
	gone := w.customer("C-3")
	w.ok(w.CloseCustomer(w.ctx(), w.by, gone, customer.Close{Because: why}))
	w.settle()
	for _, c := range []struct {
		filter CustomerFilter
		want   []string
	}{
		{CustomerFilter{}, []string{"C-2", "C-10", "C-3", "C-1"}}, // by name
		{CustomerFilter{Text: "ACME"}, []string{"C-2", "C-10"}},
		{CustomerFilter{Text: "söh"}, []string{"C-1"}},
		{CustomerFilter{Text: "c-1"}, []string{"C-10", "C-1"}},
		{CustomerFilter{Text: "%"}, []string{"C-10"}},
		{CustomerFilter{Number: "C-1"}, []string{"C-1"}},
		{CustomerFilter{Status: "closed"}, []string{"C-3"}},
	} {
		var got []string
		for p := (Page[CustomerSummary]{Next: ""}); ; {
			c.filter.Paging = Paging{Limit: 2, Cursor: p.Next}
			p = get[Page[CustomerSummary]](t)(w.q.ListCustomers(t.Context(), w.staff(), c.filter))
			for _, i := range p.Items {
				got = append(got, i.Number)
			}
			if p.Next == "" {
				break
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
			continue
		}
		same(t, c.want, got)
	}
}

// What is nobody's is staff's, until it is assigned; then it is its customer's at once.
func TestUnassignedDocuments(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	loose := w.invoice(uuid.Nil, "2026-05-08", "2026-06-01", 1_000, true)
	credit := w.memo(uuid.Nil, "2026-05-09", 300, nil)
	w.settle()
	list := get[Page[UnassignedDocument]](t)(w.q.ListUnassignedDocuments(t.Context(), w.staff(), UnassignedFilter{}))
	if len(list.Items) != 2 || list.Items[0].ID != credit || list.Items[1].ID != loose || list.Items[1].Gross != gbp(1_000) || !list.Items[1].Published {
		t.Fatalf("got %+v", list.Items)
	}
	sum := get[ReceivablesSummary](t)(w.q.GetReceivablesSummary(t.Context(), w.staff()))
	same(t, []UnassignedTotals{{"GBP", 2, gbp(700)}}, sum.Unassigned)
	same(t, int64(0), sum.Invoices)
	if d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.staff(), loose)); d.CustomerID != nil || d.Gross != gbp(1_000) || len(d.Lines) != 1 || d.Status != "open" {
		t.Errorf("got %+v", d)
	}
	if d := get[CreditMemoDetail](t)(w.q.GetCreditMemo(t.Context(), w.staff(), credit)); d.CustomerID != nil || d.Amount != gbp(300) || len(d.Lines) != 1 {
		t.Errorf("got %+v", d)
	}
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, loose, invoice.CorrectReference{Reference: "theirs", Because: why}))
	w.ok(w.PublishInvoice(w.ctx(), w.by, loose, invoice.Publish{}))
	w.ok(w.AssignInvoice(w.ctx(), w.by, loose, invoice.Assign{CustomerID: a, Because: why}))
	w.ok(w.AssignCreditMemo(w.ctx(), w.by, credit, creditmemo.Assign{CustomerID: a, Because: why}))
	w.settle()
	if d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.contactOf(a), loose)); *d.CustomerID != a || d.Open != gbp(1_000) || d.Reference != "theirs" {
		t.Errorf("got %+v", d)
	}
	if d := get[CreditMemoDetail](t)(w.q.GetCreditMemo(t.Context(), w.contactOf(a), credit)); d.Unapplied != gbp(300) {
		t.Errorf("got %+v", d)
	}
	list = get[Page[UnassignedDocument]](t)(w.q.ListUnassignedDocuments(t.Context(), w.staff(), UnassignedFilter{}))
	sum = get[ReceivablesSummary](t)(w.q.GetReceivablesSummary(t.Context(), w.staff()))
	if len(list.Items)+len(sum.Unassigned) != 0 || sum.Invoices != 1 || sum.CreditMemos != 1 || sum.Currencies[0].Balance != gbp(700) {
		t.Errorf("got %+v, %+v", list, sum)
	}
	coherent(t, w, w.contactOf(a), a)
	mustEqualAllHistory(t, w)
}

func TestUnappliedMoney(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	w.invoice(a, "2026-05-01", "2026-06-01", 70, true)
	second := w.pay(a, "2026-05-05", 100, true)
	w.pay(b, "2026-05-06", 10, false)
	first := w.memo(b, "2026-05-01", 30, nil)
	w.pay(a, "2026-05-07", 0+5, false)
	w.settle()
	page := get[Page[UnappliedFund]](t)(w.q.ListUnappliedMoney(t.Context(), w.staff(), UnappliedFilter{Paging: Paging{Limit: 2}}))
	if len(page.Items) != 2 || page.Items[0].ID != first || page.Items[1].ID != second || page.Items[1].Unapplied != gbp(30) || page.Items[0].CustomerName != "Customer B" {
		t.Fatalf("got %+v", page.Items)
	}
	rest := get[Page[UnappliedFund]](t)(w.q.ListUnappliedMoney(t.Context(), w.staff(), UnappliedFilter{Paging: Paging{Limit: 2, Cursor: page.Next}}))
	if len(rest.Items) != 2 || rest.Next != "" || rest.Items[0].Unapplied != gbp(10) {
		t.Errorf("got %+v", rest)
	}
	mine := get[Page[UnappliedFund]](t)(w.q.ListUnappliedMoney(t.Context(), w.staff(), UnappliedFilter{CustomerID: b, Kind: "credit_memo"}))
	if len(mine.Items) != 1 || mine.Items[0].ID != first {
		t.Errorf("got %+v", mine)
	}
}

func TestTenantContactsKeysImports(t *testing.T) {
	w := newWorld(t)
	ctx := w.ctx()
	branch := w.ok(w.AddBranch(ctx, w.by, tenant.AddBranch{Code: "N", Name: "North"}))
	w.ok(w.AddBranch(ctx, w.by, tenant.AddBranch{Code: "S", Name: "South"}))
	w.ok(w.AddContractor(ctx, w.by, tenant.AddContractor{Name: "Sub Ltd"}))
	w.ok(w.CloseBranch(ctx, w.by, tenant.CloseBranch{BranchID: branch, Because: why}))
	a, b := w.customer("A"), w.customer("B")
	ann := w.ok(w.AddContact(ctx, w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Ann", Email: "ann@example.com"}}))
	bob := w.ok(w.AddContact(ctx, w.by, uuid.Nil, contact.Add{CustomerID: b, Details: contact.Details{Name: "Bob"}}))
	w.ok(w.RemoveContact(ctx, w.by, bob, contact.Remove{Because: why}))
	key := uuid.New()
	r, _, err := w.IssueAPIKey(ctx, w.by, key, apikey.Issue{Name: "Ann's", Role: "contact", ContactID: &ann})
	w.ok(r, err)
	w.ok(w.RevokeAPIKey(ctx, w.by, key, apikey.Revoke{Because: why}))
	run := uuid.New()
	w.ok(w.StartImport(ctx, w.by, run, importrun.Start{Format: "retail", FileName: "x.csv", FileHash: "00"}))
	w.ok(w.FinishImport(ctx, w.by, run, importrun.Finish{Rows: 7, Documents: 3, EventsAppended: 9}))
	w.settle()

	about := get[Tenant](t)(w.q.GetTenant(ctx, w.contactOf(a)))
	if about.TimeZone != "Europe/London" || len(about.Branches) != 2 || !about.Branches[0].Closed || about.Branches[1].Closed ||
		len(about.Contractors) != 1 || about.PaymentPolicy.Part != "off" {
		t.Errorf("tenant %+v", about)
	}
	people := get[Page[Contact]](t)(w.q.ListContacts(ctx, w.staff(), ContactFilter{}))
	if len(people.Items) != 1 || people.Items[0].ID != ann || people.Items[0].Email != "ann@example.com" {
		t.Errorf("contacts %+v", people)
	}
	if all := get[Page[Contact]](t)(w.q.ListContacts(ctx, w.staff(), ContactFilter{Removed: true})); len(all.Items) != 2 {
		t.Errorf("contacts %+v", all)
	}
	for words, found := range map[string]int{"ANN": 1, "@EXAMPLE": 1, "%": 0, "bob": 0} {
		if list := get[Page[Contact]](t)(w.q.ListContacts(ctx, w.staff(), ContactFilter{Text: words})); len(list.Items) != found {
			t.Errorf("%q finds %+v", words, list)
		}
	}
	if keys := get[Page[APIKey]](t)(w.q.ListAPIKeys(ctx, w.staff(), Paging{})); len(keys.Items) != 1 || keys.Items[0].RevokedAt == nil || *keys.Items[0].CustomerID != a {
		t.Errorf("keys %+v", keys)
	}
	if runs := get[Page[Import]](t)(w.q.ListImports(ctx, w.staff(), Paging{}, asked{})); len(runs.Items) != 1 || runs.Items[0].Rows != 7 || runs.Items[0].FinishedAt == nil {
		t.Errorf("imports %+v", runs)
	}
	later := Import{ID: uuid.New(), State: "waiting", StartedAt: w.q.Clock().Add(time.Hour)}
	both := asked{later, Import{ID: run, State: "done", StartedAt: w.q.Clock().Add(-time.Hour)}}
	if runs := get[Page[Import]](t)(w.q.ListImports(ctx, w.staff(), Paging{}, both)); len(runs.Items) != 2 || runs.Items[0].ID != later.ID || runs.Items[1].ID != run {
		t.Errorf("what was asked for stands once, latest first: %+v", runs)
	}
	if one := get[Import](t)(w.q.GetImport(ctx, w.staff(), run)); one.Documents != 3 || one.FileName != "x.csv" {
		t.Errorf("import %+v", one)
	}
	if _, err := w.q.GetImport(ctx, w.staff(), a); domain.CodeOf(err) != "import.unknown" {
		t.Errorf("an import that never was: %v", err)
	}
}

// asked are imports that were asked for, latest first.
type asked []Import

func (all asked) Before(_ context.Context, _ string, at time.Time, _ uuid.UUID, limit int) (found []Import, err error) {
	for _, i := range all {
		if i.StartedAt.Before(at) && len(found) < limit {
			found = append(found, i)
		}
	}
	return found, nil
}

func (all asked) Among(_ context.Context, _ string, ids []uuid.UUID) (found []uuid.UUID, err error) {
	for _, i := range all {
		if slices.Contains(ids, i.ID) {
			found = append(found, i.ID)
		}
	}
	return found, nil
}

// The year by months is of the dates that documents and payments have, and without what was
// voided or has failed; months without anything are there, and older ones are not.
func TestAYearByMonths(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	now, _ := time.Parse("2006-01", w.Clock().Format("2006-01"))
	on := func(back int) domain.Date { return domain.Date(now.AddDate(0, -back, 0).Format("2006-01-02")) }
	w.invoice(a, on(0), on(0), 100_00, true)
	w.invoice(b, on(0), on(0), 50_00, true)
	w.invoice(a, on(11), on(11), 7_00, false)
	w.invoice(a, on(12), on(12), 9_00, true)
	void := w.invoice(b, on(1), on(1), 3_00, true)
	w.ok(w.VoidInvoice(w.ctx(), w.by, void, invoice.Void{Because: why, On: on(1)}))
	w.pay(a, on(2), 40_00, true)
	w.memo(a, on(0), 5_00, nil)
	w.settle()
	year := get[YearOfMonths](t)(w.q.GetReceivablesByMonth(t.Context(), w.staff()))
	if len(year.Currencies) != 1 || len(year.Currencies[0].Months) != 12 {
		t.Fatalf("%+v", year)
	}
	want := map[int]MonthTotals{11: {Invoiced: gbp(150_00)}, 0: {Invoiced: gbp(7_00)}, 9: {Received: gbp(40_00)}}
	for i, m := range year.Currencies[0].Months {
		if m.Invoiced.Minor != want[i].Invoiced.Minor || m.Received.Minor != want[i].Received.Minor || m.Month != string(on(11 - i)[:7]) {
			t.Errorf("month %d: %+v, want %+v", i, m, want[i])
		}
	}
	if _, err := w.q.GetReceivablesByMonth(t.Context(), w.contactOf(a)); domain.CodeOf(err) != "viewer.forbidden" {
		t.Errorf("a contact: %v", err)
	}
}
