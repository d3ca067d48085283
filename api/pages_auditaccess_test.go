package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/login"
	"portico/internal/journal"
)

// PCI DSS v4 7.2.4: a reviewer is shown all who have access, to what, since when and when it was
// last used; who has none any more is not among them.
func TestAReviewShowsWhoHasAccess(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	member, human := w.member(access.Accounts)
	made := w.call("staff", "POST", "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":%q,"email":"=1@example.com"}`, w.ours.customer, canary)).is(201, "")
	at, after := "/audit/access", "?after="+made.Header().Get("Portico-Position")
	w.as(auditor, "GET", at+after, "").says(t, 200, member.String(), "accounts", "Never signed in")
	if _, err := w.db.Exec(t.Context(), `insert into portico.logins values ('main', $1, 'staff', now() - interval '200 days', now() - interval '100 days', $2)`, human, member); err != nil {
		t.Fatal(err)
	}
	w.as(auditor, "GET", at, "").says(t, 200, "Unused for 90 days")
	gone := w.call("staff", "POST", "/v1/contacts/"+w.theirs.contact.String()+"/remove", `{"reason":{"code":"left"}}`).is(200, "")
	contacts := w.as(auditor, "GET", at+"?of=contacts&after="+gone.Header().Get("Portico-Position"), "").says(t, 200, "invoices", "C-1", "No login", "&#34;&gt;&lt;script&gt;", "!"+canary, "!"+w.theirs.contact.String())
	w.as(auditor, "GET", at+"?of=keys", "").says(t, 200, "integration", "!>gone<")
	w.as(auditor, "GET", at+"?of=invitations", "").says(t, 200, "Nobody")
	if len(contacts) > 60<<10 {
		t.Errorf("the page has %d bytes", len(contacts))
	}

	file := w.as(auditor, "GET", "/v1/access-review/export?format=csv", "")
	rows, err := csv.NewReader(file.Body).ReadAll()
	if err != nil || file.Code != http.StatusOK {
		t.Fatal(file.Code, err)
	}
	found := func(id string) []string {
		if i := slices.IndexFunc(rows, func(r []string) bool { return r[1] == id }); i >= 0 {
			return rows[i]
		}
		return make([]string, len(rows[0]))
	}
	if r := found(member.String()); r[0] != "staff" || r[6] != "accounts" || r[9] != "unused" {
		t.Errorf("of the unused member of staff: %q", r)
	}
	if r := found(w.ours.contact.String()); r[0] != "contacts" || r[4] != "C-1" || r[6] == "" {
		t.Errorf("of the contact: %q", r)
	}
	if !slices.ContainsFunc(rows, func(r []string) bool { return r[2] == canary && r[3] == "'=1@example.com" }) {
		t.Errorf("a spreadsheet would run a cell of %q", rows)
	}
	if r := found(w.theirs.contact.String()); r[0] != "" {
		t.Errorf("who was removed is there: %q", r)
	}
	for _, who := range []string{"staff", "contact", "integration"} {
		w.call(who, "GET", "/v1/access-review/export", "").is(403, "caller.forbidden")
	}
	if taken := w.entries(journal.Filter{Kind: "exported"}); len(taken) != 1 || taken[0].Detail["operation"] != "ExportAccessReview" {
		t.Errorf("on record: %+v", taken)
	}
}

// A login that was shut opens nothing, however lately it was used.
func TestAReviewTellsShutLogins(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	_, human := w.member(access.Accounts)
	shut := w.must(w.commands.DisableLogin(t.Context(), bySystem, human, login.Disable{Cause: "inactive", Because: domain.Because{Reason: domain.Reason{Code: "inactive"}}}))
	w.as(auditor, "GET", "/audit/access?after="+positionToken(shut.Position), "").says(t, 200, "Shut</bdi>")
	r := reviewer{now: time.Now(), unused: 90}
	for age, want := range map[time.Duration]string{time.Hour: "active", 90*24*time.Hour - time.Minute: "active", 90*24*time.Hour + time.Minute: "unused"} {
		last := r.now.Add(-age)
		if got := r.use(&last); got != want {
			t.Errorf("last used %v ago: %s", age, got)
		}
	}
}
