package notify

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/mail"
)

func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := w.told(); !slices.Equal(got, want) {
		w.t.Errorf("told %q, want %q", got, want)
	}
}

func (w *world) tell(topic, to string) {
	w.t.Helper()
	w.ok(w.ChangeContactNotices(w.t.Context(), w.by, tenant.ChangeContactNotices{Topic: topic, To: to}))
}

// Primary contacts are told, once each, in their language; of the others only if the
// tenant says so (S4.10).
func TestContactsAreTold(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	w.contact(a, person("ann", "de", true))
	w.contact(a, person("bob", "", false))
	w.contact(b, person("eve", "", true))
	w.contact(a, contact.Details{Name: "No Mailbox", IsPrimary: true})
	w.tell("credit_memo_issued", "all")
	i := w.invoice(a, 123_456, true)
	w.invoice(a, 99, false)
	w.ok(w.IssueCreditMemo(t.Context(), w.by, uuid.Nil, creditmemo.Issue{Content: creditmemo.Content{Number: "C-1", Party: w.content(&a, 1).Party, IssuedOn: "2026-05-02",
		Calculation: w.content(&a, 1).Calculation, Lines: w.content(&a, 500).Lines}}))
	w.pay(a, 50_000)
	w.expect("credit_memo_issued to ann@example.com", "credit_memo_issued to bob@example.com", "invoice_published to ann@example.com", "payment_received to ann@example.com")
	for _, m := range w.letters() {
		if m.State != mail.Kept || m.Sender != "no-reply@portal.example.com" || m.SenderName != "Acme Ltd" || *m.Customer != a {
			t.Errorf("%+v", m)
		}
		switch {
		case m.Kind == "invoice_published":
			for _, part := range []string{"Guten Tag ann", "N-001", "1. Juni 2026", "1.234,56\u00a0£", "PO 7", "https://portal.example.com/invoices/" + i.String(), "Customer A (A)"} {
				if !strings.Contains(m.Text, part) || !strings.Contains(m.HTML, part) {
					t.Errorf("%q is not in\n%s\n%s", part, m.Text, m.HTML)
				}
			}
			if m.Subject != "Rechnung N-001 von Acme Ltd" || m.Language != "de" {
				t.Errorf("%s in %s", m.Subject, m.Language)
			}
		case m.Kind == "payment_received" && (m.Subject != "Zahlung eingegangen: 500,00\u00a0£" && m.Subject != "Zahlung eingegangen: 500,00 £" || !strings.Contains(m.Text, "N-001")):
			t.Errorf("%q\n%s", m.Subject, m.Text)
		case m.Recipient == "bob@example.com" && m.Language != "en":
			t.Errorf("%+v", m)
		}
	}
}

// What an import brings is no news to anybody.
func TestImportsTellNobody(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.contact(a, person("ann", "", true))
	w.by.Origin.Channel = envelope.ChannelImport
	w.invoice(a, 100, true)
	w.pay(a, 100)
	w.expect()
	w.by.Origin.Channel = envelope.ChannelAPI
	w.invoice(a, 200, true)
	w.expect("invoice_published to ann@example.com")
}

// I3: who cannot see it any more when the mail is to go is not told; whose it is not never.
func TestNobodyIsToldWhatTheyMayNotSee(t *testing.T) {
	for name, spoil := range map[string]func(w *world, of, person, invoice uuid.UUID){
		"the portal was shut": func(w *world, of, _, _ uuid.UUID) {
			w.ok(w.SwitchCustomerPortal(w.t.Context(), w.by, of, customer.SwitchPortal{On: false, Because: why}))
		},
		"the contact was removed": func(w *world, _, person, _ uuid.UUID) {
			w.ok(w.RemoveContact(w.t.Context(), w.by, person, contact.Remove{Because: why}))
		},
		"the invoice was voided": func(w *world, _, _, id uuid.UUID) {
			end, err := w.policy.Settle(w.t.Context(), w.pos)
			if err != nil {
				w.t.Fatal(err)
			}
			w.pos = end
			w.ok(w.VoidInvoice(w.t.Context(), w.by, id, invoice.Void{Because: why}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.customer("A")
			ann := w.contact(a, person("ann", "", true))
			w.by.Origin.Channel = envelope.ChannelImport // or the notice would go before it is spoilt
			i := w.invoice(a, 100, true)
			w.by.Origin.Channel = envelope.ChannelAPI
			w.settle()
			all, err := w.notices.letters(t.Context(), "acme", topics[0], about{ID: i, Customer: a})
			if err != nil || len(all) != 1 {
				t.Fatalf("%+v, %v", all, err)
			}
			if _, err := w.notices.Compose(t.Context(), jobOf(all[0])); err != nil {
				t.Fatalf("a control: %v", err)
			}
			spoil(w, a, ann, i)
			w.settle()
			if m, err := w.notices.Compose(t.Context(), jobOf(all[0])); err != mail.ErrUnwanted {
				t.Errorf("%q, %v", m.Subject, err)
			}
		})
	}
}

// A topic that is off tells nobody.
func TestATopicIsSwitchedOff(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.contact(a, person("ann", "", true))
	w.tell("invoice_published", "off")
	w.invoice(a, 100, true)
	w.expect()
}

// Who has declined a topic is not told of it, and of all else as before; what tells of a look at
// one's own portal cannot be declined.
func TestWhoHasDeclinedIsNotTold(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	ann := w.contact(a, person("ann", "", true))
	w.contact(a, person("bob", "", true))
	as := w.by
	as.Actor, as.Roles = envelope.Actor{Kind: envelope.Contact, ID: ann}, []access.Role{access.Contact}
	w.ok(w.ChooseNotices(t.Context(), as, contact.ChooseNotices{Wanted: []string{"payment_received"}}))
	w.invoice(a, 100_00, true)
	w.pay(a, 50_00)
	w.expect("invoice_published to bob@example.com", "payment_received to ann@example.com", "payment_received to bob@example.com")
	for _, topic := range contact.Declinable {
		if at, ok := topicOf(topic); !ok || at.staff || topic == tenant.ViewedAs {
			t.Errorf("%s cannot be declined", topic)
		}
	}
}

// An unpublished invoice is in no mail, whatever job asks for one.
func TestAnUnpublishedInvoiceIsInNoMail(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	ann := w.contact(a, person("ann", "", true))
	hidden, theirs := w.invoice(a, 100, false), w.invoice(b, 100, true)
	w.settle()
	for _, what := range []about{{ID: hidden, Customer: a}, {ID: theirs, Customer: a}, {ID: theirs, Customer: b}, {ID: uuid.New(), Customer: a}} {
		if m, err := w.notices.Compose(t.Context(), jobOf(letter{Topic: "invoice_published", About: what, Contact: ann})); err != mail.ErrUnwanted {
			t.Errorf("%+v: %q, %v", what, m.Subject, err)
		}
	}
}

// Who is assigned a published invoice learns of it, and of a new version as of one.
func TestLateNews(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.contact(a, person("ann", "en-US", true))
	loose := w.ok(w.IssueInvoice(t.Context(), w.by, uuid.Nil, invoice.Issue{Content: w.content(nil, 100_000), Publish: true}))
	w.expect()
	w.ok(w.AssignInvoice(t.Context(), w.by, loose, invoice.Assign{CustomerID: a, Because: why}))
	w.expect("invoice_published to ann@example.com")
	w.settle()
	w.ok(w.CorrectInvoiceReference(t.Context(), w.by, loose, invoice.CorrectReference{Reference: "PO 8", Because: why}))
	w.expect("invoice_published to ann@example.com")
	w.ok(w.PublishInvoice(t.Context(), w.by, loose, invoice.Publish{}))
	all := w.letters()
	if len(all) != 2 || !strings.Contains(all[1].Subject, "new version") || !strings.Contains(all[1].Text, "PO 8") || !strings.Contains(all[1].Text, "June 1, 2026") {
		t.Errorf("%+v", all)
	}
}

// The very bytes that the portal gives out go along, if the tenant wants that.
func TestTheDocumentGoesAlong(t *testing.T) {
	w := newWorld(t)
	w.ok(w.ChangeMailSettings(t.Context(), w.by, tenant.ChangeMailSettings{MailSettings: tenant.MailSettings{FromName: "Acme Accounts", FromAddress: "accounts@acme.example",
		ReplyTo: "office@acme.example", AttachDocuments: true}}))
	w.ok(w.ChangeBranding(t.Context(), w.by, tenant.ChangeBranding{Branding: tenant.Branding{Colour: "#7a1f3d"}}))
	a := w.customer("A")
	w.contact(a, person("ann", "", true))
	w.invoice(a, 100, true)
	m := w.letters()[0]
	files := m.Attachments
	if len(files) != 1 || files[0].Name != "N-001.pdf" || m.Sender != "accounts@acme.example" || m.SenderName != "Acme Accounts" || m.ReplyTo != "office@acme.example" {
		t.Fatalf("%+v", m)
	}
	r, err := w.files.Read(t.Context(), files[0].SHA256)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(data), "%PDF") || int64(len(data)) != files[0].Size {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if !strings.Contains(m.Text, "attached") || !strings.Contains(m.HTML, "#7a1f3d") {
		t.Errorf("%s", m.HTML)
	}
}

// S4.5, S4.6: staff are told by the topic's route, else by the overall list.
func TestStaffAreTold(t *testing.T) {
	w := newWorld(t)
	route := func(topic string, to ...string) {
		w.ok(w.SetNotificationRoute(t.Context(), w.by, tenant.SetNotificationRoute{Topic: topic, Recipients: to}))
	}
	a := w.customer("A")
	ann := w.contact(a, person("ann", "", true))
	i := w.invoice(a, 12_345, true)
	w.ok(w.OpenInvoiceDispute(t.Context(), w.by, i, invoice.OpenDispute{Text: "Never ordered this"}))
	w.expect("invoice_published to ann@example.com") // no route: nobody
	w.ok(w.ResolveInvoiceDispute(t.Context(), w.by, i, invoice.ResolveDispute{Text: "done"}))
	route("default", "office@acme.example", "boss@acme.example")
	route("mail_bounced", "post@acme.example")
	w.ok(w.OpenInvoiceDispute(t.Context(), w.by, i, invoice.OpenDispute{Text: "Never ordered this"}))
	w.expect("invoice_disputed to boss@acme.example", "invoice_disputed to office@acme.example", "invoice_published to ann@example.com")
	for _, m := range w.letters() {
		if m.Kind == "invoice_disputed" && (m.Contact != nil || m.Subject != "Invoice N-001 is disputed by Customer A" || !strings.Contains(m.Text, "Never ordered this")) {
			t.Errorf("%+v", m)
		}
	}
	first := w.letters()[0]
	if _, err := w.db.Exec(t.Context(), `update portico.mails set state = 'sent' where id = $1`, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.mails.Bounced(t.Context(), "acme", mail.Bounce{MessageID: first.MessageID, Kind: mail.Hard, Text: "550 unknown user"}); err != nil || *first.Contact != ann {
		t.Fatal(err)
	}
	w.await(t, "mail_bounced to post@acme.example")
	for _, m := range w.letters() {
		if m.Kind == "mail_bounced" && (!strings.Contains(m.Text, "550 unknown user") || !strings.Contains(m.Text, "none are sent") || !strings.Contains(m.Text, "Customer A (A)")) {
			t.Errorf("%s", m.Text)
		}
	}
}

// Who is told that a webhook was disabled learns which, where and what to do; not its path,
// which may hold a secret. Staff who disabled it themselves know.
func TestStaffAreToldOfADisabledWebhook(t *testing.T) {
	w := newWorld(t)
	w.ok(w.SetNotificationRoute(t.Context(), w.by, tenant.SetNotificationRoute{Topic: "default", Recipients: []string{"office@acme.example"}}))
	registered := webhook.Register{Endpoint: webhook.Endpoint{URL: "https://erp.example.com/in/s3cret", Description: "Stock system"}}
	made, err := w.RegisterWebhook(t.Context(), w.by, uuid.Nil, registered)
	if err != nil {
		t.Fatal(err)
	}
	because := domain.Because{Reason: domain.Reason{Code: "test"}}
	w.ok(w.DisableWebhook(t.Context(), w.by, made.ID, webhook.Disable{Because: because}))
	w.expect()
	w.ok(w.EnableWebhook(t.Context(), w.by, made.ID, webhook.Enable{}))
	w.ok(w.DisableWebhook(t.Context(), w.by, made.ID, webhook.Disable{Because: because, Cause: "failing", Since: time.Now().UTC()}))
	w.expect("webhook_disabled to office@acme.example")
	for _, m := range w.letters() {
		for _, must := range []string{"Stock system", "erp.example.com", "failing", "EnableWebhook"} {
			if !strings.Contains(m.Text, must) {
				t.Errorf("%q is not in %s", must, m.Text)
			}
		}
		if strings.Contains(m.Text, "s3cret") {
			t.Errorf("the path shows in %s", m.Text)
		}
	}
}

// The same notice again tells nobody again: ids are derived from the job and the recipient.
func TestAnExpansionIsRepeatedWithoutEffect(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.contact(a, person("ann", "", true))
	w.invoice(a, 100, true)
	w.expect("invoice_published to ann@example.com")
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set state = 'queued', due = now(), ended_at = null`); err != nil {
		t.Fatal(err)
	}
	w.expect("invoice_published to ann@example.com")
	var n int
	if err := w.db.QueryRow(t.Context(), `select count(*) from portico.jobs`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d jobs, %v", n, err)
	}
}

// I3: what a contact may not see in the portal is in no mail either, nor is what is hidden.
func TestI3NobodyIsToldOfWhatTheyDoNotSee(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	because := domain.Because{Reason: domain.Reason{Code: "test"}}
	clerk, dispatcher := w.contact(a, person("ann", "", true)), w.contact(a, person("bob", "", true))
	w.ok(w.ChangeContactAccess(t.Context(), w.by, clerk, contact.ChangeAccess{Because: because,
		Grants: access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}}}}))
	w.ok(w.ChangeContactAccess(t.Context(), w.by, dispatcher, contact.ChangeAccess{Preset: "occupier", Because: because}))
	w.ok(w.SetFieldVisibility(t.Context(), w.by, tenant.SetFieldVisibility{Field: access.Field{Entity: "invoice", Name: "reference"}}))
	w.invoice(a, 1_000, true)
	w.pay(a, 500)
	w.expect("invoice_published to ann@example.com")
	if text := w.letters()[0].Text; strings.Contains(text, "PO 7") || !strings.Contains(text, "N-001") {
		t.Error(text)
	}
}
