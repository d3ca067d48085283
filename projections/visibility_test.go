package projections

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// answers are what a viewer gets from every query there is, about customers and ids that
// are given.
func answers(w *world, v Viewer, of uuid.UUID, ids ...uuid.UUID) map[string]any {
	ctx, got := w.t.Context(), map[string]any{}
	add := func(name string, answer any, err error) {
		if got[name] = answer; err != nil {
			got[name] = domain.CodeOf(err)
		}
	}
	for _, c := range []uuid.UUID{uuid.Nil, of} {
		at := " of " + c.String()
		p, err := w.q.ListInvoices(ctx, v, InvoiceFilter{CustomerID: c})
		add("invoices"+at, p, err)
		p, err = w.q.ListInvoices(ctx, v, InvoiceFilter{CustomerID: c, Status: "draft"})
		add("drafts"+at, p, err)
		p, err = w.q.ListInvoices(ctx, v, InvoiceFilter{CustomerID: c, Text: "n-"})
		add("search"+at, p, err)
		memos, err := w.q.ListCreditMemos(ctx, v, CreditMemoFilter{CustomerID: c})
		add("memos"+at, memos, err)
		payments, err := w.q.ListPayments(ctx, v, PaymentFilter{CustomerID: c})
		add("payments"+at, payments, err)
		files, err := w.q.ListAttachments(ctx, v, AttachmentFilter{CustomerID: c})
		add("attachments"+at, files, err)
		activity, err := w.q.ListActivity(ctx, v, ActivityFilter{CustomerID: c})
		add("activity"+at, activity, err)
		balance, err := w.q.GetBalance(ctx, v, c, BalanceOptions{})
		add("balance"+at, balance, err)
		balance, err = w.q.GetBalance(ctx, v, c, BalanceOptions{AsOf: "2026-12-31"})
		add("balance as of"+at, balance, err)
		first, err := w.q.GetOverview(ctx, v, c, OverviewOptions{})
		add("overview"+at, first, err)
		statement, err := w.q.GetStatement(ctx, v, c, StatementOptions{Currency: "GBP"})
		add("statement"+at, statement, err)
		issued, err := w.q.ListStatements(ctx, v, c, Paging{})
		add("statements"+at, issued, err)
		about, err := w.q.GetCustomer(ctx, v, c)
		add("customer"+at, about, err)
	}
	for _, id := range ids {
		i, err := w.q.GetInvoice(ctx, v, id)
		add("invoice "+id.String(), i, err)
		m, err := w.q.GetCreditMemo(ctx, v, id)
		add("memo "+id.String(), m, err)
		f, err := w.q.GetAttachment(ctx, v, id)
		add("attachment "+id.String(), f, err)
		p, err := w.q.GetPayment(ctx, v, id)
		add("payment "+id.String(), p, err)
		file, err := w.q.GetInvoiceDocument(ctx, v, id, DocumentOptions{})
		add("invoice-document "+id.String(), file, err)
		file, err = w.q.GetInvoiceDocument(ctx, v, id, DocumentOptions{Version: 1})
		add("invoice-version "+id.String(), file, err)
		file, err = w.q.GetCreditMemoDocument(ctx, v, id, DocumentOptions{})
		add("memo-document "+id.String(), file, err)
		file, err = w.q.GetStatementDocument(ctx, v, id)
		add("statement-document "+id.String(), file, err)
	}
	return got
}

// A contact of one customer gets, by whatever query, what it would get were there no other
// customer, no draft and no unpublished invoice (I3).
func TestAContactSeesNothingElse(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	seen := w.invoice(a, "2026-05-01", "2026-06-01", 10_000, true)
	w.pay(a, "2026-05-05", 4_000, true)
	w.memo(a, "2026-05-06", 500, &seen)
	w.settle()
	before := withoutPositions(t, answers(w, w.contactOf(a), a))

	hidden := w.invoice(a, "2026-05-02", "2026-06-01", 666, false)
	theirs := w.invoice(b, "2026-05-03", "2026-06-01", 777, true)
	paid := w.pay(b, "2026-05-04", 50, true)
	memo := w.memo(b, "2026-05-04", 60, nil)
	draft := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: w.content(a, "2026-05-07", "2026-06-01", 888)}))
	loose := w.invoice(uuid.Nil, "2026-05-08", "2026-06-01", 999, true)
	dead := w.invoice(a, "2026-05-09", "2026-06-01", 555, false)
	w.posted()
	w.ok(w.VoidInvoice(w.ctx(), w.by, dead, invoice.Void{Because: why}))
	w.ok(w.OpenInvoiceDispute(w.ctx(), w.by, hidden, invoice.OpenDispute{Text: "hidden"}))
	w.settle()
	same(t, before, withoutPositions(t, answers(w, w.contactOf(a), a)))

	unknown := answers(w, w.contactOf(a), uuid.New(), uuid.New())
	foreign := answers(w, w.contactOf(a), b, hidden, theirs, paid, memo, draft, loose, dead)
	for name, got := range foreign {
		if strings.Contains(name, uuid.Nil.String()) {
			continue // of all its customers: seen above
		}
		kind, _, _ := strings.Cut(name, " ")
		for like, want := range unknown {
			if strings.HasPrefix(like, kind+" ") && !strings.Contains(like, uuid.Nil.String()) && got != want {
				t.Errorf("%s: %v; an unknown one gives %v", name, got, want)
			}
		}
	}
	for name, got := range answers(w, Viewer{}, a, seen) {
		if got != "viewer.forbidden" {
			t.Errorf("nobody in particular may ask for %s: %v", name, got)
		}
	}
	other := w.contactOf(a)
	other.Tenant = "other"
	for name, got := range answers(w, other, a, seen) {
		if text, _ := json.Marshal(got); strings.Contains(string(text), "N-0") || strings.Contains(string(text), "Customer A") {
			t.Errorf("another tenant gets %s: %s", name, text)
		}
	}
}

// Staff of another tenant see nothing of this one.
func TestTenantsAreApart(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	seen := w.invoice(a, "2026-05-01", "2026-06-01", 10_000, true)
	w.pay(a, "2026-05-05", 14_000, true)
	w.invoice(uuid.Nil, "2026-05-08", "2026-06-01", 999, true)
	w.enter("rival", "Europe/Paris")
	w.settle()
	for name, got := range answers(w, w.staff(), a, seen) {
		if text, _ := json.Marshal(got); strings.Contains(string(text), "N-0") || strings.Contains(string(text), "Customer A") {
			t.Errorf("a rival gets %s: %s", name, text)
		}
	}
	list := get[Page[CustomerSummary]](t)(w.q.ListCustomers(t.Context(), w.staff(), CustomerFilter{}))
	funds := get[Page[UnappliedFund]](t)(w.q.ListUnappliedMoney(t.Context(), w.staff(), UnappliedFilter{}))
	loose := get[Page[UnassignedDocument]](t)(w.q.ListUnassignedDocuments(t.Context(), w.staff(), UnassignedFilter{}))
	sum := get[ReceivablesSummary](t)(w.q.GetReceivablesSummary(t.Context(), w.staff()))
	ageing := get[AgeingReport](t)(w.q.GetAgeing(t.Context(), w.staff(), ""))
	if len(list.Items)+len(funds.Items)+len(loose.Items)+len(sum.Currencies)+len(ageing.Currencies) != 0 || sum.Customers != 0 {
		t.Error(list, funds, loose, sum, ageing)
	}
}

// What is for staff is not for contacts.
func TestStaffQueriesRefuseContacts(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.settle()
	v, ctx := w.contactOf(a), t.Context()
	_, err := w.q.ListCustomers(ctx, v, CustomerFilter{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetReceivablesSummary(ctx, v)
	code(t, "viewer.forbidden", err)
	_, err = w.q.ListUnappliedMoney(ctx, v, UnappliedFilter{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.ListUnassignedDocuments(ctx, v, UnassignedFilter{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.ListContacts(ctx, v, ContactFilter{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.ListAPIKeys(ctx, v, Paging{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetImport(ctx, v, a)
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetAPIKey(ctx, v, uuid.New())
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetStaffMember(ctx, v, uuid.New())
	code(t, "viewer.forbidden", err)
	_, err = w.q.ListImports(ctx, v, Paging{}, asked{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetNotificationSettings(ctx, v)
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetAgeing(ctx, v, "")
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetBalance(ctx, v, a, BalanceOptions{Consolidated: true})
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetHistory(ctx, v, HistoryFilter{})
	code(t, "viewer.forbidden", err)
	_, err = w.q.GetHistory(ctx, w.staff(), HistoryFilter{})
	code(t, "viewer.forbidden", err)
}

// A portal that is switched off shows contacts nothing, and on again all.
func TestPortalSwitch(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	id := w.invoice(a, "2026-05-01", "2026-06-01", 10_000, true)
	w.settle()
	v := w.contactOf(a)
	get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), v, id))
	w.ok(w.SwitchCustomerPortal(w.ctx(), w.by, a, customer.SwitchPortal{On: false, Because: why}))
	w.settle()
	_, err := w.q.GetInvoice(t.Context(), v, id)
	code(t, "invoice.unknown", err)
	_, err = w.q.GetBalance(t.Context(), v, a, BalanceOptions{})
	code(t, "customer.unknown", err)
	if list := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), v, InvoiceFilter{})); len(list.Items) != 0 {
		t.Errorf("got %+v", list.Items)
	}
	w.ok(w.SwitchCustomerPortal(w.ctx(), w.by, a, customer.SwitchPortal{On: true, Because: why}))
	w.settle()
	get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), v, id))
}

// Money that pays an invoice which is not published yet is credit to the contact; once it
// is published, it is what pays it.
func TestPaymentOfAnUnpublishedInvoice(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	hidden := w.invoice(a, "2026-05-01", "2026-06-01", 700, false)
	paid := w.pay(a, "2026-05-05", 1_000, true)
	memo := w.memo(a, "2026-05-06", 100, nil)
	other := w.invoice(a, "2026-05-02", "2026-06-01", 100, false)
	w.posted()
	w.ok(w.ApplyCredit(w.ctx(), w.by, w.account(a), memo, account.ApplyCredit{Allocations: []account.Allocation{toPay(other, 100)}, On: "2026-05-07"}))
	w.settle()
	v := w.contactOf(a)
	check := func(unapplied int64, allocations int) {
		t.Helper()
		p := get[PaymentDetail](t)(w.q.GetPayment(t.Context(), v, paid))
		list := get[Page[Payment]](t)(w.q.ListPayments(t.Context(), v, PaymentFilter{}))
		if p.Unapplied != gbp(unapplied) || len(p.Allocations) != allocations || list.Items[0].Unapplied != gbp(unapplied) {
			t.Errorf("got %+v, list %+v; want %d unapplied", p, list.Items, unapplied)
		}
	}
	check(1_000, 0)
	if m := get[CreditMemoDetail](t)(w.q.GetCreditMemo(t.Context(), v, memo)); m.Unapplied != gbp(100) || m.Status != "open" || len(m.Allocations) != 0 {
		t.Errorf("memo %+v", m)
	}
	if left := get[Page[CreditMemo]](t)(w.q.ListCreditMemos(t.Context(), v, CreditMemoFilter{Unapplied: true})).Items; len(left) != 1 {
		t.Errorf("what shows as unapplied is not found as that: %+v", left) // it would tell that something is paid
	}
	coherent(t, w, v, a)
	w.ok(w.PublishInvoice(w.ctx(), w.by, hidden, invoice.Publish{}))
	w.settle()
	check(300, 1)
	coherent(t, w, v, a)
	coherent(t, w, w.staff(), a)
}

// I3: a credit memo is seen at once, the invoice that it is against when that is published.
func TestI3ACreditMemoNamesNoInvoiceThatIsNotPublished(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	against := w.invoice(a, "2026-05-01", "2026-06-01", 700, false)
	memo := w.memo(a, "2026-05-06", 100, &against)
	w.settle()
	named := func(v Viewer) bool {
		t.Helper()
		one := get[CreditMemoDetail](t)(w.q.GetCreditMemo(t.Context(), v, memo)).AgainstInvoice
		listed := get[Page[CreditMemo]](t)(w.q.ListCreditMemos(t.Context(), v, CreditMemoFilter{CustomerID: a})).Items[0].AgainstInvoice
		if (one == nil) != (listed == nil) {
			t.Errorf("alone it is against %v, listed against %v", one, listed)
		}
		return one != nil && *one == against
	}
	if named(w.contactOf(a)) || !named(w.staff()) {
		t.Error("before it is published it is named to staff only")
	}
	w.ok(w.PublishInvoice(w.ctx(), w.by, against, invoice.Publish{}))
	w.settle()
	if !named(w.contactOf(a)) {
		t.Error("published, it is not named")
	}
}

// withoutPositions is answers in a form that can be compared.
func withoutPositions(t *testing.T, answers map[string]any) map[string]string {
	out := map[string]string{}
	for name, a := range answers {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(data)
	}
	return out
}
