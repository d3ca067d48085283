package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const nine = `{"number":"C-9","legal_name":"Nine Ltd"}`

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func TestARepeatedRequestIsAnsweredTheSameAndDecidedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
	head := w.head()
	again := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
	if again.Body.String() != first.Body.String() || again.Header().Get("Portico-Position") != first.Header().Get("Portico-Position") {
		t.Errorf("first %s, again %s", first.Body, again.Body)
	}
	if again.Header().Get("Idempotent-Replayed") != "true" || first.Header().Get("Idempotent-Replayed") != "" {
		t.Error("only the repetition says that it is one")
	}
	if w.head() != head {
		t.Error("it was decided twice")
	}
	// A refusal is an answer too, whatever has happened since.
	refused := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Other"}`, "Idempotency-Key", "k2")
	if refused.Code != http.StatusConflict {
		t.Fatalf("%d %s", refused.Code, refused.Body)
	}
	repeated := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Other"}`, "Idempotency-Key", "k2")
	if repeated.Body.String() != refused.Body.String() || repeated.Code != refused.Code {
		t.Errorf("refused %s, again %s", refused.Body, repeated.Body)
	}
}

func TestAKeyIsOfOneRequest(t *testing.T) {
	w := newWorld(t)
	w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
	head := w.head()
	w.call("staff", "POST", "/v1/customers", `{"number":"C-8","legal_name":"Eight"}`, "Idempotency-Key", "k1").is(422, "idempotency.key_reused")
	w.call("staff", "POST", "/v1/contractors", `{"name":"X"}`, "Idempotency-Key", "k1").is(422, "idempotency.key_reused")
	if w.head() != head {
		t.Error("something was decided under a used key")
	}
	// Another actor's key of the same text is another key.
	w.call("integration", "POST", "/v1/customers", `{"number":"C-7","legal_name":"Seven"}`, "Idempotency-Key", "k1").is(201, "")
	for _, bad := range []string{"", "a b", "ü", strings.Repeat("x", 201)} {
		w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", bad).is(422, "idempotency.malformed")
	}
}

func TestParallelRepetitionsAreDecidedOnce(t *testing.T) {
	w := newWorld(t)
	head, err := w.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, 16)
	for i := range answers {
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/v1/customers", strings.NewReader(nine))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+w.keys["staff"])
			r.Header.Set("Idempotency-Key", "k1")
			answers[i] = httptest.NewRecorder()
			w.handler.ServeHTTP(answers[i], r)
		})
	}
	wg.Wait()
	bodies := map[string]int{}
	for _, a := range answers {
		switch {
		case a.Code == 201:
			bodies[a.Body.String()]++
		case a.Code != http.StatusConflict || a.Header().Get("Retry-After") == "" || !strings.Contains(a.Body.String(), "idempotency.in_progress"):
			t.Errorf("%d %s", a.Code, a.Body)
		}
	}
	made, err := w.store.ReadAll(t.Context(), head, 100)
	if len(bodies) != 1 || err != nil || len(made.Events) != 2 { // the reservation of the number, and the customer
		t.Errorf("answers %v, %d events, %v", bodies, len(made.Events), err)
	}
}

func TestWhatACrashLeftIsTakenOverWithoutASecondDecision(t *testing.T) {
	w := newWorld(t)
	first := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
	head := w.head()
	crash := func(lease string) {
		w.exec(`update portico.idempotency set state = 'running', status = null, header = null, body = null, lease_until = clock_timestamp() + $1::interval`, lease)
	}
	crash("20 seconds")
	running := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(409, "idempotency.in_progress")
	if running.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	crash("-1 seconds")
	w.call("staff", "POST", "/v1/customers", `{"number":"C-8","legal_name":"Eight"}`, "Idempotency-Key", "k1").is(422, "idempotency.key_reused")
	over := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(200, "")
	if idOf(t, over) != idOf(t, first) || over.Header().Get("Portico-Position") != first.Header().Get("Portico-Position") {
		t.Errorf("first %s, taken over %s", first.Body, over.Body)
	}
	if w.head() != head {
		t.Errorf("%d more events", w.head()-head)
	}
}

func idOf(t *testing.T, a answer) string {
	t.Helper()
	var r struct{ ID string }
	a.into(&r)
	return r.ID
}

func TestOurOwnFailuresAreNotForKeeps(t *testing.T) {
	w := newWorld(t)
	w.store.down.Store(true)
	failed := w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(503, "store.unavailable")
	if failed.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.store.down.Store(false)
	w.call("staff", "POST", "/v1/customers", `{"number":"C-8","legal_name":"Eight"}`, "Idempotency-Key", "k1").is(422, "idempotency.key_reused")
	w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
	// A request that was refused as badly formed may be mended under its key.
	w.call("staff", "POST", "/v1/customers", `{"number":"C-7"}`, "Idempotency-Key", "k2").is(422, "request.invalid")
	w.call("staff", "POST", "/v1/customers", `{"number":"C-7","legal_name":"Seven"}`, "Idempotency-Key", "k2").is(201, "")
}

func TestAClientThatGoesAwayDoesNotStopItsCommand(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequest("POST", "/v1/customers", strings.NewReader(nine)).WithContext(ctx)
	for name, value := range map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + w.keys["staff"], "Idempotency-Key": "k1"} {
		r.Header.Set(name, value)
	}
	w.commands.Clock = func() time.Time { cancel(); return time.Now() }
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	if out.Code != 201 || ctx.Err() == nil {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	w.call("staff", "POST", "/v1/customers", nine, "Idempotency-Key", "k1").is(201, "")
}

func TestASecretIsNotShownAgain(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"robot","role":"integration"}`
	var first, again struct{ ID, Token string }
	w.call("staff", "POST", "/v1/api-keys", body, "Idempotency-Key", "k1").is(201, "").into(&first)
	w.call("staff", "POST", "/v1/api-keys", body, "Idempotency-Key", "k1").is(201, "").into(&again)
	if first.Token == "" || again.Token != "" || first.ID != again.ID {
		t.Errorf("first %+v, again %+v", first, again)
	}
	var stored string
	if err := w.db.QueryRow(t.Context(), `select string_agg(convert_from(body, 'UTF8'), '') from portico.idempotency`).Scan(&stored); err != nil || strings.Contains(stored, "pk_") || !json.Valid([]byte(stored)) {
		t.Errorf("%v %s", err, stored)
	}
}
