package projections

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/statement"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/pgtest"
)

// shop is a world with things of every kind that grants decide about.
type shop struct {
	*world
	customers   []uuid.UUID // the contact's, two below it, and a stranger
	branches    []uuid.UUID
	contractors []uuid.UUID
	sites       []uuid.UUID
	mains       map[uuid.UUID][]uuid.UUID // contacts of each customer
	people      []uuid.UUID               // all of them, and one whom nothing names

	invoices, memos, payments, statements map[uuid.UUID]access.Item
	files                                 map[uuid.UUID]hung
	against                               map[uuid.UUID]uuid.UUID // of credit memos
}

// hung is a file as an item, and what it hangs on, but for a customer.
type hung struct {
	file access.Item
	on   *access.Item
}

func newShop(t *testing.T) *shop {
	w := &shop{world: hanging(t), invoices: map[uuid.UUID]access.Item{}, memos: map[uuid.UUID]access.Item{}, payments: map[uuid.UUID]access.Item{},
		statements: map[uuid.UUID]access.Item{}, files: map[uuid.UUID]hung{}, against: map[uuid.UUID]uuid.UUID{},
		sites: []uuid.UUID{uuid.New(), uuid.New()}, mains: map[uuid.UUID][]uuid.UUID{}, people: []uuid.UUID{uuid.New()}}
	for n := range 2 {
		w.branches = append(w.branches, w.ok(w.AddBranch(w.ctx(), w.by, tenant.AddBranch{Code: fmt.Sprint(n), Name: "Branch"})))
		w.contractors = append(w.contractors, w.ok(w.AddContractor(w.ctx(), w.by, tenant.AddContractor{Name: fmt.Sprint("Contractor ", n)})))
	}
	w.customers = []uuid.UUID{w.customer("A")}
	for n := range 2 {
		w.customers = append(w.customers, w.ok(w.RegisterCustomer(w.ctx(), w.by, uuid.Nil, customer.Register{Number: fmt.Sprint("A", n),
			ParentID: &w.customers[n], Details: customer.Details{LegalName: "Below"}})))
	}
	w.customers = append(w.customers, w.customer("B"))
	for _, c := range w.customers {
		for range 2 {
			w.mains[c] = append(w.mains[c], w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: c, Details: contact.Details{Name: "Main"}})))
		}
		w.people = append(w.people, w.mains[c]...)
		w.fill(c)
	}
	w.settle()
	return w
}

// fill gives a customer documents of all places, payments of all of them, and files.
func (w *shop) fill(c uuid.UUID) {
	place := func(n int) (p domain.Party) {
		p.CustomerID = &c
		if n%3 < 2 {
			p.BranchID = &w.branches[n%3]
		}
		if n%2 == 1 {
			p.ContractorID = &w.contractors[n/3]
		}
		if n%3 > 0 {
			p.SiteID = &w.sites[n%3-1]
		}
		if n%4 != 1 {
			p.PrimaryContactID = &w.mains[c][n%2]
		}
		return p
	}
	item := func(m access.Module, p domain.Party, published bool) access.Item {
		it := access.Item{Module: m, Customers: []uuid.UUID{c}, Published: published}
		if p.BranchID != nil {
			it.BranchID = *p.BranchID
		}
		if p.ContractorID != nil {
			it.ContractorID = *p.ContractorID
		}
		if p.SiteID != nil {
			it.SiteID = *p.SiteID
		}
		if p.PrimaryContactID != nil {
			it.PrimaryContactID = *p.PrimaryContactID
		}
		return it
	}
	var parts []account.Allocation
	for n := range 6 {
		content := w.content(c, "2026-05-01", "2026-06-01", 100)
		content.Party = place(n)
		id := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: content, Publish: n != 4}))
		w.invoices[id] = item(access.Invoices, place(n), n != 4)
		parts = append(parts, toPay(id, 10))
		w.hung(w.hang("invoice", id, fmt.Sprint("i", n), sha("1"), true), item(access.Documents, place(n), true), w.invoices[id])
	}
	w.invoices[w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: w.content(c, "2026-05-07", "2026-06-01", 888)}))] = item(access.Invoices, place(2), false)
	for n := range 3 {
		content := w.memoContent(c, "2026-05-02", 50, &parts[n+1].InvoiceID)
		content.Party = place(n)
		id := w.ok(w.IssueCreditMemo(w.ctx(), w.by, uuid.Nil, content))
		w.memos[id], w.against[id] = item(access.Account, place(n), true), parts[n+1].InvoiceID
		w.hung(w.hang("credit_memo", id, fmt.Sprint("m", n), sha("1"), true), item(access.Documents, place(n), true), w.memos[id])
	}
	refunded := w.memoContent(c, "2026-05-03", 50, nil)
	refunded.Party = place(1)
	id := w.ok(w.IssueCreditMemo(w.ctx(), w.by, uuid.Nil, refunded))
	w.memos[id] = item(access.Account, place(1), true)
	w.posted()
	back := uuid.New()
	w.ok(w.RequestRefund(w.ctx(), w.by, w.account(c), id, account.RequestRefund{RefundID: back, Amount: gbp(20), To: "bank", On: "2026-05-04",
		Because: domain.Because{Reason: domain.Reason{Code: "test"}}}))
	w.ok(w.SettleRefund(w.ctx(), w.by, w.account(c), back, account.SettleRefund{On: "2026-05-05"}))
	w.payments[w.pay(c, "2026-05-05", 1_000, false, parts...)] = item(access.Account, domain.Party{}, true)
	own := item(access.Documents, domain.Party{}, true)
	w.hung(w.hang("customer", c, "shared", sha("1"), true), own)
	own.Published = false
	w.hung(w.hang("customer", c, "not shared", sha("2"), false), own)
	w.statements[w.ok(w.IssueStatement(w.ctx(), w.by, statement.Issue{Content: statement.Content{CustomerID: c, Number: "S-" + c.String(), Currency: "GBP", To: "2026-06-01",
		KnownAt: "1.0", Opening: gbp(0), Closing: gbp(0)}}))] = item(access.Account, domain.Party{}, true)
}

func (w *shop) hung(id uuid.UUID, file access.Item, on ...access.Item) {
	w.files[id] = hung{file: file}
	if len(on) > 0 {
		w.files[id] = hung{file, &on[0]}
	}
}

// someone is a contact in any standing.
func (w *shop) someone(r *rapid.T) Viewer {
	modules := []access.Module{access.Invoices, access.Account, access.Documents, access.Profile}
	some := func(name string, of []uuid.UUID) []uuid.UUID {
		if rapid.IntRange(0, 2).Draw(r, "any "+name) > 0 {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, 2, rapid.ID).Draw(r, name)
	}
	off := func(name string) []access.Module {
		if rapid.IntRange(0, 5).Draw(r, "some "+name) > 0 {
			return nil
		}
		return []access.Module{rapid.SampledFrom(modules).Draw(r, name)}
	}
	s := access.Standing{ContactID: rapid.SampledFrom(w.people).Draw(r, "who"), CustomerID: w.customers[0], Active: rapid.IntRange(0, 20).Draw(r, "active") > 0,
		Off: off("off"), Customers: map[uuid.UUID]access.Customer{}}
	for _, id := range w.customers[:rapid.IntRange(1, 3).Draw(r, "tree")] {
		s.Customers[id] = access.Customer{Portal: rapid.IntRange(0, 5).Draw(r, "portal") > 0, Off: off("off here")}
	}
	if rapid.Bool().Draw(r, "at first all") {
		s.Grants = access.Everything()
	}
	for range rapid.IntRange(0, 6).Draw(r, "grants") {
		m := rapid.SampledFrom(modules).Draw(r, "module")
		scope := access.Scope{Customers: some("customers", w.customers), Branches: some("branches", w.branches), Contractors: some("contractors", w.contractors),
			Sites: some("sites", w.sites), PrimaryContact: rapid.IntRange(0, 3).Draw(r, "main") == 0, CreatedByMe: rapid.IntRange(0, 9).Draw(r, "mine") == 0}
		s.Grants = append(s.Grants, access.Grant{Module: m, Scope: scope, Deny: rapid.IntRange(0, 2).Draw(r, "deny") == 0,
			Actions: rapid.SliceOfNDistinct(rapid.SampledFrom(m.Actions()[:2]), 1, 2, rapid.ID).Draw(r, "actions")})
	}
	return Viewer{Tenant: w.by.Tenant, Kind: envelope.Contact, ID: s.ContactID, Standing: &s}
}

// I2, I3: whoever asks, by list, by search, by id, for the document, for what happened, or
// among the files: a contact is shown what access.May says, and all of that.
func TestQueriesShowWhatAccessAllows(t *testing.T) {
	w := newShop(t)
	pgtest.Draws(t, 100)
	rapid.Check(t, func(r *rapid.T) {
		v := w.someone(r)
		may := func(a access.Action, it access.Item) bool { return access.May(*v.Standing, a, it, "2026-06-15") }
		happened := map[uuid.UUID]bool{}
		for _, a := range get[Page[Activity]](w.t)(w.q.ListActivity(t.Context(), v, ActivityFilter{Paging: Paging{Limit: 200}})).Items {
			happened[a.RefID] = true
		}
		w.seesInvoices(r, v, may, happened)
		w.seesMoney(r, v, may, happened)
		w.seesFiles(r, v, may)
		w.seesCustomers(r, v, may)
	})
}

type mayDo func(access.Action, access.Item) bool

// shows fails unless a list is of the items that may be viewed.
func shows(r *rapid.T, what string, list map[uuid.UUID]bool, items map[uuid.UUID]access.Item, may mayDo) {
	for id, it := range items {
		if list[id] != may(access.View, it) {
			r.Errorf("%s: %+v is shown: %t", what, it, list[id])
		}
	}
}

func idsOf[T any](items []T, id func(T) uuid.UUID) map[uuid.UUID]bool {
	ids := map[uuid.UUID]bool{}
	for _, one := range items {
		ids[id(one)] = true
	}
	return ids
}

// few are some of the things, to be asked for by their ids: all at each time takes long.
func few[T any](r *rapid.T, what string, of map[uuid.UUID]T) []uuid.UUID {
	ids := slices.SortedFunc(maps.Keys(of), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 3, 3, rapid.ID).Draw(r, what)
}

func (w *shop) seesInvoices(r *rapid.T, v Viewer, may mayDo, happened map[uuid.UUID]bool) {
	ctx, id := w.t.Context(), func(i Invoice) uuid.UUID { return i.ID }
	for _, f := range []InvoiceFilter{{}, {Text: "n-"}, {CustomerID: w.customers[1]}} {
		f.Limit = 200
		page, err := w.q.ListInvoices(ctx, v, f)
		of := w.invoices
		if f.CustomerID != uuid.Nil {
			of = maps.Clone(of)
			maps.DeleteFunc(of, func(_ uuid.UUID, it access.Item) bool { return it.Customers[0] != f.CustomerID })
		} else if err != nil {
			r.Fatal(err)
		}
		shows(r, fmt.Sprintf("invoices %+v", f), idsOf(page.Items, id), of, may)
	}
	shows(r, "what happened to invoices", happened, w.invoices, may)
	for _, id := range few(r, "invoices by id", w.invoices) {
		it := w.invoices[id]
		d, err := w.q.GetInvoice(ctx, v, id)
		if seen := domain.CodeOf(err) != "invoice.unknown"; seen != may(access.View, it) {
			r.Errorf("invoice %+v: %v", it, err)
		}
		for _, a := range d.Allocations {
			fund, payment := w.payments[a.FundID]
			if !payment {
				fund = w.memos[a.FundID]
			}
			if !may(access.View, fund) {
				r.Errorf("invoice %+v tells of what pays it: %+v", it, fund)
			}
		}
		_, err = w.q.GetInvoiceDocument(ctx, v, id, DocumentOptions{})
		if given := domain.CodeOf(err) != "invoice.unknown"; given != may(access.Download, it) {
			r.Errorf("document of %+v: %v", it, err)
		}
	}
}

func (w *shop) seesMoney(r *rapid.T, v Viewer, may mayDo, happened map[uuid.UUID]bool) {
	ctx := w.t.Context()
	memos := get[Page[CreditMemo]](w.t)(w.q.ListCreditMemos(ctx, v, CreditMemoFilter{Paging: Paging{Limit: 200}}))
	shows(r, "credit memos", idsOf(memos.Items, func(c CreditMemo) uuid.UUID { return c.ID }), w.memos, may)
	payments := get[Page[Payment]](w.t)(w.q.ListPayments(ctx, v, PaymentFilter{Paging: Paging{Limit: 200}}))
	shows(r, "payments", idsOf(payments.Items, func(p Payment) uuid.UUID { return p.ID }), w.payments, may)
	shows(r, "what happened to credit memos", happened, w.memos, may)
	shows(r, "what happened to payments", happened, w.payments, may)
	for _, id := range few(r, "memos by id", w.memos) {
		it := w.memos[id]
		d, err := w.q.GetCreditMemo(ctx, v, id)
		if (err == nil) != may(access.View, it) || err == nil && (d.AgainstInvoice != nil) != may(access.View, w.invoices[w.against[id]]) {
			r.Errorf("credit memo %+v: %v, against %v", it, err, d.AgainstInvoice)
		}
		_, err = w.q.GetCreditMemoDocument(ctx, v, id, DocumentOptions{})
		if given := domain.CodeOf(err) != "credit_memo.unknown"; given != may(access.Download, it) {
			r.Errorf("document of %+v: %v", it, err)
		}
	}
	for _, id := range few(r, "payments by id", w.payments) {
		it := w.payments[id]
		p, err := w.q.GetPayment(ctx, v, id)
		if (err == nil) != may(access.View, it) {
			r.Errorf("payment %+v: %v", it, err)
		}
		pays := idsOf(p.Allocations, func(a Allocation) uuid.UUID { return a.InvoiceID })
		of := maps.Clone(w.invoices)
		maps.DeleteFunc(of, func(id uuid.UUID, other access.Item) bool { return err != nil || other.Customers[0] != it.Customers[0] })
		maps.DeleteFunc(of, func(id uuid.UUID, other access.Item) bool { return !pays[id] && !other.Published }) // a draft
		shows(r, "what a payment pays", pays, of, may)
		if want := int64(1_000 - 10*len(pays)); err == nil && p.Unapplied.Minor != want {
			r.Errorf("%d is unapplied to who sees %d paid", p.Unapplied.Minor, len(pays))
		}
	}
	for _, id := range few(r, "statements by id", w.statements) {
		it := w.statements[id]
		_, err := w.q.GetStatementDocument(ctx, v, id)
		if (err == nil) != v.Standing.Money(access.Download, it.Customers[0]) {
			r.Errorf("statement %+v: %v", it, err)
		}
	}
}

// ofMemos are the files that hang on a credit memo.
func (w *shop) ofMemos() map[uuid.UUID]hung {
	files := maps.Clone(w.files)
	maps.DeleteFunc(files, func(_ uuid.UUID, f hung) bool { return f.on == nil || f.on.Module != access.Account })
	return files
}

func (w *shop) seesFiles(r *rapid.T, v Viewer, may mayDo) {
	ctx := w.t.Context()
	files := get[Page[Attachment]](w.t)(w.q.ListAttachments(ctx, v, AttachmentFilter{Paging: Paging{Limit: 200}}))
	list := idsOf(files.Items, func(a Attachment) uuid.UUID { return a.ID })
	asked := append(few(r, "files by id", w.files), few(r, "files of memos by id", w.ofMemos())...)
	for id, f := range w.files {
		on := f.on == nil || may(access.View, *f.on)
		if list[id] != (on && may(access.View, f.file)) {
			r.Errorf("file %+v is listed: %t", f, list[id])
		}
		if !slices.Contains(asked, id) {
			continue
		}
		if _, err := w.q.GetAttachment(ctx, v, id); (err == nil) != list[id] {
			r.Errorf("file %+v: %v", f, err)
		}
		if _, err := w.q.GetAttachmentFile(ctx, v, id); (err == nil) != (on && may(access.Download, f.file)) {
			r.Errorf("bytes of %+v: %v", f, err)
		}
	}
}

func (w *shop) seesCustomers(r *rapid.T, v Viewer, may mayDo) {
	ctx := w.t.Context()
	for _, c := range []uuid.UUID{rapid.SampledFrom(w.customers).Draw(r, "customer")} {
		if _, err := w.q.GetCustomer(ctx, v, c); (err == nil) != may(access.View, access.Item{Module: access.Profile, Customers: []uuid.UUID{c}, Published: true}) {
			r.Errorf("customer %v: %v", v.Standing, err)
		}
		want, seen := "access.account", slices.Contains(v.Standing.Seen(), c)
		if money := v.Standing.Money(access.View, c); money {
			want = ""
		} else if !seen {
			want = "customer.unknown"
		}
		_, err := w.q.GetBalance(ctx, v, c, BalanceOptions{})
		_, err2 := w.q.GetStatement(ctx, v, c, StatementOptions{})
		_, err3 := w.q.ListStatements(ctx, v, c, Paging{})
		for _, err := range []error{err, err2, err3} {
			if domain.CodeOf(err) != want {
				r.Errorf("the account: %v, want %q", err, want)
			}
		}
		if o, err := w.q.GetOverview(ctx, v, c, OverviewOptions{}); seen && (err != nil || (o.Balance != nil) != (want == "")) {
			r.Errorf("overview: %+v %v", o.Balance, err)
		}
	}
}
