package api

import (
	"strings"
	"testing"

	"portico/domain/access"
)

// Whoever asks why, or what happened, is told the names of members of staff too.
func TestMembersOfStaffAreNamed(t *testing.T) {
	b := newTrade(t)
	who, _ := b.staffed(access.Owner)
	b.quiet()
	contact := "/v1/contacts/" + b.ours.contact.String()
	b.as(who, "POST", contact+"/access/revoke-module", `{"module":"invoices","reason":{"code":"left"}}`, "Prefer", "wait=2").is(200, "")
	b.quiet()
	for _, path := range []string{contact + "/visibility?kind=invoice&item=" + b.invoice[b.ours.customer], "/v1/history?type=contact.module_revoked"} {
		if got := b.call("auditor", "GET", path, "").is(200, ""); !strings.Contains(got.Body.String(), `"actor_name":"Ann"`) {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
}
