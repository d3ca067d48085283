package api

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A person is erased and exported over the API by who answers for personal data; what was
// given out is not kept for a repetition, and what is erased is refused from then on.
func TestErasingAndExportingOverTheAPI(t *testing.T) {
	w := newWorld(t).live()
	who := "/v1/contacts/" + w.ours.contact.String()
	subject := "/v1/subjects/" + w.ours.contact.String()
	reason := `"reason":{"code":"request"}`
	w.call("contact", "POST", who+"/erase", `{"confirm":"Erase",`+reason+`}`).is(403, "caller.forbidden")
	w.call("integration", "POST", who+"/export", `{`+reason+`}`).is(403, "caller.forbidden")
	w.call("staff", "POST", "/v1/subjects/"+uuid.NewString()+"/erase", `{"confirm":"Erase",`+reason+`}`).is(404, "subject.unknown")
	w.call("staff", "POST", who+"/erase", `{"confirm":"yes",`+reason+`}`).is(422, "subject.unconfirmed")
	w.call("staff", "POST", who+"/erase", `{"confirm":"Erase","reason":{"code":""}}`).is(422, "reason.missing")

	w.call("staff", "POST", subject+"/legal-hold", `{"matter":"CASE-7",`+reason+`}`).is(200, "")
	w.call("staff", "POST", who+"/erase", `{"confirm":"Erase",`+reason+`}`).is(409, "subject.held")
	w.call("staff", "POST", subject+"/legal-hold/release", `{"matter":"CASE-7",`+reason+`}`).is(200, "")

	w.call("contact", "POST", "/v1/me/notices", `{"wanted":["payment_received"]}`).is(200, "")
	given := w.call("staff", "POST", who+"/export", `{`+reason+`}`, "Idempotency-Key", "copy")
	given.is(200, "")
	if !strings.Contains(given.Body.String(), `"contact.added"`) || !strings.Contains(given.Body.String(), `"contact.notices_chosen"`) || !strings.Contains(given.Body.String(), `"profile"`) {
		t.Errorf("%s", given.Body)
	}
	again := w.call("staff", "POST", who+"/export", `{`+reason+`}`, "Idempotency-Key", "copy")
	again.is(200, "")
	var kept int
	if err := w.db.QueryRow(t.Context(), "select count(*) from portico.idempotency where key = 'copy' and position(convert_to('contact.added', 'UTF8') in body) > 0").Scan(&kept); err != nil || kept > 0 {
		t.Errorf("the copy is kept beside the log: %v", err)
	}
	if again.Header().Get("Idempotent-Replayed") != "true" || strings.Contains(again.Body.String(), "contact.added") {
		t.Errorf("it is given out again: %s", again.Body)
	}

	w.call("contact", "GET", "/v1/tenant", "").is(200, "")
	w.call("staff", "POST", who+"/erase", `{"confirm":"Erase",`+reason+`}`).is(200, "")
	w.call("contact", "GET", "/v1/tenant", "").is(401, "auth.invalid")
	w.call("staff", "POST", who+"/export", `{`+reason+`}`).is(409, "subject.erased")
	w.call("staff", "POST", subject+"/legal-hold", `{"matter":"CASE-8",`+reason+`}`).is(409, "subject.erased")
	w.call("staff", "POST", who+"/details", `{"name":"Back again"}`).is(409, "contact.removed")
}

// E44: a customer is not erased while documents must name it; whoever asks learns until when.
func TestE44DocumentsKeepACustomer(t *testing.T) {
	w := newWorld(t).live()
	erase := `{"confirm":"Erase","reason":{"code":"request"}}`
	w.call("staff", "POST", "/v1/invoices", `{"number":"INV-9","customer_id":"`+w.ours.customer.String()+`","issued_on":"2026-03-01","lines":[{"text":"work","quantity":"1","unit_price":"10"}]}`).is(201, "")
	got := w.call("staff", "POST", "/v1/subjects/"+w.ours.customer.String()+"/erase", erase)
	got.is(409, "subject.retained")
	done := w.call("staff", "POST", "/v1/subjects/"+w.theirs.customer.String()+"/erase", erase) // it has none
	done.is(200, "")
	shown := w.call("staff", "GET", "/v1/customers/"+w.theirs.customer.String(), "", "Portico-Position", done.Header().Get("Portico-Position"))
	if !strings.Contains(shown.Body.String(), "Erased person") {
		t.Errorf("no tombstone: %s", shown.Body)
	}
}
