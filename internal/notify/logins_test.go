package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/login"
	"portico/internal/mail"
)

// ASVS 6.3.7, E27: a human learns of each change to how they sign in, at the right address and in
// their language; kept mails have no secret in them.
func TestLoginsAreTold(t *testing.T) {
	w := newWorld(t)
	by := w.by
	by.Roles = append(slices.Clone(by.Roles), "system")
	id, change := uuid.New(), uuid.New()
	jan := w.contact(w.customer("A"), contact.Details{Name: "Jan", Language: "pl"})
	w.ok(w.RegisterLogin(t.Context(), by, id, login.Register{Realm: login.Contact, Person: login.Person{Name: "Jan", Email: "jan@example.com"}}))
	w.ok(w.JoinLogin(t.Context(), by, id, login.Join{Membership: login.Membership{Kind: login.Contact, ID: jan}}))
	w.ok(w.RecordPassword(t.Context(), by, id, login.ChangePassword{How: login.PasswordSet})) // no news
	w.ok(w.RecordPassword(t.Context(), by, id, login.ChangePassword{How: login.PasswordReset}))
	w.ok(w.LockLogin(t.Context(), by, id, login.Lock{Why: "attempts", Until: time.Now()}))
	w.ok(w.RequestLoginEmail(t.Context(), by, id, login.RequestEmailChange{ChangeID: change, NewEmail: "new@example.com"}))
	nobody := uuid.New()
	for topic, to := range map[string]uuid.UUID{"password_reset": id, "email_confirm": id, "sign_in_link": nobody} {
		if err := w.jobs.Insert(t.Context(), Letter(uuid.New(), "acme", topic, to, change)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"email_change_requested to jan@example.com", "email_confirm to new@example.com", "login_locked to jan@example.com",
		"password_changed to jan@example.com", "password_reset to jan@example.com"}
	for end := time.Now().Add(20 * time.Second); !slices.Equal(w.told(), want) && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	w.expect(want...)
	w.ok(w.ConfirmLoginEmail(t.Context(), by, id, login.ConfirmEmailChange{ChangeID: change, At: time.Now()}))
	if err := w.jobs.Insert(t.Context(), Letter(uuid.New(), "acme", "email_changed", id, change)); err != nil {
		t.Fatal(err)
	}
	w.await(t, "email_changed to jan@example.com")
	for _, m := range w.letters() {
		secret, err := w.MailSecret(t.Context(), "acme", m.ID)
		if err != nil {
			t.Fatal(err)
		}
		link := "https://portal.example.com" + pages[m.Kind] + mail.SecretMark
		if m.Language != "pl" || strings.Contains(m.Text+m.HTML, secret) || (pages[m.Kind] != "") != strings.Contains(m.Text, link) || !strings.Contains(m.Text, "Acme Ltd") {
			t.Errorf("%s in %s: %s", m.Kind, m.Language, m.Text)
		}
	}
}
