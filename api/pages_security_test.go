package api

import (
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
