package webhooks

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/projections"
)

// What failed is sent again under its own id; what came meanwhile is not.
func TestStaffSendAgainWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, script(status(500), status(200), status(500), status(200)))
	id, secret := w.hook(v.URL, uuid.Nil)
	for range 3 {
		w.customer()
		w.plan()
		w.do()
		w.queue = nil // dead
	}
	same(t, []string{"failed 500", "delivered 200", "failed 500"}, w.deliveries(id))
	asked, err := w.endpoints.Redeliver(t.Context(), w.by, id, Since{time.Now().Add(-time.Minute)})
	if err != nil || asked.Jobs != 2 {
		t.Fatalf("%+v, %v", asked, err)
	}
	same(t, 0, len(w.do()))
	got := v.all()
	ids := map[string]int{}
	for _, m := range got {
		verified(t, m, secret)
		ids[m.head.Get("webhook-id")]++
	}
	same(t, []int{5, 3}, []int{len(got), len(ids)})
	asked, err = w.endpoints.Redeliver(t.Context(), w.by, id, Since{time.Now().Add(-time.Minute)})
	same(t, []any{0, nil}, []any{asked.Jobs, err})

	page, err := w.sender.Queries.ListWebhookDeliveries(t.Context(), projections.Viewer{Tenant: "main", Kind: envelope.Staff},
		projections.WebhookDeliveryFilter{WebhookID: id, Outcome: "delivered", Paging: projections.Paging{Limit: 2}})
	if err != nil || len(page.Items) != 2 || page.Next == "" || *page.Items[0].AskedBy != w.by.Actor.ID {
		t.Fatalf("%+v, %v", page, err)
	}
	one := page.Items[0]
	by := w.by
	by.CommandID = uuid.New()
	for range 2 { // repeated, it is one request
		if _, err := w.endpoints.RedeliverOne(t.Context(), by, one.ID, Send{}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, 0, len(w.do()))
	if got := v.all(); len(got) != 6 || got[5].head.Get("webhook-id") != one.MessageID {
		t.Errorf("%d messages, %v", len(got), got[len(got)-1].head)
	}
}

func TestATestIsSentToWhatIsDisabledToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, script(status(500), status(200)))
	id, secret := w.hook(v.URL, uuid.Nil, "portico.customer.registered.v1")
	w.ok(w.DisableWebhook(t.Context(), w.by, id, webhook.Disable{Because: because}))
	for range 2 {
		if asked, err := w.endpoints.Test(t.Context(), w.by, id, Send{}); err != nil || asked.Jobs != 1 {
			t.Fatal(asked, err)
		}
		w.do()
	}
	same(t, []string{"failed 500", "delivered 200"}, w.deliveries(id))
	m := v.all()[1]
	verified(t, m, secret)
	if !strings.Contains(string(m.body), `"type":"portico.webhook.test.v1"`) {
		t.Errorf("%s", m.body)
	}
	page, _ := w.sender.Queries.ListWebhookDeliveries(t.Context(), projections.Viewer{Tenant: "main", Kind: envelope.Staff}, projections.WebhookDeliveryFilter{})
	_, err := w.endpoints.RedeliverOne(t.Context(), w.by, page.Items[0].ID, Send{})
	same(t, "webhook.delivery_test", domain.CodeOf(err))
	_, err = w.endpoints.Redeliver(t.Context(), w.by, id, Since{})
	same(t, "webhook.disabled", domain.CodeOf(err))
}

func TestOnlyOwnersManageWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	id, _ := w.hook(v.URL, uuid.Nil)
	for _, role := range []string{"integration", "auditor", "contact", ""} {
		by := w.by
		by.Roles = []access.Role{access.Role(role)}
		for name, try := range map[string]func() error{
			"register": func() error { _, err := w.endpoints.Register(t.Context(), by, webhook.Register{}); return err },
			"change":   func() error { _, err := w.endpoints.Change(t.Context(), by, id, webhook.Change{}); return err },
			"rotate":   func() error { _, err := w.endpoints.Rotate(t.Context(), by, id, webhook.Rotate{}); return err },
			"enable":   func() error { _, err := w.endpoints.Enable(t.Context(), by, id, webhook.Enable{}); return err },
			"remove": func() error {
				_, err := w.endpoints.Remove(t.Context(), by, id, webhook.Remove{Because: because})
				return err
			},
			"test":      func() error { _, err := w.endpoints.Test(t.Context(), by, id, Send{}); return err },
			"redeliver": func() error { _, err := w.endpoints.Redeliver(t.Context(), by, id, Since{}); return err },
			"one":       func() error { _, err := w.endpoints.RedeliverOne(t.Context(), by, id, Send{}); return err },
		} {
			if code := domain.CodeOf(try()); code != "caller.forbidden" {
				t.Errorf("%s by %q: %s", name, role, code)
			}
		}
	}
	for _, kind := range []string{envelope.Contact, ""} {
		v := projections.Viewer{Tenant: "main", Kind: kind}
		_, err := w.sender.Queries.ListWebhooks(t.Context(), v, projections.WebhookFilter{})
		_, err2 := w.sender.Queries.GetWebhook(t.Context(), v, id)
		_, err3 := w.sender.Queries.ListWebhookDeliveries(t.Context(), v, projections.WebhookDeliveryFilter{})
		same(t, []string{"viewer.forbidden", "viewer.forbidden", "viewer.forbidden"}, []string{domain.CodeOf(err), domain.CodeOf(err2), domain.CodeOf(err3)})
	}
}

func TestWhatCannotBeAWebhookIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	of, unknown := w.customer(), uuid.New()
	for name, c := range map[string]struct {
		cmd  webhook.Register
		code string
	}{
		"private":    {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://10.0.0.1/"}}, "webhook.url_refused"},
		"a user":     {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://a:b@127.0.0.1/"}}, "webhook.url_user"},
		"no type":    {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://127.0.0.1/", Types: []string{"portico.invoice.eaten.v1"}}}, "webhook.type"},
		"a hidden":   {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://127.0.0.1/", Types: []string{"portico.invoice.issued.v1"}}, CustomerID: &of}, "webhook.type_hidden"},
		"of nobody":  {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://127.0.0.1/"}, CustomerID: &unknown}, "customer.unknown"},
		"a customer": {webhook.Register{Endpoint: webhook.Endpoint{URL: "https://127.0.0.1/", Types: []string{"portico.invoice.*"}}, CustomerID: &of}, ""},
	} {
		_, err := w.endpoints.Register(t.Context(), w.by, c.cmd)
		if code := domain.CodeOf(err); code != c.code {
			t.Errorf("%s: %s, want %s", name, code, c.code)
		}
	}
}
