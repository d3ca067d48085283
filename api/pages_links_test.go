package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/tenant"
)

// Looking at a mailed link uses nothing up; its end stands in a form, as text. A link that is
// dead is not offered again.
func TestAMailedLinkIsHandedInByAForm(t *testing.T) {
	w := newWorld(t)
	w.must(w.commands.SetSecurityPolicy(t.Context(), bySystem, tenant.SetSecurityPolicy{SecurityPolicy: tenant.SecurityPolicy{EmailLink: "on"}}))
	evil := `"><script>alert(1)</script>`
	for _, path := range []string{"/sign-in/link", "/email/confirm", "/email/undo"} {
		got := w.as(requester{}, "GET", path+"?"+url.Values{"token": {evil}}.Encode(), "")
		isPage(t, path, got.ResponseRecorder)
		if got.Code != 200 || !strings.Contains(got.Body.String(), `value="&#34;&gt;&lt;script&gt;`) || strings.Contains(got.Body.String(), evil) {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
		got = w.send(requester{}, path, url.Values{"token": {"dead"}})
		isPage(t, path, got.ResponseRecorder)
		if body := got.Body.String(); got.Code < 400 || !strings.Contains(body, "its time is up") || strings.Contains(body, `name="token"`) {
			t.Errorf("%s: %d %s", path, got.Code, body)
		}
	}
	got := w.as(requester{}, "GET", "/sign-in/provider?code=c1&state=s1&scope=openid&session_state=x", "")
	if got.Code != 200 || !strings.Contains(got.Body.String(), `value="c1"`) || !strings.Contains(got.Body.String(), `value="s1"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.send(requester{}, "/sign-in/provider", url.Values{"code": {"c1"}, "state": {"s1"}}); got.Code < 400 || len(got.Header().Values("Set-Cookie")) > 0 {
		t.Errorf("%d %v", got.Code, got.Header())
	}
}

// Signing in by a mailed link is offered where the policy says so, and only there.
func TestALinkIsOfferedByThePolicy(t *testing.T) {
	w := newWorld(t)
	offers := func() bool {
		return strings.Contains(w.as(requester{}, "GET", "/login", "").Body.String(), "/sign-in/link/request")
	}
	if offers() {
		t.Error("it is offered without a policy")
	}
	w.must(w.commands.SetSecurityPolicy(t.Context(), bySystem, tenant.SetSecurityPolicy{SecurityPolicy: tenant.SecurityPolicy{EmailLink: "on"}}))
	if !offers() {
		t.Error("it is not offered")
	}
	if got := w.send(requester{}, "/sign-in/link/request", url.Values{"name": {"nobody@example.com"}}); got.Code != http.StatusOK {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// Somebody who sets an app up is shown its address as a QR code, and a link that opens it.
func TestAnAppIsShownAsAQRCode(t *testing.T) {
	w := newWorld(t)
	id := w.signer(login.Contact, "kim@example.com", w.ours.contact)
	w.append("main", "contact", w.ours.contact, contact.Joined{CustomerID: w.ours.customer, LoginID: id})
	token, _ := w.signsIn("main", "contact", id, w.ours.contact, "enrol")
	got := w.send(w.cookie("kim", token), "/login/enrol", url.Values{})
	isPage(t, "enrol", got.ResponseRecorder)
	for _, part := range []string{`<svg class="qr" viewBox="-4 -4 `, `<path d="M0 0h7v1h-7z`, `href="otpauth://totp/`} {
		if got.Code != 200 || !strings.Contains(got.Body.String(), part) {
			t.Errorf("%d without %s: %s", got.Code, part, got.Body)
		}
	}
}
