package notify

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/tenant"
	"portico/internal/mail"
)

// doors gives every link out.
type doors struct{}

func (doors) GiveOut(context.Context, string, uuid.UUID, int) (string, error) {
	return "the secret", nil
}
func (doors) Coded(context.Context, string, uuid.UUID) (uuid.UUID, error) { return uuid.Nil, nil }

// S2.4, S4.10: an invitation is one mail to the invited mailbox, without the secret where it
// is kept, and configured addresses are told once. A name that would be a header is none.
func TestAnInvitationIsMailedOnceToTheInvitedMailbox(t *testing.T) {
	w := newWorld(t)
	w.notices.Doors = doors{}
	w.ok(w.SetNotificationRoute(t.Context(), w.by, tenant.SetNotificationRoute{Topic: "invitation_sent", Recipients: []string{"boss@acme.example"}}))
	of := w.customer("C-1")
	asked := commands.Asked{Confirm: invitation.Word}
	jo := contact.Details{Name: "Jo\r\nBcc: eve@example.com", Email: "jo@example.com", Language: "de"}
	_, err := w.InvitePerson(t.Context(), w.by, commands.InvitePerson{Asked: asked, CustomerID: of, Details: jo})
	if domain.CodeOf(err) != "field.control_character" {
		t.Errorf("a header for a name: %v", err)
	}
	jo.Name = "=?utf-8?q?Jo=0D=0ABcc:_eve@example.com?="
	for range 2 { // a double click
		w.ok(w.InvitePerson(t.Context(), w.by, commands.InvitePerson{Asked: asked, CustomerID: of, Details: jo}))
	}
	handed := w.contact(of, person("al", "", false))
	w.ok(w.InviteContact(t.Context(), w.by, handed, commands.InviteContact{Asked: commands.Asked{Confirm: invitation.Word, HandOver: true}}))
	removed := w.contact(of, person("di", "", false))
	w.ok(w.RemoveContact(t.Context(), w.by, removed, contact.Remove{Because: why}))
	got := w.told()
	want := []string{"invitation to jo@example.com", "invitation_sent to boss@acme.example", "invitation_sent to boss@acme.example"}
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for _, m := range w.letters() {
		if strings.ContainsAny(m.Subject+m.RecipientName, "\r\n") || strings.Contains(m.Text, "the secret") {
			t.Errorf("%q %q\n%s", m.Subject, m.RecipientName, m.Text)
		}
		if m.Kind == "invitation" && (m.Language != "de" || !strings.Contains(m.Text, "https://portal.example.com/invitation?token="+mail.SecretMark)) {
			t.Errorf("%s\n%s", m.Language, m.Text)
		}
	}
}
