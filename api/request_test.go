package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/internal/pgtest"
)

// badBodies are bodies for RegisterCustomer, and what each is refused with.
var badBodies = []struct {
	name, body string
	status     int
	code       string
}{
	{"nothing", ``, 400, "request.malformed"},
	{"no JSON", `number=1`, 400, "request.malformed"},
	{"half", `{"number":"C-9"`, 400, "request.malformed"},
	{"two", nine + nine, 400, "request.malformed"},
	{"a trailing comma", `{"number":"C-9","legal_name":"Nine",}`, 400, "request.malformed"},
	{"an array", `[]`, 422, "request.invalid"},
	{"null", `null`, 422, "request.invalid"},
	{"a missing field", `{"number":"C-9"}`, 422, "request.invalid"},
	{"an unknown field", `{"number":"C-9","legal_name":"Nine","role":"admin"}`, 422, "request.unknown_field"},
	{"a field in other letters", `{"Number":"C-9","legal_name":"Nine"}`, 422, "request.unknown_field"},
	{"a field of ours", `{"number":"C-9","legal_name":"Nine","Depth":-9}`, 422, "request.unknown_field"},
	{"a field twice", `{"number":"C-9","number":"C-8","legal_name":"Nine"}`, 422, "request.repeated_field"},
	{"a number as text", `{"number":"C-9","legal_name":"Nine","terms_days":"30"}`, 422, "request.invalid"},
	{"text as a number", `{"number":9,"legal_name":"Nine"}`, 422, "request.invalid"},
	{"a fraction", `{"number":"C-9","legal_name":"Nine","terms_days":1.5}`, 422, "request.number"},
	{"an exponent", `{"number":"C-9","legal_name":"Nine","terms_days":1e2}`, 422, "request.number"},
	{"more than 64 bits", `{"number":"C-9","legal_name":"Nine","terms_days":9223372036854775808}`, 422, "request.number"},
	{"out of range", `{"number":"C-9","legal_name":"Nine","terms_days":366}`, 422, "request.invalid"},
	{"negative", `{"number":"C-9","legal_name":"Nine","terms_days":-1}`, 422, "request.invalid"},
	{"not one of them", `{"number":"C-9","legal_name":"Nine","kind":"king"}`, 422, "request.invalid"},
	{"no date", `{"number":"C-9","legal_name":"Nine","as_of":"2026-02-30"}`, 422, "request.invalid"},
	{"no uuid", `{"number":"C-9","legal_name":"Nine","branch_id":"1"}`, 422, "request.invalid"},
	{"a uuid in braces", `{"number":"C-9","legal_name":"Nine","branch_id":"{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"}`, 422, "request.invalid"},
	{"no currency", `{"number":"C-9","legal_name":"Nine","currency":"XQX"}`, 422, "money.unknown_currency"},
	{"too long", `{"number":"C-9","legal_name":"` + strings.Repeat("x", 201) + `"}`, 422, "request.invalid"},
	{"blank", `{"number":"C-9","legal_name":"   "}`, 422, "field.missing"},
	{"NUL", `{"number":"C-9","legal_name":"Ni\u0000ne"}`, 422, "request.bad_text"},
	{"broken UTF-8", "{\"number\":\"C-9\",\"legal_name\":\"Ni\xffne\"}", 422, "request.bad_text"},
	{"half a surrogate pair", `{"number":"C-9","legal_name":"Ni\ud83dne"}`, 422, "request.bad_text"},
	{"the other half", `{"number":"C-9","legal_name":"Ni\udc4dne"}`, 422, "request.bad_text"},
	{"too deep", `{"number":` + strings.Repeat(`[`, 30) + strings.Repeat(`]`, 30) + `}`, 422, "request.too_deep"},
	{"too large", `{"number":"` + strings.Repeat("x", maxBody) + `"}`, 413, "request.too_large"},
}

func TestBadBodiesChangeNothing(t *testing.T) {
	w := newWorld(t)
	head := w.head()
	for _, c := range badBodies {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			got := w.call("staff", "POST", "/v1/customers", c.body).is(c.status, c.code)
			if strings.Contains(got.Body.String(), "Nine") || strings.Contains(got.Body.String(), "domain.") {
				t.Errorf("it repeats what was sent, or names Go types: %s", got.Body)
			}
			if code := got.problem().Code; code == "request.unknown_field" && got.problem().Errors[0].Location == "" {
				t.Error("it does not say where")
			}
		})
	}
	w.t = t
	if w.head() != head {
		t.Error("something was appended")
	}
	w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Ni\ud83d\udc4dne \\ud83d ünï"}`).is(201, "")
}

func TestBadRequestsAroundTheBody(t *testing.T) {
	w := newWorld(t)
	ledger := "/v1/customers/" + w.ours.customer.String() + "/accounts/"
	pay := `{"amount":{"minor":1,"currency":"GBP"},"method":"cash"}`
	for _, c := range []struct {
		method, path, body, header, value string
		status                            int
		code                              string
	}{
		{"POST", "/v1/customers", nine, "Content-Type", "text/plain", 415, "request.unsupported_media_type"},
		{"POST", "/v1/customers", nine, "Content-Type", "application/json; charset=utf-16", 415, "request.unsupported_media_type"},
		{"POST", "/v1/customers", nine, "Content-Encoding", "gzip", 415, "request.unsupported_media_type"},
		{"POST", "/v1/customers?verbose=1", nine, "", "", 422, "request.unknown_parameter"},
		{"POST", "/v1/customers?a=%zz", nine, "", "", 400, "request.malformed"},
		{"POST", "/v1/invoices/1/publish", "", "", "", 422, "request.invalid"},
		{"POST", "/v1/invoices/{6ba7b810-9dad-11d1-80b4-00c04fd430c8}/publish", "", "", "", 422, "request.invalid"},
		{"POST", "/v1/invoices/%00/publish", "", "", "", 400, "request.malformed"},
		{"POST", "/v1/invoices/%ff/publish", "", "", "", 400, "request.malformed"},
		{"PUT", "/v1/customers/" + uuid.Nil.String(), nine, "", "", 422, "request.nil_id"},
		{"POST", ledger + "gbp/payments", pay, "", "", 422, "request.invalid"},
		{"POST", ledger + "GBP.x/payments", pay, "", "", 422, "request.invalid"},
		{"POST", ledger + "QQQ/payments", pay, "", "", 422, "money.unknown_currency"},
		{"POST", "/v1/invoices/" + uuid.NewString() + "/publish", "", "", "", 404, "invoice.unknown"},
		{"POST", "/v1/nothing", nine, "", "", 404, "route.unknown"},
		{"GET", "/nothing", "", "", "", 404, "route.unknown"},
		{"DELETE", "/v1/customers", "", "", "", 405, "route.method_not_allowed"},
		{"TRACE", "/v1/customers", "", "", "", 405, "route.method_not_allowed"},
		{"NONSENSE", "/v1/customers", "", "", "", 405, "route.method_not_allowed"},
	} {
		got := w.call("staff", c.method, c.path, c.body, c.header, c.value)
		if got.Code != c.status || got.problem().Code != c.code {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.value, got.Code, got.Body, c.status, c.code)
		}
		if got.Code == 405 && !strings.Contains(got.Header().Get("Allow"), "POST") {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, got.Header().Get("Allow"))
		}
	}
}

func TestKeysThatOpenNothingAreAllAlike(t *testing.T) {
	w := newWorld(t)
	var bodies []string
	good := w.keys["staff"]
	for _, authorization := range []string{
		"Bearer " + w.keys["revoked"], "Bearer pk_main_x", "Bearer", "Bearer  ", "Basic " + good, "Bearer " + good[:len(good)-1],
		"Bearer " + strings.ToUpper(good), "Bearer " + good + " " + good, "pk_", "Bearer ' or 1=1 --",
	} {
		got := w.call("", "POST", "/v1/customers", nine, "Authorization", authorization, "X-Request-Id", "same").is(401, "auth.invalid")
		bodies = append(bodies, got.Body.String())
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("%s is not %s", b, bodies[0])
		}
	}
	w.call("", "POST", "/v1/customers", nine, "Authorization", "bearer "+good).is(201, "")
}

func TestAPanicIsAProblemThatSaysNothing(t *testing.T) {
	w := newWorld(t)
	w.a.router.Get("/boom", func(http.ResponseWriter, *http.Request) { panic("secret detail") })
	got := w.call("", "GET", "/boom", "").is(500, "internal")
	if strings.Contains(got.Body.String(), "secret") || strings.Count(w.log.String(), "secret detail") != 1 {
		t.Errorf("%s\n%s", got.Body, w.log)
	}
	if id := got.problem().RequestID; id == "" || !strings.Contains(w.log.String(), id) {
		t.Errorf("the log does not name request %q", id)
	}
}

func TestInternalErrorsAreLoggedOnceAndSayNothing(t *testing.T) {
	w := newWorld(t)
	pgtest.Exec(t, w.url, `alter table portico.idempotency rename column key to kee`)
	got := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1")
	if got.is(500, "internal"); strings.Contains(got.Body.String(), "idempotency") || strings.Count(w.log.String(), "42703") != 1 {
		t.Errorf("%s\n%s", got.Body, w.log)
	}
}

func TestTheLogHoldsNoSecretsAndNoPersonalData(t *testing.T) {
	w := newWorld(t)
	w.call("staff", "POST", "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Canary Person","email":"canary@example.com"}`, w.ours.customer)).is(201, "")
	w.call("", "POST", "/v1/customers", `{"canary":1}`, "Authorization", "Bearer canary-token").is(401, "")
	w.call("staff", "POST", "/v1/customers?q=canary", `{}`, "User-Agent", "canary\x7f", "X-Request-Id", "canary\" x").is(422, "")
	w.call("staff", "GET", "/v1/canary", "").is(404, "")
	log := w.log.String()
	if strings.Contains(strings.ToLower(log), "canary") || strings.Contains(log, "pk_") {
		t.Error(log)
	}
	for _, want := range []string{`"operation":"AddContact"`, `"status":201`, `"role":"staff"`, `"request_id":"`, `"ms":`, `"code":"auth.invalid"`, `"actor":"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestRequestIDsArePlainTokens(t *testing.T) {
	w := newWorld(t)
	for given, kept := range map[string]bool{"abc-1.2_3": true, "a b": false, "a\"b": false, strings.Repeat("x", 65): false, "": false} {
		got := w.call("", "GET", "/healthz", "", "X-Request-Id", given).Header().Get("X-Request-Id")
		if (got == given) != kept || got == "" {
			t.Errorf("%q became %q", given, got)
		}
	}
}

func TestOnlyTrustedProxiesSayWhereARequestCameFrom(t *testing.T) {
	a := &api{Deps: Deps{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "203.0.113.9", "192.0.2.1"},
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.9", "203.0.113.9"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "1.1.1.1, 203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:99", "1.1.1.1, 203.0.113.9, 10.2.2.2", "203.0.113.9"},
		{"10.0.0.1:99", "1.1.1.1, nonsense, 10.2.2.2", "10.2.2.2"},
		{"[::1]:99", "2001:db8::1", "2001:db8::1"},
		{"[fe80::1%eth0]:99", "", "fe80::1"},
		{"nonsense", "203.0.113.9", "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := a.clientAddress(r).String(); got != c.want {
			t.Errorf("%s via %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// FuzzRequests sends anything as the body of anything that changes something.
func FuzzRequests(f *testing.F) {
	w := newWorld(f)
	var paths []string
	for _, o := range w.operations() {
		if o.method == "POST" {
			paths = append(paths, strings.NewReplacer("{id}", w.ours.contact.String(), "{customer_id}", w.ours.customer.String(), "{currency}", "GBP").Replace(o.path))
		}
	}
	for i, c := range badBodies {
		if len(c.body) < 1000 {
			f.Add(byte(i), c.body)
		}
	}
	for i := range paths {
		f.Add(byte(i), `{"amount":{"minor":1,"currency":"GBP"},"method":"cash","reason":{"code":"x"},"number":"1"}`)
		f.Add(byte(i), nine)
		f.Add(byte(i), `{"number":"1","lines":[{"text":"x","quantity":"1","unit_price":"1"}],"given_totals":{"net":9223372036854775807,"gross":9223372036854775807,"tax":[{"rate_percent":"x","net":-9223372036854775808,"minor":9223372036854775807}]},"withheld":9223372036854775807,"retained":9223372036854775807}`)
		f.Add(byte(i), `{"number":"1","lines":[{"text":"x","quantity":"999999999999999","unit_price":"999999999999999","discount_percent":"-1e9","tax_rate_percent":"1e15"}]}`)
		f.Add(byte(i), `{"amount":{"minor":1000000000000000,"currency":"KWD"},"method":"\u202e","to":"x","code":"x","deadline":"9999-12-31","on":"0000-01-01","received_on":"2999-12-31"}`)
		f.Add(byte(i), `{"lines":[{"text":"x","quantity":"1e9","unit_price":"-0.005"}],"number":"1"}`)
	}
	f.Fuzz(func(t *testing.T, path byte, body string) {
		w.t = t
		head := w.head()
		got := w.call("staff", "POST", paths[int(path)%len(paths)], body)
		if got.Code >= 500 {
			t.Errorf("%s %q: %d %s", paths[int(path)%len(paths)], body, got.Code, got.Body)
		}
		if got.Code >= 400 && w.head() != head {
			t.Errorf("%s %q: %d, and %d events", paths[int(path)%len(paths)], body, got.Code, w.head()-head)
		}
	})
}
