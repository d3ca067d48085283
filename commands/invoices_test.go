package commands

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// issued is the document as issued under an id.
func (w *world) issued(id uuid.UUID) invoice.Document {
	w.t.Helper()
	s, err := peek[invoice.Invoice](w.ctx(), w.Commands, "main", "invoice", id)
	d, posted := s.Posted()
	if err != nil || !posted {
		w.t.Fatalf("invoice %s: %v", id, err)
	}
	return d
}

func TestIssueInvoiceFillsInDefaults(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	euro := w.ok(w.RegisterCustomer(t.Context(), staffMember(), uuid.Nil, customer.Register{Number: "8", Details: customer.Details{LegalName: "Euro", Currency: "EUR"}})).ID
	if d := w.issued(w.issue(of, " INV-1 ", 1999)); d.Number != "INV-1" || d.Currency != "GBP" || d.IssuedOn != "2026-03-01" || d.DueOn != "2026-03-31" || d.Gross != 1999 {
		t.Errorf("%+v", d)
	}
	if d := w.issued(w.issue(euro, "INV-2", 100)); d.Currency != "EUR" || d.DueOn != d.IssuedOn {
		t.Errorf("%+v", d)
	}
	own := content(of, "INV-3", 100)
	own.Currency, own.IssuedOn, own.DueOn = "USD", "2025-12-31", "2026-01-01"
	if d := w.issued(w.ok(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: own})).ID); d.Currency != "USD" || d.IssuedOn != "2025-12-31" || d.DueOn != "2026-01-01" {
		t.Errorf("%+v", d)
	}
}

// E43: today is the tenant's, not the server's.
func TestE43TodayIsTheTenants(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	for zone, want := range map[string]domain.Date{"Pacific/Auckland": "2026-03-02", "Europe/London": "2026-03-01", "America/Los_Angeles": "2026-03-01"} {
		w.ok(w.ChangeTenantSettings(t.Context(), staffMember(), tenant.ChangeSettings{Settings: tenant.Settings{Name: "Test", TimeZone: zone, Currency: "GBP"}}))
		w.now = time.Date(2026, 3, 1, 23, 59, 30, 0, time.UTC)
		if d := w.issued(w.issue(of, "at "+zone, 1)); d.IssuedOn != want {
			t.Errorf("half a minute to midnight in London it is %s in %s", d.IssuedOn, zone)
		}
		w.pay(of, 5)
		if e := last[account.PaymentReceived](w, of); e.On != want {
			t.Errorf("a payment in %s came on %s", zone, e.On)
		}
	}
	w.now = time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) // the night that clocks go forward in London
	w.ok(w.ChangeTenantSettings(t.Context(), staffMember(), tenant.ChangeSettings{Settings: tenant.Settings{Name: "Test", TimeZone: "Europe/London", Currency: "GBP"}}))
	if d := w.issued(w.issue(of, "DST", 1)); d.IssuedOn != "2026-03-29" || d.DueOn != "2026-04-28" {
		t.Errorf("issued %s, due %s", d.IssuedOn, d.DueOn)
	}
}

func TestIssueInvoiceRefuses(t *testing.T) {
	w := open(t)
	of, stranger, closed := w.customer("7"), uuid.New(), w.customer("8")
	w.ok(w.CloseCustomer(t.Context(), staffMember(), closed, customer.Close{Because: because}))
	branch := w.ok(w.AddBranch(t.Context(), staffMember(), tenant.AddBranch{Code: "LS", Name: "Leeds"})).ID
	contractor := w.ok(w.AddContractor(t.Context(), staffMember(), tenant.AddContractor{Name: "Sub"})).ID
	pat, theirs, gone := w.person(of, nil), w.person(w.customer("9"), nil), w.person(of, nil)
	w.ok(w.RemoveContact(t.Context(), staffMember(), gone, contact.Remove{Because: because}))
	w.issue(of, "INV-1", 100)
	before := len(w.log())
	with := func(f func(*invoice.Content)) invoice.Issue {
		c := content(of, "INV-9", 100)
		f(&c)
		return invoice.Issue{Content: c}
	}
	for code, cmd := range map[string]invoice.Issue{
		"customer.unknown":          with(func(c *invoice.Content) { c.CustomerID = &stranger }),
		"customer.not_active":       with(func(c *invoice.Content) { c.CustomerID = &closed }),
		"tenant.unknown_branch":     with(func(c *invoice.Content) { c.BranchID = &contractor }),
		"tenant.unknown_contractor": with(func(c *invoice.Content) { c.ContractorID = &branch }),
		"money.unknown_currency":    with(func(c *invoice.Content) { c.Currency = "XXZ" }),
		"date.malformed":            with(func(c *invoice.Content) { c.IssuedOn = "soon" }),
		"document.lines":            with(func(c *invoice.Content) { c.Lines = nil }),
		"field.missing":             with(func(c *invoice.Content) { c.Number = "  " }),
		"text.malformed":            with(func(c *invoice.Content) { c.Description = "a\x00b" }),
		"invoice.number_taken":      with(func(c *invoice.Content) { c.Number = " INV-1 " }),
	} {
		w.refuses(code)(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, cmd))
	}
	for name, cmd := range map[string]invoice.Issue{
		"another's contact":           with(func(c *invoice.Content) { c.PrimaryContactID = &theirs }),
		"one who was removed":         with(func(c *invoice.Content) { c.PrimaryContactID = &gone }),
		"nobody":                      with(func(c *invoice.Content) { c.PrimaryContactID = new(uuid.UUID) }),
		"whose, of what is nobody's":  with(func(c *invoice.Content) { c.CustomerID, c.PrimaryContactID = nil, &pat }),
		"nobody, of what is nobody's": with(func(c *invoice.Content) { c.CustomerID, c.PrimaryContactID = nil, &gone }),
	} {
		t.Log(name)
		w.refuses("contact.unknown")(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, cmd))
		w.refuses("contact.unknown")(w.DraftInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Draft{Content: cmd.Content}))
		w.refuses("contact.unknown")(w.IssueCreditMemo(t.Context(), staffMember(), uuid.Nil, creditmemo.Issue{Content: creditmemo.Content{
			Number: "CM-9", Party: cmd.Party, Lines: cmd.Lines}}))
	}
	if n := len(w.log()) - before; n != 0 { // I6: not even a number is used up
		t.Errorf("refused requests left %d events", n)
	}
	good := with(func(c *invoice.Content) {
		c.BranchID, c.ContractorID, c.SiteID, c.PrimaryContactID = &branch, &contractor, &branch, &pat
	})
	good.Number = "INV-10"
	id := w.ok(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, good)).ID
	for _, wrong := range []uuid.UUID{theirs, gone} {
		w.refuses("contact.unknown")(w.CorrectInvoiceReference(t.Context(), staffMember(), id, invoice.CorrectReference{PrimaryContactID: &wrong, Because: because}))
	}
	nobodys := with(func(c *invoice.Content) { c.Number, c.CustomerID = "INV-11", nil })
	w.ok(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, nobodys))
}

// Every event says who, when, from where and why, and whose read models it changes.
func TestEventsSayWhoWhenWhereAndWhy(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	by := staffMember()
	by.Correlation, by.Causation, by.OccurredAt = uuid.UUID{11}, uuid.UUID{12}, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	id := w.ok(w.IssueInvoice(t.Context(), by, uuid.Nil, invoice.Issue{Content: content(of, "INV-1", 100), Publish: true})).ID
	w.ok(w.CorrectInvoiceReference(t.Context(), staffMember(), id, invoice.CorrectReference{Reference: "PO 1", Because: because}))
	n := 0
	for _, e := range w.log() {
		if e.Stream != eventstore.Stream("main", "invoice", id.String()) {
			continue
		}
		m := e.Meta
		if n++; m.Route != of || m.Actor.ID != by.Actor.ID || m.Origin.IP != "192.0.2.1" || m.Origin.Node != "n1" || e.ID.Version() != 5 {
			t.Errorf("%s: %+v", e.Type, m)
		}
		if n <= 2 && (m.Command != "IssueInvoice" || m.CommandID != by.CommandID || m.CorrelationID != by.Correlation || m.CausationID != by.Causation || !m.OccurredAt.Equal(by.OccurredAt) || m.Reason != nil) {
			t.Errorf("%s: %+v", e.Type, m)
		}
		if n == 3 && (m.Command != "CorrectInvoiceReference" || m.Reason == nil || m.Reason.Code != "test" || !m.OccurredAt.Equal(w.now) || m.CorrelationID != m.CommandID) {
			t.Errorf("%s: %+v", e.Type, m)
		}
	}
	if n != 3 {
		t.Errorf("%d events", n)
	}
}

func TestDraftsToVoid(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	id := w.ok(w.DraftInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Draft{Content: content(of, "INV-1", 100)})).ID
	w.ok(w.DraftInvoice(t.Context(), staffMember(), id, invoice.Draft{Content: content(of, "INV-1", 200)}))
	w.refuses("invoice.not_issued")(w.PublishInvoice(t.Context(), staffMember(), id, invoice.Publish{}))
	other := w.ok(w.DraftInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Draft{Content: content(of, "INV-1", 100)})).ID
	w.ok(w.VoidInvoice(t.Context(), staffMember(), other, invoice.Void{Because: because}))
	w.ok(w.IssueInvoice(t.Context(), staffMember(), id, invoice.Issue{Content: content(of, "INV-1", 200)}))
	w.refuses("invoice.already_issued")(w.IssueInvoice(t.Context(), staffMember(), id, invoice.Issue{Content: content(of, "INV-1", 200)}))
	w.ok(w.PublishInvoice(t.Context(), staffMember(), id, invoice.Publish{}))
	w.ok(w.OpenInvoiceDispute(t.Context(), staffMember(), id, invoice.OpenDispute{Text: "no"}))
	w.ok(w.ResolveInvoiceDispute(t.Context(), staffMember(), id, invoice.ResolveDispute{Text: "yes"}))
	w.follow()
	w.ok(w.VoidInvoice(t.Context(), staffMember(), id, invoice.Void{Because: because}))
	want := []string{"invoice.drafted", "invoice.drafted", "invoice.issued", "invoice.published", "invoice.dispute_opened", "invoice.dispute_resolved", "invoice.voided"}
	if got := w.types(eventstore.Stream("main", "invoice", id.String())); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := w.balance(of); got != 0 {
		t.Errorf("%d is owed of what is void", got)
	}
}

func TestImportFollowsItsSource(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	id := ExternalID("main", "xero", "invoice", "INV-1")
	from := func(hash string, minor int64, whose *uuid.UUID) invoice.Import {
		c := content(of, "INV-1", minor)
		c.Currency, c.IssuedOn, c.DueOn, c.CustomerID = "GBP", "2026-01-01", "2026-01-31", whose
		c.Source = &domain.Source{System: "xero", ExternalID: "INV-1", Hash: hash}
		return invoice.Import{Content: c}
	}
	w.ok(w.ImportInvoice(t.Context(), staffMember(), id, from("a", 100, nil)))
	w.follow()
	if r := w.ok(w.ImportInvoice(t.Context(), staffMember(), id, from("a", 100, nil))); r.Events != 0 {
		t.Errorf("the same again: %+v", r)
	}
	w.ok(w.AssignInvoice(t.Context(), staffMember(), id, invoice.Assign{CustomerID: of, Because: because}))
	w.follow()
	if got := w.balance(of); got != 100 {
		t.Errorf("assigned: %d is owed", got)
	}
	w.ok(w.ImportInvoice(t.Context(), staffMember(), id, from("b", 70, nil)))
	w.ok(w.ImportInvoice(t.Context(), staffMember(), id, from("c", 80, &of))) // before the policy came to the one before
	w.follow()
	if got := w.balance(of); got != 80 {
		t.Errorf("restated: %d is owed", got)
	}
	if e := last[account.InvoiceAdjusted](w, of); e.Difference != gbp(-20) || e.Payable != gbp(80) {
		t.Errorf("the account followed by %+v, not in one step", e)
	}
	w.refuses("invoice.number_taken")(w.IssueInvoice(t.Context(), staffMember(), uuid.Nil, invoice.Issue{Content: content(of, "INV-1", 1)}))
}

func TestImportedCreditMemosFollowTheirSource(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	id := ExternalID("main", "xero", "credit_memo", "CM-1")
	from := func(hash string, minor int64, whose *uuid.UUID) creditmemo.Import {
		return creditmemo.Import{Content: creditmemo.Content{Number: "CM-1", Party: domain.Party{CustomerID: whose}, Calculation: domain.Calculation{Currency: "GBP"},
			IssuedOn: "2026-01-01", Lines: content(of, "", minor).Lines, Source: &domain.Source{System: "xero", ExternalID: "CM-1", Hash: hash}}}
	}
	w.ok(w.ImportCreditMemo(t.Context(), staffMember(), id, from("a", 100, nil)))
	w.follow()
	w.ok(w.AssignCreditMemo(t.Context(), staffMember(), id, creditmemo.Assign{CustomerID: of, Because: because}))
	w.follow()
	if got := w.balance(of); got != -100 {
		t.Errorf("assigned: %d", got)
	}
	w.ok(w.ImportCreditMemo(t.Context(), staffMember(), id, from("b", 70, nil)))
	w.follow()
	if e := last[account.CreditAdjusted](w, of); e.Amount != gbp(70) || e.Difference != gbp(-30) || e.Unapplied != gbp(70) {
		t.Errorf("restated: %+v", e)
	}
}

func TestContactsAndKeys(t *testing.T) {
	w := open(t)
	of := w.customer("7")
	w.refuses("customer.unknown")(w.AddContact(t.Context(), staffMember(), uuid.Nil, contactOf(uuid.New())))
	id := w.ok(w.AddContact(t.Context(), staffMember(), uuid.Nil, contactOf(of))).ID
	var added envelope.Event
	for _, e := range w.log() {
		if e.Type == "contact.added" {
			added = e
		}
	}
	if added.Meta.Route != of || added.Stream.AggregateID() != id {
		t.Errorf("%+v", added)
	}
}
