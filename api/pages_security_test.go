package api

import (
	"net/url"
	"testing"

	"github.com/google/uuid"

	"portico/domain/login"
	"portico/internal/session"
)

// Before a second factor goes, and before sessions end, a page says what that does; a refusal
// stands there, too.
func TestSecurityAsksBeforeSomethingIsLost(t *testing.T) {
	b := newBooks(t)
	b.drawing()
	_, s := b.contactSession()
	factor := uuid.New()
	if _, err := b.a.Commands.EnrolSecondFactor(t.Context(), bySystem, s.Login, login.EnrolSecondFactor{FactorID: factor, Kind: "totp", Name: "Kim's phone"}); err != nil {
		t.Fatal(err)
	}
	token, _ := b.signsIn("main", session.Contact, s.Login, b.ours.contact, session.Full)
	who := b.cookie("here", token)
	at := "/security/factors/" + factor.String() + "/remove"
	b.as(who, "GET", "/security", "").says(t, 200, `href="`+at, `!action="`+at, `!action="/security/sign-out-everywhere"`)
	b.as(who, "GET", at, "").says(t, 200, "Remove Kim", "only second step", `action="`+at)
	b.as(who, "GET", "/security/factors/"+uuid.NewString()+"/remove", "").says(t, 404)

	b.as(who, "GET", "/security", "").says(t, 200, `href="/security/recovery-codes"`, `!action="/security/recovery-codes"`)
	b.as(who, "GET", "/security/recovery-codes", "").says(t, 200, "void at once", `action="/security/recovery-codes"`)
	b.send(who, "/security/recovery-codes", nil).says(t, 200, "!void at once", "<li><code>")

	token, other := b.signsIn("main", session.Contact, s.Login, b.ours.contact, session.Full)
	elsewhere := b.cookie("elsewhere", token)
	b.as(elsewhere, "GET", "/profile", "").says(t, 200, "Here now")
	b.as(who, "GET", "/security/sign-out-everywhere", "").says(t, 200, `action="/security/sign-out-others"`, `action="/security/sign-out-everywhere"`)
	if page := b.follow(who, b.send(who, "/security/sign-out-others", nil)); page == "" {
		t.Error("who ended the others is out")
	}
	if got := b.as(elsewhere, "GET", "/v1/me", ""); got.Code != 401 {
		t.Errorf("session %s goes on: %d", other.ID, got.Code)
	}
	b.as(who, "GET", "/v1/me", "").is(200, "")
}

// A profile says what waits to be confirmed, to its owner and nobody else, and leads a contact to
// its mails and language; staff have neither.
func TestAProfileSaysWhatWaits(t *testing.T) {
	b := newBooks(t)
	b.drawing()
	kim, _ := b.contactSession()
	b.as(kim, "GET", "/profile", "").says(t, 200, `href="/notifications"`, `href="#language"`, `id="language"`, "English", "!To be confirmed")
	b.as(kim, "GET", "/v1/me", "").says(t, 200, "!email_awaited")
	b.send(kim, "/security/email", url.Values{"email": {"Kim.New@example.com"}}).is(303, "")
	b.as(kim, "GET", "/profile", "").says(t, 200, "To be confirmed", "kim.new@example.com")
	b.as(kim, "GET", "/v1/me", "").says(t, 200, `"email_awaited":"kim.new@example.com"`)
	b.as(b.who, "GET", "/profile", "").says(t, 200, "Here now", "!#language", "!To be confirmed", "!kim.new")
}
