package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"portico/domain/access"
	"portico/domain/staff"
)

// The people of the business are looked after on pages: what one person proposes, another
// approves (8.2.4), and a link that lets somebody in is shown once.
func TestATeamIsLookedAfterOnPages(t *testing.T) {
	b := newBooks(t)
	b.lettingIn()
	first, _ := b.staffed(access.Owner)
	second, _ := b.staffed(access.Owner)
	b.who = first
	b.as(first, "GET", "/staff/team/new", "").says(t, 200, `name="roles" value="viewer"`, "Needs approval", `name="hand_over"`)
	b.sendsOnce("/staff/team/new", "name", canary, "email", "new@staff.example", "roles", "accounts", "confirm", "confirm").
		says(t, 422, `role="alert"`, "&lt;script&gt;", "!<script>alert", `value="accounts" checked`, `value="confirm"`)
	link := b.sendsOnce("/staff/team/new", "name", canary, "email", "new@staff.example", "roles", "accounts", "confirm", "Confirm", "hand_over", "true").
		says(t, 200, "shown this once", "/invitation")
	list := b.as(first, "GET", regexp.MustCompile(`/staff/team\?after=[^"]+`).FindString(link), "").says(t, 200, "&lt;script&gt;", "!<script>alert", "new@staff.example", "Invited", "!/invitation#")
	at := "/staff/team/" + between(t, list, `href="/staff/team/`, `"><bdi>&#34;&gt;&lt;script`)
	b.as(first, "GET", at, "").says(t, 200, at+"/resend", at+"/cancel", "Accounts", "record payments")
	b.sendsOnce(at+"/resend", "confirm", "Confirm", "hand_over", "true").says(t, 200, "shown this once", "/invitation")
	b.sends(at+"/cancel", at+"/cancel", "reason.code", "mistake").says(t, 200, "taken back", "!"+at+"/resend")

	b.sends(at+"/details", at+"/details", "name", "New Name", "email", canary).says(t, 422, "!<script>alert", `value="New Name"`)
	b.sends(at+"/details", at+"/details", "name", "New Name", "email", "new@staff.example").says(t, 200, "Saved.", "New Name")
	b.sends(at+"/roles", at+"/roles", "roles", "", "reason.code", "role").says(t, 422, `role="alert"`, `!" checked`)
	b.sends(at+"/roles", at+"/roles", "roles", "portal_administrator", "reason.code", "role").
		says(t, 200, "Waits for approval", "has proposed these roles", "Somebody else has to approve", "!"+at+"/approve", at+"/decline")
	b.as(second, "GET", "/staff/team", "").says(t, 200, "Proposed: Portal administrator")
	b.who = second
	b.as(second, "GET", at, "").says(t, 200, at+"/approve", at+"/decline")
	b.sends(at+"/decline", at+"/decline", "reason.code", "mistake").says(t, 200, "are not given", "!Waits for approval", "Accounts")
	b.sends(at+"/roles", at+"/roles", "roles", "auditor", "reason.code", "role").says(t, 200, "Waits for approval")
	b.who = first
	b.sends(at+"/approve", at+"/approve", "roles", "owner").says(t, 409, "not what is proposed")
	b.sends(at+"/approve", at+"/approve", "roles", "auditor").says(t, 200, "Approved.", "Auditor", "!Waits for approval", "!Accounts</dt>")
	b.sends(at+"/remove", at+"/remove").says(t, 422, `role="alert"`)
	b.sends(at+"/remove", at+"/remove", "reason.code", "left").says(t, 200, "Removed on", "!"+at+"/roles", "!"+at+"/details")
	b.as(first, "GET", "/staff/team", "").says(t, 200, "!"+at)
	b.as(first, "GET", "/staff/team?removed=true", "").says(t, 200, at)
}

// between is what stands between two parts of a page.
func between(t *testing.T, body, before, after string) string {
	t.Helper()
	end := strings.Index(body, after)
	if end < 0 {
		t.Fatalf("no %q in %s", after, body)
	}
	return body[strings.LastIndex(body[:end], before)+len(before) : end]
}

// Who may only look is shown no form, and none of theirs is taken. Nobody changes their own roles.
// Pages whose operation needs a fresh proof (8.3.4) need it too, and say so before anything is typed.
func TestATeamsPagesAreForWhoMay(t *testing.T) {
	w := newWorld(t).live()
	viewer, _ := w.staffed(access.Viewer)
	owner, s := w.staffed(access.Owner)
	me := "/staff/team/" + s.Membership.String()
	r, err := w.commands.ChangeStaffDetails(t.Context(), bySystem, s.Membership, staff.ChangeDetails{Details: staff.Details{Name: "Olive"}})
	if err != nil {
		t.Fatal(err)
	}
	w.as(owner, "GET", me+"?after="+positionToken(r.Position), "").says(t, 200, me+"/details", "Nobody changes their own roles", "!"+me+"/roles", "!"+me+"/remove")
	w.as(viewer, "GET", "/staff/team", "").says(t, 200, me, "!/staff/team/new")
	w.as(viewer, "GET", me, "").says(t, 200, "!"+me+"/details", "!/audit/history")
	if got := w.send(viewer, me+"/remove", url.Values{"reason.code": {"left"}}); got.Code != http.StatusForbidden {
		t.Errorf("a viewer removes: %d", got.Code)
	}
	if _, err := w.db.Exec(t.Context(), `update portico.sessions set confirmed_at = confirmed_at - interval '1 day' where id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/staff/team/new", me + "/details", me + "/roles", me + "/approve", me + "/decline", me + "/remove", me + "/resend"} {
		want := "/confirm?next=" + url.QueryEscape(path)
		if got := w.as(owner, "GET", path, ""); got.Header().Get("Location") != want {
			t.Errorf("GET %s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
		if got := w.send(owner, path, url.Values{"confirm": {"Confirm"}}); got.Header().Get("Location") != want {
			t.Errorf("POST %s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
	if now, err := w.commands.StaffMember(t.Context(), "main", s.Membership); err != nil || !now.Owner() {
		t.Errorf("became %+v, %v", now, err)
	}
}
