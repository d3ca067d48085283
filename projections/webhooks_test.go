package projections

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

func TestWebhooksAreListedAsTheyAre(t *testing.T) {
	w := newWorld(t)
	of := w.customer("Jo")
	at := func(path string) webhook.Endpoint { return webhook.Endpoint{URL: "https://a.example.com/" + path} }
	because := domain.Because{Reason: domain.Reason{Code: "test"}}
	own := w.ok(w.RegisterWebhook(w.ctx(), w.by, uuid.Nil, webhook.Register{Endpoint: webhook.Endpoint{URL: "https://a.example.com/own", Types: []string{"portico.invoice.*"}}}))
	theirs := w.ok(w.RegisterWebhook(w.ctx(), w.by, uuid.Nil, webhook.Register{Endpoint: at("theirs"), CustomerID: &of}))
	gone := w.ok(w.RegisterWebhook(w.ctx(), w.by, uuid.Nil, webhook.Register{Endpoint: at("gone")}))
	w.ok(w.RemoveWebhook(w.ctx(), w.by, gone, webhook.Remove{Because: because}))
	w.ok(w.ChangeWebhook(w.ctx(), w.by, own, webhook.Change{Endpoint: webhook.Endpoint{URL: "https://b.example.com/", Description: "ERP"}}))
	w.ok(w.RotateWebhookSecret(w.ctx(), w.by, own, webhook.Rotate{}))
	before := w.pos
	w.ok(w.DisableWebhook(w.ctx(), w.by, theirs, webhook.Disable{Because: because, Cause: "failing", Since: noon.Add(-time.Hour)}))
	w.settle()

	list := func(f WebhookFilter) (got []string) {
		t.Helper()
		for {
			page := get[Page[Webhook]](t)(w.q.ListWebhooks(w.ctx(), w.staff(), f))
			for _, h := range page.Items {
				got = append(got, h.URL+" "+h.Status)
			}
			if f.Cursor = page.Next; f.Cursor == "" {
				return got
			}
		}
	}
	same(t, []string{"https://a.example.com/theirs disabled"}, list(WebhookFilter{CustomerID: of}))
	same(t, []string{"https://a.example.com/gone removed"}, list(WebhookFilter{Status: "removed"}))
	if got := list(WebhookFilter{Paging: Paging{Limit: 1}}); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	h := get[Webhook](t)(w.q.GetWebhook(w.ctx(), w.staff(), own))
	if h.URL != "https://b.example.com/" || h.Description != "ERP" || len(h.Types) != 0 || !h.OldSecretUntil.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("%+v", h)
	}
	h = get[Webhook](t)(w.q.GetWebhook(w.ctx(), w.staff(), theirs))
	if h.Why != "failing" || !h.FailingSince.Equal(noon.Add(-time.Hour)) || *h.CustomerID != of {
		t.Errorf("%+v", h)
	}

	// Who was enabled before is told; who is enabled now, from now on.
	w.ok(w.EnableWebhook(w.ctx(), w.by, theirs, webhook.Enable{}))
	w.settle()
	system := Viewer{Tenant: w.by.Tenant, Kind: envelope.System}
	if all := get[[]Webhook](t)(w.q.EnabledWebhooks(w.ctx(), system, before)); len(all) != 1 || all[0].ID != own {
		t.Errorf("%+v", all)
	}
	if all := get[[]Webhook](t)(w.q.EnabledWebhooks(w.ctx(), system, eventstore.Position{Hi: w.pos.Hi + 1})); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	_, err := w.q.EnabledWebhooks(w.ctx(), w.staff(), before)
	same(t, "viewer.forbidden", domain.CodeOf(err))
	_, err = w.q.GetWebhook(w.ctx(), w.staff(), uuid.New())
	same(t, "webhook.unknown", domain.CodeOf(err))
}
