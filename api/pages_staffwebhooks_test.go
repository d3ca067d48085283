package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"testing"
	"time"

	"portico/domain/access"
	"portico/internal/jobs"
	"portico/internal/webhooks"
)

// A webhook lives on its pages from the first secret, shown once to who has lately shown who they
// are (8.3.4), to its end. Who may only look is shown no form.
func TestWebhooksAreLookedAfterOnPages(t *testing.T) {
	b := newBooks(t)
	sent := 0
	*b.a.Webhooks = webhooks.Endpoints{DB: b.db, Commands: b.commands, Keys: b.commands.Codec.Keys, Clock: time.Now,
		Guard:  &webhooks.Guard{Private: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Insert: func(_ context.Context, all ...jobs.Job) error { sent += len(all); return nil },
	}
	who, s := b.staffed(access.Owner)
	b.who = who
	b.as(who, "GET", "/staff/webhooks", "").says(t, 200, "No webhooks here", "/staff/webhooks/new")
	b.as(who, "GET", "/staff/webhooks/new?for=customer", "").says(t, 200, "customer_id="+b.ours.customer.String())
	b.as(who, "GET", "/staff/webhooks/new?customer_id="+b.ours.customer.String(), "").says(t, 200, `name="customer_id"`, "portico.invoice.published.v1", "!portico.invoice.issued.v1")
	b.sendsOnce("/staff/webhooks/new", "url", "https://127.0.0.1/", "description", canary, "types", "portico.invoice.issued.v1").
		says(t, 422, "&lt;script&gt;", "!<script>alert", `value="portico.invoice.issued.v1" checked`)
	given := b.sendsOnce("/staff/webhooks/new", "url", "https://10.0.0.1/in", "description", canary, "types", "portico.invoice.issued.v1").says(t, 200, "shown this once")
	secret := regexp.MustCompile(`whsec_[A-Za-z0-9+/=&#;]+`).FindString(given)
	back := regexp.MustCompile(`/staff/webhooks/[0-9a-f-]{36}\?after=[^"]+`).FindString(given)
	at := back[:len("/staff/webhooks/")+36]
	b.as(who, "GET", back, "").says(t, 200, "&lt;script&gt;", "!<script>alert", "10.0.0.1", "portico.invoice.issued.v1", "!"+secret, "Nothing was sent")

	b.sends(at, at+"/test").says(t, 200, "On its way")
	b.sends(at, at+"/redeliver", "since", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)).says(t, 200, "On its way")
	if sent != 1 {
		t.Errorf("%d were sent", sent)
	}
	b.sends(at+"/change", at+"/change", "url", "https://localhost/", "types", "").says(t, 422, `value="https://localhost/"`)
	b.sends(at+"/change", at+"/change", "url", "https://10.0.0.2/in", "types", "").says(t, 200, "Saved.", "10.0.0.2", "Everything")
	b.sends(at+"/disable", at+"/disable").says(t, 422, `role="alert"`)
	b.sends(at+"/disable", at+"/disable", "reason.code", "maintenance").says(t, 200, "Somebody of the team", at+"/enable", "!"+at+"/disable")
	b.sends(at, at+"/enable").says(t, 200, at+"/disable", "!"+at+"/enable")
	b.sendsOnce(at+"/rotate-secret", "overlap_hours", "24").says(t, 200, "shown this once", "whsec_", "!"+secret)
	auditor, _ := b.staffed(access.Auditor)
	b.as(auditor, "GET", at, "").says(t, 200, "10.0.0.2", "!"+at+"/test", "!"+at+"/remove")
	if got := b.send(auditor, at+"/test", url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("an auditor tests: %d", got.Code)
	}
	b.sends(at+"/remove", at+"/remove", "reason.code", "unused").says(t, 200, "Removed.", "!"+at)
	if _, err := b.db.Exec(t.Context(), `update portico.sessions set confirmed_at = confirmed_at - interval '1 day' where id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/staff/webhooks/new", at + "/rotate-secret"} {
		if got := b.send(who, path, url.Values{}); got.Header().Get("Location") != "/confirm?next="+url.QueryEscape(path) {
			t.Errorf("%s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
}
