package api

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/contact"
)

// What was ticked is what is granted. What nobody has changed stays as it is, to the byte, and
// what ticks cannot say stays only if it is kept.
func TestTicksAreGrants(t *testing.T) {
	branch := access.Scope{Branches: []uuid.UUID{{7}}}
	had := access.Grants{
		{Module: access.Jobs, Actions: []access.Action{access.Edit, access.View}, Scope: access.Scope{PrimaryContact: true}},
		{Module: access.Account, Actions: []access.Action{access.View}, Scope: branch},
		{Module: access.Account, Actions: []access.Action{access.Pay}, Deny: true},
		{Module: access.Users, Actions: []access.Action{access.View}},
	}
	as := Ticked{Ticks: []string{"jobs/view", "jobs/edit", "users/view"}, Scopes: map[string]string{"jobs": "main", "users": "all"}, Kept: []access.Module{access.Account}}
	if got, err := as.grants(had); err != nil || !reflect.DeepEqual(got, had) {
		t.Errorf("unchanged became %+v, %v", got, err)
	}
	as.Kept, as.Ticks, as.Scopes = nil, []string{"jobs/view", "invoices/pay"}, map[string]string{"jobs": "own"}
	want := access.Grants{{Module: access.Jobs, Actions: []access.Action{access.View}, Scope: access.Scope{CreatedByMe: true}},
		{Module: access.Invoices, Actions: []access.Action{access.Pay}}}
	if got, err := as.grants(had); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("changed became %+v, %v", got, err)
	}
	for _, bad := range []Ticked{{Ticks: []string{"jobs/pay"}}, {Ticks: []string{"nothing"}}, {Scopes: map[string]string{"jobs": "world"}}} {
		if got, err := bad.grants(had); err == nil {
			t.Errorf("%+v gave %+v", bad, got)
		}
	}
}

// One person of a customer is looked after on pages: each step shows what the one before did.
func TestStaffLookAfterAContactOnPages(t *testing.T) {
	b := newBooks(t)
	b.lettingIn()
	b.who, _ = b.staffed(access.ServiceDesk)
	made, err := b.commands.AddContact(t.Context(), bySystem, uuid.Nil, contact.Add{CustomerID: b.ours.customer, Details: contact.Details{Name: canary, Email: "new@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	at := "/staff/contacts/" + made.ID.String()
	b.as(b.who, "GET", at+"?after="+positionToken(made.Position), "").says(t, 200, "&lt;script&gt;", "!<script>alert", "Was never invited", at+"/invite", "!/audit/history")

	b.sends(at, at+"/access", "ticks", "invoices/view", "scopes.invoices", "main").says(t, 422, `role="alert"`, `value="invoices/view" checked`)
	b.sends(at, at+"/access", "ticks", "invoices/view", "scopes.invoices", "main", "reason.code", "role").says(t, 200, "Saved.", `value="invoices/view" checked`, `<option value="main" selected`)
	s, _, err := b.commands.StandingOf(t.Context(), "main", made.ID)
	if want := (access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}, Scope: access.Scope{PrimaryContact: true}}}); err != nil || !reflect.DeepEqual(s.Grants, want) {
		t.Errorf("granted %+v, %v", s.Grants, err)
	}
	b.sends(at+"/details", at+"/details", "name", "New Name", "email", canary).says(t, 422, "&lt;script&gt;", "!<script>alert", `value="New Name"`)
	b.sends(at+"/details", at+"/details", "name", "New Name", "email", "new@example.com", "is_primary", "true").says(t, 200, "Saved.", "New Name", "Main contact")

	b.sendsOnce(at+"/invite", "confirm", "yes").says(t, 422, `role="alert"`, `value="yes"`)
	b.sendsOnce(at+"/invite", "confirm", "Confirm").says(t, 200, "on its way", "Invited on", at+"/resend", at+"/cancel")
	b.sendsOnce(at+"/resend", "confirm", "Confirm", "hand_over", "true").says(t, 200, "shown this once", "/invitation")
	b.as(b.who, "GET", at, "").says(t, 200, "!/invitation#", "!token=")
	b.sends(at+"/cancel", at+"/cancel", "reason.code", "mistake").says(t, 200, "taken back", at+"/invite")
	b.sendsOnce(at+"/password", "confirm", "Confirm", "username", "new.name").says(t, 200, "new.name", "shown this once")
	b.as(b.who, "GET", fmt.Sprintf("%s?after=s1.%d.0", at, b.head()), "").says(t, 200, "Has joined", "!/password", "!new.name")

	b.sends(at+"/revoke", at+"/revoke", "reason.code", "security").says(t, 200, "All access was taken away", "!checked")
	b.sends(at+"/remove", at+"/remove").says(t, 422, `role="alert"`)
	b.sends(at+"/remove", at+"/remove", "reason.code", "left").says(t, 200, "Removed on", "!"+at+"/access", "!"+at+"/details")
}

// Staff who only look are shown no form, and none of theirs is taken; of another business's contact
// there is nothing; and what opens is shown only to who has lately shown who they are (8.3.3).
func TestAContactsPageIsForWhoMay(t *testing.T) {
	b := newBooks(t)
	viewer, _ := b.staffed(access.Viewer)
	at := "/staff/contacts/" + b.ours.contact.String()
	b.as(viewer, "GET", at, "").says(t, 200, "disabled", "!"+at+"/details", "!"+at+"/remove", "!type=\"submit\">Save")
	if got := b.send(viewer, at+"/remove", url.Values{"reason.code": {"left"}}); got.Code != http.StatusForbidden {
		t.Errorf("a viewer removes: %d", got.Code)
	}
	if got := b.as(viewer, "GET", "/staff/contacts/"+uuid.NewString(), ""); got.Code != http.StatusNotFound {
		t.Errorf("nobody: %d", got.Code)
	}
	desk, s := b.staffed(access.ServiceDesk)
	if _, err := b.db.Exec(t.Context(), `update portico.sessions set confirmed_at = confirmed_at - interval '1 day' where id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	for path, values := range map[string]url.Values{"/password": {"confirm": {"Confirm"}, "username": {"x"}}, "/invite": {"confirm": {"Confirm"}, "hand_over": {"true"}}, "/resend": {"confirm": {"Confirm"}, "hand_over": {"true"}}} {
		if got := b.send(desk, at+path, values); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/confirm") {
			t.Errorf("%s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
}

// sendsOnce sends a form whose answer may show what opens: it has no key, as no answer of it is kept.
func (b books) sendsOnce(at string, fields ...string) answer {
	b.t.Helper()
	b.as(b.who, "GET", at, "").says(b.t, 200, `action="`+at+`"`, `!name="_key"`)
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	got := b.send(b.who, at, values)
	isPage(b.t, at, got.ResponseRecorder)
	if got.Code == http.StatusSeeOther {
		got = b.as(b.who, "GET", got.Header().Get("Location"), "")
	}
	return got
}
