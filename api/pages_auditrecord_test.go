package api

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/customer"
	"portico/internal/journal"
)

// An auditor follows a record event by event, with buttons or the slider, and sees who changed
// what to what, from where and why. No other tenant's record is there.
func TestAnAuditorFollowsARecordThroughItsEvents(t *testing.T) {
	w := newWorld(t).live()
	auditor, _ := w.staffed(access.Auditor)
	var c struct{ ID uuid.UUID }
	w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Ada & Co","country":"GB","currency":"GBP","language":"de"}`).is(201, "").into(&c)
	w.call("staff", "POST", "/v1/customers/"+c.ID.String()+"/details", fmt.Sprintf(`{"legal_name":%q,"country":"GB","currency":"GBP"}`, canary)).is(200, "")
	said := w.call("staff", "POST", "/v1/customers/"+c.ID.String()+"/close", `{"reason":{"code":"left","text":"Moved to Mars"}}`).is(200, "")
	at, after := "/audit/records/customer/"+c.ID.String(), "&after="+said.Header().Get("Portico-Position")

	w.as(auditor, "GET", at+"?at=1"+after, "").says(t, 200, "History of customer C-9", "As it stood after event 1", "<ins><bdi>Ada &amp; Co</bdi></ins>", "!<del>", `class="later"`, "Moved to Mars")
	w.as(auditor, "GET", at+"?at=2", "").says(t, 200, "<del><bdi>Ada &amp; Co</bdi></del>", "<ins><bdi>&#34;&gt;&lt;script&gt;", "<del><bdi>de</bdi></del>", "blank", "Ada &amp; Co → ", "!"+canary)
	w.as(auditor, "GET", at+"?at=1&to=3", "").says(t, 200, "As it stood after event 3", "Customer closed", "!<del>", "staff", "!"+canary)
	w.as(auditor, "GET", at+"?at=900", "").says(t, 200, "As it stood after event 3")
	w.as(auditor, "GET", "/audit/history?stream=main.customer-"+c.ID.String(), "").says(t, 200, `href="`+at+`?at=2"`, "Customer closed")

	w.append("rival", "customer", uuid.MustParse(nobodysID), customer.PortalSwitched{On: true})
	for _, path := range []string{"customer/" + nobodysID, "customer/" + uuid.NewString(), "Customer/x", "customer/a%2Fb"} {
		w.as(auditor, "GET", "/audit/records/"+path, "").is(404, "")
	}
	if got := w.entries(journal.Filter{Kind: "audit_log_read"}); got[0].Outcome != journal.Failure || got[len(got)-1].Detail["operation"] != "ShowRecord" || got[len(got)-1].Target.Kind != "audit_log" {
		t.Errorf("on record: %+v", got)
	}
}
