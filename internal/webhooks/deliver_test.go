package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/projections"
)

func same(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// verified checks a message with the library, and by hand.
func verified(t testing.TB, m received, secret string) {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err == nil {
		err = hook.Verify(m.body, m.head)
	}
	if err != nil {
		t.Errorf("the library: %v", err)
	}
	mac := hmac.New(sha256.New, key(t, secret))
	fmt.Fprintf(mac, "%s.%s.%s", m.head.Get("webhook-id"), m.head.Get("webhook-timestamp"), m.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !slices.Contains(strings.Fields(m.head.Get("webhook-signature")), want) {
		t.Errorf("by hand: %s is not in %s", want, m.head.Get("webhook-signature"))
	}
}

func TestAMessageIsSignedAndSaysWhatThePublicSchemaSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	id, secret := w.hook(v.URL+"/in?key=x", uuid.Nil)
	c := w.customer()
	w.plan()
	same(t, 0, len(w.do()))
	got := v.all()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	verified(t, got[0], secret)
	var event struct {
		SpecVersion, ID, Type, Source string
		Data                          struct {
			CustomerID uuid.UUID `json:"customer_id"`
		}
	}
	if err := json.Unmarshal(got[0].body, &event); err != nil {
		t.Fatal(err)
	}
	same(t, []any{"1.0", "portico.customer.registered.v1", c}, []any{event.SpecVersion, event.Type, event.Data.CustomerID})
	h := got[0].head
	same(t, []string{"application/cloudevents+json", "Portico/test (webhooks)", messageID(id, uuid.MustParse(event.ID))},
		[]string{h.Get("Content-Type"), h.Get("User-Agent"), h.Get("webhook-id")})
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if since := time.Since(time.Unix(sent, 0)); err != nil || since < -time.Second || since > time.Minute {
		t.Errorf("sent %v ago, %v", since, err)
	}
	if bytes.Contains(got[0].body, []byte("Somebody")) {
		t.Error("a person's name was sent")
	}
	same(t, []string{"delivered 200"}, w.deliveries(id))
}

// script is a receiver's answers in turn; the last stays.
func script(answers ...func(http.ResponseWriter, *http.Request)) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, rw http.ResponseWriter, r *http.Request) { answers[min(n, len(answers))-1](rw, r) }
}

func status(code int, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(rw http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(code)
		fmt.Fprint(rw, "says ", code)
	}
}

// reset closes the connection after the request was read.
func reset(rw http.ResponseWriter, _ *http.Request) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// hugeSent is how many bytes of its endless answer huge got rid of.
var hugeSent atomic.Int64

func huge(rw http.ResponseWriter, _ *http.Request) {
	for hugeSent.Load() < 256<<20 {
		n, err := rw.Write(bytes.Repeat([]byte("\x00\xff"), 4<<10))
		if hugeSent.Add(int64(n)); err != nil {
			return
		}
	}
}

func TestWhatComesOfAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	for name, c := range map[string]struct {
		answer func(int, http.ResponseWriter, *http.Request)
		log    []string // after two rounds
		gone   bool
	}{
		"500, then 200":           {script(status(500), status(200)), []string{"failed 500", "delivered 200"}, false},
		"204":                     {script(status(204)), []string{"delivered 204"}, false},
		"404":                     {script(status(404)), []string{"failed 404", "failed 404"}, false},
		"a redirect":              {script(status(307, "Location", elsewhere.URL)), []string{"failed 307", "failed 307"}, false},
		"a reset, then 200":       {script(reset, status(200)), []string{"failed", "delivered 200"}, false},
		"a huge answer":           {script(huge), []string{"delivered 200"}, false},
		"410":                     {script(status(410)), []string{"failed 410"}, true},
		"a header without an end": {script(status(200, "X", strings.Repeat("x", 1<<20)), status(200)), []string{"failed", "delivered 200"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := newReceiver(t, c.answer)
			id, secret := w.hook(v.URL, uuid.Nil, "portico.customer.registered.v1")
			w.customer()
			w.plan()
			if first := w.do(); len(first) > 0 && (c.gone || jobs.IsPermanent(first[0])) {
				t.Errorf("got %v", first)
			}
			w.do()
			w.queue = nil
			same(t, c.log, w.deliveries(id))
			for _, m := range v.all() {
				verified(t, m, secret)
				same(t, v.all()[0].head.Get("webhook-id"), m.head.Get("webhook-id"))
			}
			is, err := w.Webhook(t.Context(), "main", id)
			if err != nil || is.Enabled() == c.gone {
				t.Errorf("enabled %t, %v", is.Enabled(), err)
			}
			if is.Enabled() {
				w.ok(w.DisableWebhook(t.Context(), w.by, id, webhook.Disable{Because: because}))
			}
		})
	}
	same(t, 0, len(elsewhere.all()))
	if n := hugeSent.Load(); n == 0 || n > 32<<20 { // 64 KB are read; buffers between hold some more
		t.Errorf("%d bytes of an answer were taken", n)
	}
	if page, err := w.sender.Queries.ListWebhookDeliveries(t.Context(), projections.Viewer{Tenant: "main", Kind: envelope.Staff}, projections.WebhookDeliveryFilter{}); err != nil {
		t.Error(err)
	} else {
		for _, d := range page.Items {
			if len(d.Response) > 3*keepAtMost || strings.Contains(d.Error+d.Response, "127.0.0.1:") && d.Status != nil {
				t.Errorf("the log keeps %q, %q", d.Error, d.Response)
			}
		}
	}
}

func TestACertificateThatNobodyVouchesForIsNotBelieved(t *testing.T) {
	t.Parallel()
	v := newReceiver(t, nil)
	v.Config.ErrorLog = nil
	g := newWorld(t).endpoints.Guard
	got := newClient(g, nil).post(t.Context(), message{id: "1", url: v.URL, at: time.Now()})
	if got.err == nil || !strings.Contains(got.err.Error(), "certificate") || len(v.all()) != 0 {
		t.Errorf("got %v, %d requests", got.err, len(v.all()))
	}
}

func TestWhoeverHangsIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	v := newReceiver(t, func(int, http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c := newClient(newWorld(t).endpoints.Guard, trusted())
	c.secure.Timeout = 200 * time.Millisecond
	got := c.post(t.Context(), message{id: "1", url: v.URL + "/secret-path", at: time.Now()})
	if got.err == nil || got.took > 5*time.Second || strings.Contains(got.err.Error(), "secret-path") {
		t.Errorf("after %v: %v", got.took, got.err)
	}
}

// Three days of nothing but failures disable; a success in between begins them anew.
func TestAWebhookThatOnlyFailsIsDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	well := false
	v := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		if !well {
			rw.WriteHeader(503)
		}
	})
	id, _ := w.hook(v.URL, uuid.Nil)
	tell := func(after time.Duration) bool {
		w.ahead.Add(int64(after))
		w.customer()
		w.plan()
		w.do()
		w.queue = nil
		is, err := w.Webhook(t.Context(), "main", id)
		if err != nil {
			t.Fatal(err)
		}
		return is.Enabled()
	}
	day := 24 * time.Hour
	same(t, []bool{true, true, true}, []bool{tell(0), tell(day), tell(day)})
	well = true
	same(t, true, tell(day))
	well = false
	same(t, []bool{true, true, true, false}, []bool{tell(day), tell(day), tell(day), tell(day)})
	e, err := w.WebhookEvent(t.Context(), "main", id, 1)
	d, is := e.(webhook.Disabled)
	if err != nil || !is || d.Why != "failing" || w.Clock().Sub(d.Since) < 3*day || w.Clock().Sub(d.Since) > 4*day {
		t.Errorf("%+v, %v", e, err)
	}
	before := len(v.all())
	same(t, false, tell(time.Hour)) // not told any more
	same(t, before, len(v.all()))

	// Enabled again it has its three days anew, and is told what happens from then on.
	w.ok(w.endpoints.Enable(t.Context(), w.by, id, webhook.Enable{}))
	same(t, []bool{true, true}, []bool{tell(time.Hour), tell(day)})
	same(t, before+2, len(v.all()))
}

// What asks to be left alone is, also by other messages; and it is not a reason to wait for ever.
func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, script(status(429, "Retry-After", "600"), status(200)))
	id, _ := w.hook(v.URL, uuid.Nil)
	w.customer()
	w.plan()
	w.do()
	w.customer()
	w.plan()
	for range 3 { // the first message again, and the second
		if errs := w.do(); len(errs) != 2 || !strings.Contains(errs[0].Error(), "left alone") {
			t.Errorf("got %v", errs)
		}
	}
	same(t, 1, len(v.all()))
	w.ahead.Store(int64(601 * time.Second))
	same(t, 0, len(w.do()))
	same(t, []string{"failed 429", "delivered 200", "delivered 200"}, w.deliveries(id))
	now := time.Now()
	same(t, []time.Duration{0, 0, 0, restAtMost, restAtMost},
		[]time.Duration{retryAfter("", now), retryAfter("-5", now), retryAfter("soon", now), retryAfter("99999999999", now), retryAfter(now.Add(48*time.Hour).UTC().Format(http.TimeFormat), now)})
}

// The process dies after the receiver has read the request: the message comes again, the same.
func TestWhatIsRepeatedAfterACrashHasTheSameID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	w.hook(v.URL, uuid.Nil)
	w.customer()
	w.plan()
	if errs := w.do(); len(errs) != 0 {
		t.Fatal(errs)
	}
	page, _ := w.sender.Queries.ListWebhookDeliveries(t.Context(), projections.Viewer{Tenant: "main", Kind: envelope.Staff}, projections.WebhookDeliveryFilter{})
	again := jobs.Attempt{Number: 1, Job: w.job(page.Items[0].JobID)}
	if err := w.sender.deliver(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	got := v.all()
	if len(got) != 2 || got[0].head.Get("webhook-id") != got[1].head.Get("webhook-id") || !bytes.Equal(got[0].body, got[1].body) {
		t.Errorf("%d messages: %v", len(got), got)
	}
}

// A message that is received while the process stops is known to be received.
func TestStoppingIsNotAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	release := make(chan struct{})
	v := newReceiver(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			stop()
			<-release
		}
	})
	defer close(release)
	id, _ := w.hook(v.URL, uuid.Nil)
	w.customer()
	w.plan()
	fan := w.queue[0]
	w.queue = nil
	if err := w.sender.fanOut(t.Context(), fan); err != nil {
		t.Fatal(err)
	}
	if err := w.sender.deliver(ctx, w.queue[0]); err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
	same(t, 0, len(w.deliveries(id)))
	if since, _, err := w.sender.health(t.Context(), "main", id); since != nil || err != nil {
		t.Errorf("failing since %v, %v", since, err)
	}
}
