package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"portico/domain/access"
	"portico/internal/journal"
)

// An auditor moves through an account's days: what is paid later was open before, what was issued
// later is not there, and what a contact sees is what its rights were then.
func TestAnAuditorSeesAnAccountAsItWasOnADay(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	customer := w.ours.customer.String()
	made := func(path, body string) string {
		return idOf(t, w.call("staff", "POST", path, body, "Prefer", "wait=2").is(201, ""))
	}
	bill := made("/v1/invoices", fmt.Sprintf(`{"publish":true,"number":"P&\"1","customer_id":%q,"currency":"GBP","issued_on":"2026-01-10","due_on":"2026-02-09","lines":[{"text":"Work","quantity":"1","unit_price":"100"}]}`, customer))
	made("/v1/customers/"+customer+"/accounts/GBP/payments", fmt.Sprintf(
		`{"amount":{"minor":7000,"currency":"GBP"},"method":"cash","received_on":"2026-03-01","allocations":[{"invoice_id":%q,"amount":{"minor":7000,"currency":"GBP"}}]}`, bill))

	at, eyes := "/audit/accounts/"+customer, "&contact_id="+w.ours.contact.String()
	w.as(auditor, "GET", at+"?as_of=2026-01-09", "").says(t, 200, "£0.00", "Nothing was open", "!P&amp;")
	w.as(auditor, "GET", at+"?as_of=2026-02-28", "").says(t, 200, "£100.00", "P&amp;&#34;1", "Overdue", "!£30.00")
	w.as(auditor, "GET", at+"?as_of=2026-02-01", "").says(t, 200, "due 9 Feb 2026", "!chip bad")
	now := w.as(auditor, "GET", at+"?as_of=2030-01-01"+eyes, "").says(t, 200, "£30.00", "Could see it", "!Could not")
	isPage(t, at, w.as(auditor, "GET", at, "").ResponseRecorder)
	if !strings.Contains(now, `max="2"`) || !strings.Contains(now, `value="2026-03-01"`) {
		t.Errorf("the slider does not lead through the two days on which something was posted: %s", now)
	}
	w.as(auditor, "GET", at+"?at=1", "").says(t, 200, "£100.00", "!£30.00")
	w.as(auditor, "GET", at+"?at=99"+eyes, "").says(t, 200, "£30.00", "Not recorded yet") // the last day, when none of it was recorded
	w.call("staff", "POST", "/v1/contacts/"+w.ours.contact.String()+"/access/revoke", `{"reason":{"code":"left"}}`).is(200, "")
	w.as(auditor, "GET", at+"?at=2&as_of=2030-01-01"+eyes, "").says(t, 200, "Could not see it", "the contact had no right in this area", "!Could see it")
	w.as(auditor, "GET", "/audit/accounts?text=c-", "").says(t, 200, at, "/audit/accounts/"+w.theirs.customer.String())

	viewer, _ := w.staffed(access.Viewer)
	w.as(viewer, "GET", at, "").says(t, 403, "!£")
	if found := w.entries(journal.Filter{Kind: "viewed", CustomerID: w.ours.customer}); len(found) < 6 || found[0].Target.Kind != "account" {
		t.Errorf("who looked at the account is not on record: %+v", found)
	}
}

// PCI DSS v4 10.2.1.3: a page that shows history or the journal is a reading of them, as the
// operations are.
func TestReadingAuditLogsOnPagesIsRecorded(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	for _, page := range []string{"/audit/history", "/audit/journal"} {
		w.as(auditor, "GET", page, "").says(t, 200)
	}
	var read []string
	for _, e := range w.entries(journal.Filter{Kind: "audit_log_read"}) {
		read = append(read, e.Target.Kind+" "+e.Detail["operation"])
	}
	if slices.Sort(read); !slices.Equal(read, []string{"audit_log ShowHistory", "audit_log ShowJournal"}) {
		t.Errorf("on record: %v", read)
	}
}

// Pages of staff are about what they show, not about staff.
func TestRecordsOfPagesNameWhatTheyShow(t *testing.T) {
	for path, want := range map[string]string{"/staff/invoices/{id}": "invoices/{id}", "/v1/staff/{id}/roles": "staff/{id}/roles", "/invoices": "invoices",
		"/audit/accounts/{id}": "accounts/{id}", "/v1/journal": "journal", "/staff": "staff"} {
		if got := sectioned(path); got != want {
			t.Errorf("%s is about %q, not %q", path, got, want)
		}
	}
}
