package api

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/tenant"
	"portico/internal/eventstore"
	"portico/internal/journal"
	"portico/internal/session"
	"portico/internal/signin"
)

// PCI DSS v4 10.2.1: an answer that has no body is recorded as well: to HEAD, which says that
// there is a file and how long it is, and where nothing of the audit log was found (10.2.1.3).
// And pages ask who one is with every click: that is a verb of its own, not a list.
func TestAnAnswerWithoutABodyIsOnRecord(t *testing.T) {
	d := newDesk(t)
	file := "/v1/invoices/" + d.issue("I-1", `,"publish":true`) + "/document"
	d.get("contact", file).is(200, "")
	owner, _ := d.staffed(access.Owner)
	contacts, auditors := byKey("contact", d.keys["contact"]), byKey("auditor", d.keys["auditor"])
	for _, ask := range []struct {
		who                requester
		method, path, kind string
	}{
		{contacts, "HEAD", file, "downloaded"},
		{auditors, "HEAD", "/v1/journal/export", "exported"},
		{auditors, "GET", "/v1/journal/export?kind=nothing", "exported"},
		{owner, "GET", "/v1/me", "self_viewed"},
		{owner, "GET", "/v1/me/sessions", "self_viewed"},
		{owner, "GET", "/v1/me/second-factors", "self_viewed"},
	} {
		before := len(d.entries(journal.Filter{Kind: ask.kind}))
		d.as(ask.who, ask.method, ask.path, "").is(200, "")
		if n := len(d.entries(journal.Filter{Kind: ask.kind})) - before; n != 1 {
			t.Errorf("%s %s left %d records of the kind %s", ask.method, ask.path, n, ask.kind)
		}
	}
}

var snakeCase = regexp.MustCompile("^[a-z][a-z0-9_]*$")

// ASVS 15.3.3: what decides and is found out is no field of a body: a field of Go's that has no
// name of ours in JSON would be one.
func TestBodiesHoldOnlyFieldsThatAreMeantToBeGiven(t *testing.T) {
	w := newWorld(t)
	all := 0
	for _, item := range w.a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Post, item.Put} {
			if op == nil || op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
				continue
			}
			s := op.RequestBody.Content["application/json"].Schema
			if s.Ref != "" {
				s = w.a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
			}
			for name := range s.Properties {
				if all++; !snakeCase.MatchString(name) && name != "$schema" {
					t.Errorf("%s takes %s from its body", op.OperationID, name)
				}
			}
		}
	}
	if all < 100 {
		t.Errorf("only %d fields were looked at", all)
	}
	owner, _ := w.staffed(access.Owner)
	other, _ := w.member(access.Viewer)
	w.as(owner, "POST", "/v1/staff/"+other.String()+"/roles", `{"roles":["owner"],"Alone":true,"reason":{"code":"test"}}`).is(422, "request.unknown_field")
}

// A contact's API key, which staff can make, looks like the contact and asks for statements. Who
// may come in and do what is for people who have signed in.
func TestAContactsKeyLooksAfterNoPeople(t *testing.T) {
	w := newWorld(t).live()
	signed, _ := w.contactSession()
	colleague, _ := w.person("main", w.ours.customer, access.Everything())
	at := "/v1/contacts/" + colleague.String()
	asked := 0
	for _, o := range w.operations() {
		if !strings.Contains(strings.Join(o.roles, ","), "contact:users/") {
			continue
		}
		asked++
		path := strings.ReplaceAll(o.path, "{id}", colleague.String())
		w.call("contact", o.method, path, "{}").is(403, "caller.forbidden")
		if got := w.as(signed, o.method, path, "{}"); got.Code == 403 {
			t.Errorf("%s in a session: %s", o.id, got.Body)
		}
	}
	if asked < 6 {
		t.Errorf("only %d operations are about people", asked)
	}
	for _, path := range []string{"/v1/me/password", "/v1/me/email", "/v1/me/recovery-codes", "/v1/me/second-factors/app/begin"} {
		w.call("contact", "POST", path, "{}").is(403, "caller.forbidden")
	}
	w.as(signed, "POST", at+"/access/revoke-module", `{"module":"invoices","reason":{"code":"left"}}`).is(200, "")

	if got := w.as(signed, "POST", "/v1/customers/"+w.ours.customer.String()+"/statements", `{"currency":"GBP"}`); got.Code != 201 {
		t.Errorf("a statement in a session: %d %s", got.Code, got.Body)
	}

	// What the key does do is the contact's doing, by that key.
	w.call("contact", "POST", "/v1/customers/"+w.ours.customer.String()+"/statements", `{"currency":"GBP","to":"2026-01-31"}`).is(201, "")
	page, err := w.store.ReadAll(t.Context(), eventstore.Position{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	last, err := w.commands.Codec.Peek(page.Events[len(page.Events)-1])
	if who := last.Meta.Actor; err != nil || who.ID != w.ours.contact || who.Key == uuid.Nil || who.Session != uuid.Nil {
		t.Errorf("%s was done by %+v, %v", last.Type, who, err)
	}
}

// 8.4.1: a contact in the middle of a session who has to have a second factor from now on gets
// there from where it is: it shows once more who it is, enrols, and goes on.
func TestWhoMustHaveASecondFactorFromNowOnGoesOnWithOne(t *testing.T) {
	w := newWorld(t).live()
	now := time.Now()
	w.a.Clock = func() time.Time { return now }
	w.a.Sessions.Clock = w.a.Clock
	id := w.signer(login.Contact, "kim@example.com", w.ours.contact)
	w.append("main", "contact", w.ours.contact, contact.Joined{CustomerID: w.ours.customer, LoginID: id})
	b := w.browser()
	b.post("/v1/sign-in", SignInWith{Name: "kim@example.com", Password: pass}).is(200, "")
	sees := func() answer { return w.as(w.cookie("", b.cookies["__Host-portico"]), "GET", "/v1/invoices", "") }
	sees().is(200, "")
	now = now.Add(session.Fresh)
	w.must(w.commands.SetSecurityPolicy(t.Context(), bySystem, tenant.SetSecurityPolicy{SecurityPolicy: tenant.SecurityPolicy{ContactFactor: tenant.FactorAll}}))
	sees().is(403, "session.enrol_required")
	b.post("/v1/me/second-factors/app/begin", struct{}{}).is(403, "session.confirm_required")
	b.post("/v1/me/confirm", Proof{Password: "right"}).is(200, "")
	sees().is(403, "session.enrol_required")
	var app signin.NewApp
	b.post("/v1/me/second-factors/app/begin", struct{}{}).is(200, "").into(&app)
	code, err := totp.GenerateCode(app.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.post("/v1/me/second-factors/app/finish", AppCode{app.FactorID, code, "Phone"}).is(200, "")
	sees().is(200, "")
}
