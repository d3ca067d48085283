package api

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/jobs"
	"portico/internal/webhooks"
	"portico/projections"
)

// A webhook's secret is in the first answer and in no other.
func TestAWebhooksSecretIsAnsweredOnce(t *testing.T) {
	w := newWorld(t).live()
	var inserted []jobs.Job
	*w.a.Webhooks = webhooks.Endpoints{DB: w.db, Commands: w.commands, Keys: w.commands.Codec.Keys, Clock: time.Now,
		Guard:  &webhooks.Guard{Private: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Insert: func(_ context.Context, all ...jobs.Job) error { inserted = append(inserted, all...); return nil },
	}
	body := `{"url":"https://10.0.0.1/in","types":["portico.invoice.*"]}`
	var made, again, rotated webhooks.Created
	w.call("staff", "POST", "/v1/webhooks", body, "Idempotency-Key", "once").is(201, "").into(&made)
	w.call("staff", "POST", "/v1/webhooks", body, "Idempotency-Key", "once").is(201, "").into(&again)
	if made.Secret == "" || again.Secret != "" || made.ID != again.ID {
		t.Errorf("%+v, then %+v", made, again)
	}
	path := "/v1/webhooks/" + made.ID.String()
	w.call("staff", "POST", path+"/rotate-secret", `{"overlap_hours":1}`, "Idempotency-Key", "twice").is(200, "").into(&rotated)
	w.call("staff", "POST", path+"/rotate-secret", `{"overlap_hours":1}`, "Idempotency-Key", "twice").is(200, "").into(&again)
	if rotated.Secret == "" || again.Secret != "" && again.Secret != made.Secret {
		t.Errorf("%+v, then %+v", rotated, again)
	}
	w.call("staff", "POST", "/v1/webhooks", `{"url":"https://127.0.0.1/"}`).is(422, "webhook.url_refused")
	w.call("staff", "POST", path+"/change", `{"url":"https://localhost/"}`).is(422, "webhook.url_refused")
	w.call("staff", "POST", path+"/change", `{"url":"https://10.0.0.2/"}`).is(200, "")
	w.call("staff", "POST", path+"/test", "{}").is(200, "")
	w.call("staff", "POST", path+"/redeliver", `{"since":"2026-01-01T00:00:00Z"}`).is(200, "")
	w.call("staff", "POST", "/v1/webhook-deliveries/"+uuid.NewString()+"/redeliver", "{}").is(404, "webhook.delivery_unknown")
	w.call("staff", "POST", path+"/disable", `{"reason":{"code":"test"}}`).is(200, "")
	w.call("staff", "POST", path+"/enable", "{}").is(200, "")
	if len(inserted) != 1 {
		t.Errorf("%d jobs", len(inserted))
	}
	head, err := w.store.Head(t.Context())
	if err == nil {
		err = w.engine.WaitAll(t.Context(), projections.Access.Name, head)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got projections.Webhook
	shown := w.call("auditor", "GET", path, "").is(200, "")
	shown.into(&got)
	w.call("auditor", "GET", "/v1/webhooks", "").is(200, "")
	w.call("auditor", "GET", "/v1/webhook-deliveries?outcome=failed&since=2026-01-01T00:00:00Z", "").is(200, "")
	last := w.call("staff", "POST", path+"/remove", `{"reason":{"code":"test"}}`).is(200, "")
	for _, secret := range []string{made.Secret, rotated.Secret} {
		secret = strings.TrimPrefix(secret, "whsec_")
		if secret == "" || strings.Contains(shown.Body.String()+last.Body.String()+w.log.String(), secret) {
			t.Error("a secret shows")
		}
	}
}
