package projections

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/tenant"
)

// S4.5, S4.6: a topic's own route, else the overall list, else nobody.
func TestNotificationSettings(t *testing.T) {
	w := newWorld(t)
	w.settle()
	ask := func() NotificationSettings {
		w.settle()
		return get[NotificationSettings](t)(w.q.GetNotificationSettings(t.Context(), w.staff()))
	}
	first := ask()
	same(t, NotificationSettings{Routes: []NotificationRoute{}, Notices: []ContactNotice{}}, first)
	if first.Tells("invoice_published") != "primary" || first.Route("job_dead") != nil {
		t.Errorf("%+v", first)
	}
	route := func(topic string, to ...string) {
		w.ok(w.SetNotificationRoute(w.ctx(), w.by, tenant.SetNotificationRoute{Topic: topic, Recipients: to}))
	}
	route("default", "office@example.com")
	route("job_dead", "ops@example.com", "night@example.com")
	w.ok(w.ChangeContactNotices(w.ctx(), w.by, tenant.ChangeContactNotices{Topic: "payment_received", To: "off"}))
	w.ok(w.ChangeMailSettings(w.ctx(), w.by, tenant.ChangeMailSettings{MailSettings: tenant.MailSettings{FromName: "Acme", AttachDocuments: true}}))
	got := ask()
	same(t, []string{"ops@example.com", "night@example.com"}, got.Route("job_dead"))
	same(t, []string{"office@example.com"}, got.Route("mail_bounced"))
	same(t, "off", got.Tells("payment_received"))
	same(t, tenant.MailSettings{FromName: "Acme", AttachDocuments: true}, got.Mail)
	route("job_dead")
	same(t, []string{"office@example.com"}, ask().Route("job_dead"))
}

func TestAContactsLanguageIsShown(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Ann", Language: "pl"}}))
	w.settle()
	if list := get[Page[Contact]](t)(w.q.ListContacts(t.Context(), w.staff(), ContactFilter{})); list.Items[0].Language != "pl" {
		t.Errorf("%+v", list.Items)
	}
}
