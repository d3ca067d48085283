package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/domain/access"
)

// S2.4-S2.8, I9: what is taken away by one request is refused to the next, of the same key,
// and comes back as it was given.
func TestI9AccessEndsWithTheNextRequest(t *testing.T) {
	b := newTrade(t)
	at, reason := "/v1/contacts/"+b.ours.contact.String()+"/access", `"reason":{"code":"left"}`
	invoice, balance := "/v1/invoices/"+b.invoice[b.ours.customer], "/v1/customers/"+b.ours.customer.String()+"/balance"
	b.call("contact", "GET", invoice, "").is(200, "")
	etag := b.call("contact", "GET", invoice, "").Header().Get("ETag")
	b.call("contact", "GET", balance, "").is(200, "")
	b.call("staff", "POST", at+"/revoke-module", `{"module":"invoices",`+reason+`}`).is(200, "")
	b.call("contact", "GET", invoice, "").is(403, "caller.forbidden")
	b.call("contact", "GET", invoice, "", "If-None-Match", etag).is(403, "caller.forbidden")
	b.call("contact", "GET", "/v1/invoices", "").is(403, "caller.forbidden")
	b.call("contact", "GET", balance, "").is(403, "access.account") // a sum over what it does not see
	b.call("contact", "GET", "/v1/payments", "").is(200, "")
	b.call("staff", "POST", at, fmt.Sprintf(`{"grants":[{"module":"invoices","actions":["view"],"scope":{"branches":[%q]}}],%s}`, b.ours.customer, reason)).is(200, "")
	b.call("contact", "GET", invoice, "").is(404, "invoice.unknown")
	b.call("contact", "GET", invoice, "", "If-None-Match", etag).is(404, "invoice.unknown")
	b.call("staff", "POST", at, `{"preset":"read_only",`+reason+`}`).is(200, "")
	b.call("contact", "GET", invoice, "").is(200, "")
	b.call("staff", "POST", "/v1/tenant/modules", `{"module":"invoices","available":false,`+reason+`}`).is(200, "")
	b.call("contact", "GET", invoice, "").is(403, "caller.forbidden")
	b.call("staff", "GET", invoice, "").is(200, "")
	b.call("staff", "POST", "/v1/tenant/modules", `{"module":"invoices","available":true,`+reason+`}`).is(200, "")
	b.call("staff", "POST", "/v1/customers/"+b.ours.customer.String()+"/modules", `{"off":["invoices"],`+reason+`}`).is(200, "")
	b.call("contact", "GET", invoice, "").is(403, "caller.forbidden")
	b.call("other", "GET", "/v1/invoices/"+b.invoice[b.theirs.customer], "").is(200, "")
	b.call("staff", "POST", at+"/revoke", `{`+reason+`}`).is(200, "")
	b.call("contact", "GET", "/v1/payments", "").is(403, "caller.forbidden")
	b.call("contact", "GET", "/v1/tenant", "").is(200, "")
}

// I11: over HTTP too, a contact manages its own colleagues and nobody else, and cannot say
// on whose behalf.
func TestI11ContactsManageTheirOwn(t *testing.T) {
	w := newWorld(t).live()
	kim, _ := w.contactSession()
	reason := `"reason":{"code":"left"}`
	made := w.call("staff", "POST", "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Sam"}`, w.ours.customer)).is(201, "")
	sam := "/v1/contacts/" + idOf(t, made) + "/access"
	grants := `{"grants":[{"module":"invoices","actions":["view"]}],` + reason + `}`
	w.as(kim, "POST", sam, grants).is(200, "")
	w.as(kim, "POST", "/v1/contacts/"+w.theirs.contact.String()+"/access/revoke", `{`+reason+`}`).is(404, "contact.unknown")
	w.as(kim, "POST", "/v1/contacts/"+w.ours.contact.String()+"/remove", `{`+reason+`}`).is(409, "access.last_manager")
	w.as(kim, "POST", sam[:len(sam)-len("/access")]+"/remove", `{`+reason+`}`).is(200, "")
	var menu Access
	w.call("contact", "GET", "/v1/access", "").is(200, "").into(&menu)
	if len(menu.Modules) != len(access.Modules()) || len(menu.Customers) != 1 || menu.Customers[0] != w.ours.customer || menu.Capabilities != nil {
		t.Errorf("%+v", menu)
	}
	w.call("staff", "POST", "/v1/contacts/"+w.ours.contact.String()+"/access/revoke-module", `{"module":"jobs",`+reason+`}`).is(200, "")
	menu = Access{}
	w.call("contact", "GET", "/v1/access", "").is(200, "").into(&menu)
	if slices.ContainsFunc(menu.Modules, func(m OpenModule) bool { return m.Module == access.Jobs }) {
		t.Errorf("%+v", menu)
	}
	w.call("staff", "GET", "/v1/access", "").is(200, "").into(&menu)
	if !slices.Contains(menu.Capabilities, access.ManagePeople) {
		t.Errorf("%+v", menu)
	}
	var presets AccessPresets
	if w.call("contact", "GET", "/v1/access/presets", "").is(200, "").into(&presets); len(presets.Presets) < 5 || len(presets.Fields) == 0 {
		t.Errorf("%+v", presets)
	}
}

// Staff and auditors are told why a contact does not see something, and by whom; of what
// does not exist there is nothing to tell; contacts are not told.
func TestI2WhyIsAnswered(t *testing.T) {
	b := newTrade(t)
	at := "/v1/contacts/" + b.ours.contact.String() + "/visibility?kind=invoice&item=" + b.invoice[b.ours.customer]
	type ruling struct {
		Rule string
		Pass bool
		Set  *struct {
			Type, Reason string
			ActorName    string `json:"actor_name"`
		} `json:"set_by"`
	}
	type answered struct {
		Visible bool
		Rules   []ruling
	}
	ask := func(role, at string) (a answered) {
		t.Helper()
		b.call(role, "GET", at, "").is(200, "").into(&a)
		return a
	}
	if a := ask("staff", at); !a.Visible || len(a.Rules) != 9 {
		t.Errorf("%+v", a)
	}
	before := time.Now().UTC()
	time.Sleep(2 * time.Millisecond)
	b.call("staff", "POST", "/v1/contacts/"+b.ours.contact.String()+"/access/revoke-module", `{"module":"invoices","reason":{"code":"left"}}`, "Prefer", "wait=2").is(200, "")
	a := ask("auditor", at)
	said := slices.ContainsFunc(a.Rules, func(r ruling) bool {
		return r.Rule == "grant" && !r.Pass && r.Set != nil && r.Set.Type == "contact.module_revoked" && r.Set.Reason == "left" && r.Set.ActorName == "staff"
	})
	if a.Visible || !said {
		t.Errorf("%+v", a)
	}
	if a := ask("staff", at+"&at="+url.QueryEscape(before.Format(time.RFC3339Nano))); !a.Visible {
		t.Errorf("then: %+v", a)
	}
	b.call("contact", "GET", at, "").is(403, "caller.forbidden")
	b.call("staff", "GET", strings.Replace(at, b.invoice[b.ours.customer], b.ours.contact.String(), 1), "").is(404, "visibility.unknown_item")
	b.call("staff", "GET", strings.Replace(at, b.ours.contact.String(), b.ours.customer.String(), 1), "").is(404, "contact.unknown")
}
