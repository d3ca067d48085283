package mail

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/internal/jobs"
)

// What opens something for its reader is in the mail that is sent, and in nothing that is kept.
func TestASecretIsInTheMailOnly(t *testing.T) {
	s := serve(t, nil)
	o := newOffice(t, s.sender(s.relay()))
	o.Compose = func(_ context.Context, _ jobs.Job) (Message, error) {
		m := sample()
		m.Text, m.HTML = "https://portal.example.com/p#"+SecretMark, "<p>https://portal.example.com/p#"+SecretMark+"</p>"
		return m, nil
	}
	o.Secret = func(_ context.Context, tenant string, mail uuid.UUID) (string, error) {
		return tenant + "-" + mail.String(), nil
	}
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	m, secret := o.is(a, Sent, 1), "main-"+a.ID.String()
	_, bodies := parts(t, []byte(s.deliveries()[0].raw))
	if !strings.Contains(bodies["text/plain"], "#"+secret) || !strings.Contains(bodies["text/html"], "#"+secret) || strings.Contains(bodies["text/plain"], SecretMark) {
		t.Errorf("%q", bodies)
	}
	if strings.Contains(m.Text+m.HTML, secret) || !strings.Contains(m.Text, SecretMark) {
		t.Errorf("%s", m.Text)
	}
}
