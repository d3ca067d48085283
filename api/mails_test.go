package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/jobs"
	"portico/internal/mail"
)

// written keeps a mail as a job would.
func (w *world) written(m mail.Message) uuid.UUID {
	w.t.Helper()
	post := &mail.Post{Store: w.a.Mails, Compose: func(context.Context, jobs.Job) (mail.Message, error) { return m, nil }, Log: w.a.Log}
	j := jobs.Job{ID: uuid.New(), Tenant: "main", Kind: mail.Kind}
	if err := post.Send().Do(w.t.Context(), jobs.Attempt{Job: j, Number: 1}); err != nil {
		w.t.Fatal(err)
	}
	return j.ID
}

// Staff and auditors read what was said to whom; a provider's hook tells what came back;
// contacts see none of it.
func TestMailsAreForStaff(t *testing.T) {
	w := newWorld(t)
	m := mail.Message{Kind: "invoice_published", Customer: w.ours.customer, Contact: w.ours.contact, From: mail.Address{Address: "a@example.com"},
		To: mail.Address{Name: "Jo", Address: "jo@example.com"}, Language: "en", Subject: "Invoice 7", Text: "the text", HTML: "<p>the text</p>"}
	id, second := w.written(m), w.written(m)
	var list struct {
		Items []mail.Mail
		Next  string
	}
	for query, n := range map[string]int{"": 2, "?state=kept": 2, "?state=sent": 0, "?address=JO@example.com&kind=invoice_published&customer_id=" + w.ours.customer.String(): 2, "?customer_id=" + w.theirs.customer.String(): 0} {
		if w.call("staff", "GET", "/v1/mails"+query, "").is(http.StatusOK, "").into(&list); len(list.Items) != n {
			t.Errorf("%q lists %+v", query, list.Items)
		}
	}
	w.call("auditor", "GET", "/v1/mails?limit=1", "").is(http.StatusOK, "").into(&list)
	if len(list.Items) != 1 || list.Items[0].ID != second || list.Items[0].Text != "" {
		t.Fatalf("%+v", list)
	}
	next := list.Next
	list.Next = ""
	w.call("auditor", "GET", "/v1/mails?limit=1&cursor="+next, "").is(http.StatusOK, "").into(&list)
	if len(list.Items) != 1 || list.Items[0].ID != id || list.Next != "" {
		t.Errorf("%+v", list)
	}
	w.call("staff", "GET", "/v1/mails?cursor=x", "").is(http.StatusUnprocessableEntity, "cursor.malformed")
	var shown mail.Shown
	w.call("staff", "GET", "/v1/mails/"+id.String(), "").is(http.StatusOK, "").into(&shown)
	if shown.Text != "the text" || shown.State != mail.Kept || shown.MessageID != id.String()+"@example.com" {
		t.Errorf("%+v", shown)
	}
	w.call("staff", "GET", "/v1/mails/"+uuid.NewString(), "").is(http.StatusNotFound, "mail.unknown")
	var back commands.Receipt
	bounce := `{"message_id":"<` + shown.MessageID + `>","kind":"hard","text":"550 no such user"}`
	if w.call("integration", "POST", "/v1/mail-bounces", bounce).is(http.StatusOK, "").into(&back); back.ID != id {
		t.Errorf("%+v", back)
	}
	if w.call("staff", "GET", "/v1/mails/"+id.String(), "").is(http.StatusOK, "").into(&shown); shown.State != mail.Bounced || len(shown.Bounces) != 1 {
		t.Errorf("%+v", shown)
	}
	w.call("staff", "POST", "/v1/mail-bounces", `{"kind":"hard","text":""}`).is(http.StatusUnprocessableEntity, "mail.bounce_of_nothing")
	got := w.call("staff", "GET", "/v1/mail-blocks", "").is(http.StatusOK, "").Body.String()
	if !strings.Contains(got, "jo@example.com") {
		t.Error(got)
	}
	w.call("integration", "POST", "/v1/mail-blocks/lift", `{"address":"jo@example.com"}`).is(http.StatusForbidden, "caller.forbidden")
	w.call("staff", "POST", "/v1/mail-blocks/lift", `{"address":"Jo@example.com"}`).is(http.StatusOK, "")
	w.call("staff", "POST", "/v1/mail-blocks/lift", `{"address":"jo@example.com"}`).is(http.StatusNotFound, "mail.not_blocked")
	for _, path := range []string{"/v1/mails", "/v1/mails/" + id.String(), "/v1/mail-blocks", "/v1/tenant/notifications"} {
		w.call("contact", "GET", path, "").is(http.StatusForbidden, "caller.forbidden")
	}
	w.call("contact", "POST", "/v1/mail-bounces", bounce).is(http.StatusForbidden, "caller.forbidden")
}

// Owners say how mails look and whom they go to.
func TestNotificationSettings(t *testing.T) {
	w := newWorld(t).live()
	w.call("staff", "POST", "/v1/tenant/mail-settings", `{"from_name":"Acme","from_address":"billing@example.com","attach_documents":true}`).is(http.StatusOK, "")
	w.call("staff", "POST", "/v1/tenant/notification-routes", `{"topic":"default","recipients":["office@example.com"]}`).is(http.StatusOK, "")
	done := w.call("staff", "POST", "/v1/tenant/contact-notices", `{"topic":"payment_received","to":"all"}`).is(http.StatusOK, "")
	got := w.call("staff", "GET", "/v1/tenant/notifications", "", "Portico-Position", done.Header().Get("Portico-Position")).is(http.StatusOK, "").Body.String()
	for _, part := range []string{`"from_name":"Acme"`, `"attach_documents":true`, `"office@example.com"`, `{"topic":"payment_received","to":"all"}`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
	w.call("staff", "POST", "/v1/tenant/notification-routes", `{"topic":"gossip","recipients":[]}`).is(http.StatusUnprocessableEntity, "")
	w.call("integration", "POST", "/v1/tenant/mail-settings", `{}`).is(http.StatusForbidden, "caller.forbidden")
}
