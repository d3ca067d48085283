package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/domain/tenant"
	"portico/internal/signin"
)

const pass = "tall wet ferry umbrella 4"

// browser keeps cookies as a browser would.
type browser struct {
	w       *world
	cookies map[string]string
}

func (w *world) browser() *browser { return &browser{w, map[string]string{}} }

func (b *browser) post(path string, body any) answer {
	b.w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	out := answer{httptest.NewRecorder(), b.w.t}
	b.w.handler.ServeHTTP(out, r)
	for _, c := range out.Result().Cookies() {
		if !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			b.w.t.Errorf("a cookie that scripts or others can read: %s", c)
		}
		b.cookies[c.Name] = c.Value
	}
	return out
}

// human registers a login with a password that is a member of what there is.
func (w *world) signer(realm, email string, m uuid.UUID) uuid.UUID {
	w.t.Helper()
	id, err := w.a.SignIn.Register(w.t.Context(), bySystem, signin.NewLogin{Realm: realm, Name: "Kim Roe", Email: email, Password: pass})
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(w.commands.JoinLogin(w.t.Context(), bySystem, id, login.Join{Membership: login.Membership{Kind: realm, ID: m}}))
	return id
}

// A contact signs in with a name and a password, and is in; whatever is wrong, the answer is the
// same but for the request's id.
func TestSigningInOverHTTP(t *testing.T) {
	w := newWorld(t)
	id := w.signer(login.Contact, "kim@example.com", w.ours.contact)
	w.append("main", "contact", w.ours.contact, contact.Joined{CustomerID: w.ours.customer, LoginID: id})
	b := w.browser()
	var bodies []string
	for _, in := range []SignInWith{{Name: "kim@example.com", Password: "wrong"}, {Name: "nobody@example.com", Password: pass},
		{Name: "kim@example.com", Password: pass, Realm: "staff"}} {
		out := b.post("/v1/sign-in", in)
		out.is(401, "sign_in.failed")
		bodies = append(bodies, strings.ReplaceAll(out.Body.String(), out.Header().Get("X-Request-Id"), ""))
	}
	slices.Sort(bodies)
	if len(slices.Compact(bodies)) != 1 || len(b.cookies) > 0 {
		t.Errorf("the answers differ: %q, %v", bodies, b.cookies)
	}
	planted, _ := w.signsIn("main", "contact", id, w.ours.contact, "full")
	b.cookies["__Host-portico"] = planted
	out := b.post("/v1/sign-in", SignInWith{Name: "kim@example.com", Password: pass})
	out.is(200, "")
	if b.cookies["__Host-portico"] == planted || b.cookies["__Host-portico-device"] == "" || strings.Contains(out.Body.String(), b.cookies["__Host-portico"]) {
		t.Errorf("%v: %s", b.cookies, out.Body)
	}
	w.as(w.cookie("", planted), "GET", "/v1/me", "").is(401, "session.ended")
	w.as(w.cookie("", b.cookies["__Host-portico"]), "GET", "/v1/me", "").is(200, "")
	if text := w.log.String(); strings.Contains(text, "kim@") || strings.Contains(text, pass) || strings.Contains(text, b.cookies["__Host-portico"]) {
		t.Error("the log says who, or what with")
	}
	r := httptest.NewRequest("POST", "/v1/sign-in", strings.NewReader(`{"name":"kim@example.com","password":"`+pass+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	cross := answer{httptest.NewRecorder(), t}
	w.handler.ServeHTTP(cross, r)
	cross.is(403, "request.cross_origin")
}

// 8.4.1: staff without a second factor can do nothing but enrol; with one nothing before it was
// shown. No step is skipped.
func TestStaffEnrolAndShowASecondFactor(t *testing.T) {
	w := newWorld(t)
	member := uuid.New()
	id := w.signer(login.Staff, "ann@example.com", member)
	w.append("main", "staff", member, staff.Added{Details: staff.Details{Name: "Ann"}, Roles: []access.Role{access.Owner}}, staff.Joined{LoginID: id})
	b := w.browser()
	in := SignInWith{Realm: "staff", Name: "ann@example.com", Password: pass}
	b.post("/v1/sign-in", in).is(200, "")
	now := func() requester { return w.cookie("", b.cookies["__Host-portico"]) }
	w.as(now(), "GET", "/v1/me/sessions", "").is(403, "session.enrol_required")
	b.post("/v1/me/password", PasswordChange{pass, pass + "!"}).is(409, "session.stage")
	b.post("/v1/me/email", NewEmail{"x@example.com"}).is(403, "session.enrol_required")
	var app signin.NewApp
	out := b.post("/v1/me/second-factors/app/begin", struct{}{})
	out.is(200, "")
	out.into(&app)
	code := func(at time.Time) string {
		text, err := totp.GenerateCode(app.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	enrol := b.post("/v1/me/second-factors/app/finish", AppCode{app.FactorID, code(time.Now()), "Phone"})
	enrol.is(200, "")
	var enrolled Enrolled
	enrol.into(&enrolled)
	if enrolled.Session.Stage != "full" || len(enrolled.RecoveryCodes) != 10 {
		t.Errorf("%+v", enrolled)
	}
	w.as(now(), "GET", "/v1/me/sessions", "").is(200, "")

	b = w.browser()
	b.post("/v1/sign-in", in).is(200, "")
	w.as(now(), "GET", "/v1/me/sessions", "").is(403, "session.second_factor_required")
	for path, body := range map[string]any{"/v1/me/second-factors/app/begin": struct{}{}, "/v1/me/second-factors/passkey/begin": struct{}{},
		"/v1/me/password": PasswordChange{pass, pass + "!"}} {
		b.post(path, body).is(409, "session.stage")
	}
	b.post("/v1/me/recovery-codes", struct{}{}).is(403, "session.second_factor_required")
	b.post("/v1/sign-in/second-factor", SecondFactor{Code: "000000"}).is(403, "second_factor.failed")
	before := b.cookies["__Host-portico"]
	b.post("/v1/sign-in/second-factor", SecondFactor{Code: code(time.Now().Add(30 * time.Second))}).is(200, "")
	w.as(now(), "GET", "/v1/me/sessions", "").is(200, "")
	w.as(w.cookie("", before), "GET", "/v1/me", "").is(401, "session.ended")
	b.post("/v1/sign-in/second-factor", SecondFactor{RecoveryCode: enrolled.RecoveryCodes[0]}).is(409, "session.stage")
	b.post("/v1/me/second-factors/"+app.FactorID.String()+"/remove", struct{}{}).is(409, "second_factor.needed")
}

// SECURITY §4: too many requests of one address are told when to come again; what anybody can
// write into X-Forwarded-For makes no other address of it.
func TestAddressesAreThrottled(t *testing.T) {
	w := newWorld(t)
	codes := map[int]int{}
	for i := range 40 {
		r := httptest.NewRequest("POST", "/v1/password/forgot", strings.NewReader(`{"name":"kim`+string(rune('a'+i%26))+`@example.com"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Forwarded-For", "203.0.113."+string(rune('1'+i%9)))
		out := httptest.NewRecorder()
		w.handler.ServeHTTP(out, r)
		if codes[out.Code]++; out.Code == 429 && (out.Header().Get("Retry-After") == "" || out.Header().Get("Retry-After") == "0") {
			t.Error("it is not said when to come again")
		}
	}
	if codes[200] != 30 && codes[200] != 31 || codes[200]+codes[429] != 40 {
		t.Errorf("%v", codes)
	}
}

// SECURITY §4: links begin with the configured address, whatever host a request names; and a
// second factor that a tenant asks of contacts is asked for.
func TestAContactFollowsThePolicy(t *testing.T) {
	w := newWorld(t)
	id := w.signer(login.Contact, "kim@example.com", w.ours.contact)
	w.append("main", "contact", w.ours.contact, contact.Joined{CustomerID: w.ours.customer, LoginID: id})
	w.must(w.commands.SetSecurityPolicy(t.Context(), bySystem, tenant.SetSecurityPolicy{SecurityPolicy: tenant.SecurityPolicy{ContactFactor: tenant.FactorAll}}))
	b := w.browser()
	out := b.post("/v1/sign-in", SignInWith{Name: "kim@example.com", Password: pass})
	var s MySession
	out.into(&s)
	if s.Stage != "enrol" || b.cookies["__Host-portico-device"] != "" {
		t.Errorf("%+v", s)
	}
	b.post("/v1/sign-in/link/request", WhoAsks{Name: "kim@example.com"}).is(403, "sign_in.links_off")
}
