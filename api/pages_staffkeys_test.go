package api

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"portico/domain/access"
)

// A key is shown once, to who has lately shown who they are (8.3.4), works, and opens nothing once
// it is revoked on its page. Who may only look is shown no form.
func TestKeysAreMadeAndRevokedOnPages(t *testing.T) {
	b := newBooks(t)
	who, s := b.staffed(access.Owner)
	b.who = who
	b.as(who, "GET", "/staff/keys/new", "").says(t, 200, `value="integration" checked`, `value="staff"`, "!auditor\"")
	b.sendsOnce("/staff/keys/new", "name", "", "role", "staff").says(t, 422, `role="alert"`, `value="staff" checked`)
	b.sendsOnce("/staff/keys/new", "name", canary, "role", "auditor").says(t, 403, "portico keys create")
	given := b.sendsOnce("/staff/keys/new", "name", canary, "role", "integration").says(t, 200, "shown this once")
	token := regexp.MustCompile(`pk_main_[A-Za-z0-9_-]+`).FindString(given)
	program := byKey("program", token)
	b.as(program, "GET", "/v1/customers", "").is(200, "")
	list := b.as(who, "GET", regexp.MustCompile(`/staff/keys\?after=[^"]+`).FindString(given), "").says(t, 200, "&lt;script&gt;", "!<script>alert", "!"+token)
	at := regexp.MustCompile(`/staff/keys/[0-9a-f-]{36}/revoke" aria-label="[^"]*&lt;script`).FindString(list)[:len("/staff/keys/")+36+len("/revoke")]
	b.sends(at, at, "reason.text", "x").says(t, 422, `role="alert"`)
	b.sends(at, at, "reason.code", "leaked").says(t, 200, "opens nothing any more", "Revoked", "!"+at)
	b.as(program, "GET", "/v1/customers", "").is(401, "auth.invalid")

	mine := "/staff/keys/new?contact_id=" + b.ours.contact.String()
	b.as(who, "GET", "/staff/contacts/"+b.ours.contact.String(), "").says(t, 200, mine)
	b.as(who, "GET", mine, "").says(t, 200, `name="role" value="contact"`, `value="`+b.ours.contact.String()+`"`)
	b.sendsOnce("/staff/keys/new", "name", "Theirs", "role", "contact", "contact_id", b.ours.contact.String()).says(t, 200, "pk_main_")

	administrator, _ := b.staffed(access.Administrator)
	b.as(administrator, "GET", "/staff/keys/new", "").says(t, 200, "!value=\"staff\"")
	viewer, _ := b.staffed(access.Viewer)
	if got := b.as(viewer, "GET", "/staff/keys", ""); got.Code != http.StatusForbidden {
		t.Errorf("a viewer sees keys: %d", got.Code)
	}
	if _, err := b.db.Exec(t.Context(), `update portico.sessions set confirmed_at = confirmed_at - interval '1 day' where id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/staff/keys/new", at} {
		if got := b.send(who, path, url.Values{}); got.Header().Get("Location") != "/confirm?next="+url.QueryEscape(path) {
			t.Errorf("%s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
		if got := b.as(who, "GET", path, ""); got.Header().Get("Location") != "/confirm?next="+url.QueryEscape(path) {
			t.Errorf("%s is shown: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
}
