package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/jobs"
)

const staffCanary = `"><script>alert(1)</script>`

// Staff find their pages of what runs, with what is in them as text; who may not see the system is
// told nothing, and who may only look at it changes nothing.
func TestStaffSeeWhatRunsAndOnlyWhoMayActs(t *testing.T) {
	w := newWorld(t).live()
	owner, _ := w.staffed(access.Owner)
	for _, path := range []string{"/staff/jobs", "/staff/jobs?state=dead", "/staff/mails?state=sent", "/staff/mails?address=" + url.QueryEscape(staffCanary),
		"/staff/system", "/staff/imports", "/staff/search", "/staff/search?q=" + url.QueryEscape(staffCanary)} {
		got := w.as(owner, "GET", path, "")
		isPage(t, path, got.ResponseRecorder)
		if body := got.Body.String(); got.Code != http.StatusOK || strings.Contains(body, staffCanary) || !strings.Contains(body, `action="/staff/search"`) {
			t.Errorf("%s: %d %s", path, got.Code, body)
		}
	}
	viewer, _ := w.staffed(access.Viewer)
	for _, path := range []string{"/staff/jobs", "/staff/mails", "/staff/system"} {
		if got := w.as(viewer, "GET", path, ""); got.Code != http.StatusForbidden || strings.Contains(got.Body.String(), `href="`+path+`"`) {
			t.Errorf("%s as a viewer: %d %s", path, got.Code, got.Body)
		}
	}
	contact, _ := w.contactSession()
	if got := w.as(contact, "GET", "/staff/search?q=C", ""); got.Code != http.StatusNotFound {
		t.Errorf("a contact searches: %d", got.Code)
	}
	auditor, _ := w.staffed(access.Auditor)
	if got := w.send(auditor, "/staff/mails/lift", url.Values{"address": {"a@example.com"}}); got.Code != http.StatusForbidden {
		t.Errorf("an auditor lifts a block: %d", got.Code)
	}
}

// A search finds a customer by part of its name or number, and leads to it.
func TestStaffSearchFindsCustomers(t *testing.T) {
	w := newWorld(t).live()
	owner, _ := w.staffed(access.Owner)
	got := w.as(owner, "GET", "/staff/search?q=c-1", "")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `href="/staff/customers/`+w.ours.customer.String()+`"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.as(owner, "GET", "/staff/search?q=nobody-of-that-name", ""); !strings.Contains(got.Body.String(), "Nothing found") {
		t.Errorf("%s", got.Body)
	}
}

// The first page of staff says what went wrong, to whom it concerns, and how the year went.
func TestTheFirstPageSaysWhatWentWrong(t *testing.T) {
	b := newTrade(t)
	who, _ := b.staffed(access.Owner)
	b.as(who, "GET", "/", "").says(t, 200, "Invoiced and received in the last 12 months, GBP", "Show as a table", "!Went wrong")
	if err := b.a.Jobs.Insert(t.Context(), jobs.Job{ID: uuid.New(), Tenant: "main", Kind: "mail.send", Payload: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Exec(t.Context(), `update portico.jobs set state = 'dead', ended_at = now() where kind = 'mail.send' and payload = '{}'`); err != nil {
		t.Fatal(err)
	}
	b.as(who, "GET", "/", "").says(t, 200, "Went wrong", "1 job was given up", `href="/staff/jobs?state=dead"`)
	viewer, _ := b.staffed(access.Viewer)
	b.as(viewer, "GET", "/", "").says(t, 200, "Invoiced and received", "!given up")
}
