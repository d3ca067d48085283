package webhooks

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"portico/domain"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/projections"
)

// verifies tells whether a secret is among those that a message was signed with.
func verifies(t testing.TB, m received, secret string) bool {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return hook.VerifyIgnoringTimestamp(m.body, m.head) == nil
}

// Both secrets verify until the old one's time is over, and never after.
func TestWhileSecretsOverlapBothVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	id, first := w.hook(v.URL, uuid.Nil)
	tell := func(after time.Duration) received {
		w.ahead.Add(int64(after))
		w.customer()
		w.plan()
		same(t, 0, len(w.do()))
		all := v.all()
		return all[len(all)-1]
	}
	rotate := func(c webhook.Rotate) string {
		made, err := w.endpoints.Rotate(t.Context(), w.by, id, c)
		if err != nil {
			t.Fatal(err)
		}
		w.secrets = append(w.secrets, made.Secret)
		return made.Secret
	}
	by := func(m received, secrets ...string) (got []bool) {
		for _, s := range secrets {
			got = append(got, verifies(t, m, s))
		}
		return append(got, len(strings.Fields(m.head.Get("webhook-signature"))) == 1)
	}
	same(t, []bool{true, true}, by(tell(0), first))
	second := rotate(webhook.Rotate{})
	same(t, []bool{true, true, false}, by(tell(0), first, second))
	same(t, []bool{true, true, false}, by(tell(23*time.Hour), first, second))
	same(t, []bool{false, true, true}, by(tell(2*time.Hour), first, second))
	third := rotate(webhook.Rotate{})
	none := 0
	fourth := rotate(webhook.Rotate{OverlapHours: &none}) // leaked: all that were are over
	same(t, []bool{false, false, false, true, true}, by(tell(time.Second), first, second, third, fourth))

	w.ok(w.endpoints.Remove(t.Context(), w.by, id, webhook.Remove{Because: because}))
	var left int
	if err := w.db.QueryRow(t.Context(), `select count(*) from portico.webhook_secrets`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d secrets of a webhook that is removed, %v", left, err)
	}
}

// A request whose answer was lost gives another secret out, but never once one is in use.
func TestARepeatedRequestDoesNotChangeASecretInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	by := w.by
	by.CommandID = uuid.New()
	cmd := webhook.Register{Endpoint: webhook.Endpoint{URL: v.URL}}
	var secrets []string
	for range 2 {
		made, err := w.endpoints.Register(t.Context(), by, cmd)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, made.Secret)
	}
	w.customer()
	w.plan()
	w.do()
	if m := v.all()[0]; verifies(t, m, secrets[0]) || !verifies(t, m, secrets[1]) {
		t.Error("the message is not signed with the secret that was answered last")
	}
	made, err := w.endpoints.Register(t.Context(), by, cmd)
	if err != nil || made.Secret != "" || made.Events != 0 {
		t.Errorf("got %+v, %v", made, err)
	}
	_, err = w.endpoints.Rotate(t.Context(), w.by, uuid.New(), webhook.Rotate{})
	same(t, "webhook.unknown", domain.CodeOf(err))
}

func TestASecretIsNowhereButInItsFirstAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, script(status(500), status(200)))
	id, _ := w.hook(v.URL, uuid.Nil)
	made, err := w.endpoints.Rotate(t.Context(), w.by, id, webhook.Rotate{})
	if err != nil {
		t.Fatal(err)
	}
	w.secrets = append(w.secrets, made.Secret)
	w.customer()
	w.plan()
	w.do()
	w.do()
	dump := w.dump()
	if !strings.Contains(dump, id.String()) || !strings.Contains(dump, "webhook.secret_rotated") || !strings.Contains(dump, "webhook not delivered") {
		t.Fatal("the dump does not hold what it should")
	}
	for _, s := range w.secrets {
		raw := key(t, s)
		for _, form := range []string{s, strings.TrimPrefix(s, "whsec_"), base64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(raw), string(raw)} {
			if strings.Contains(dump, form) {
				t.Errorf("a secret shows as %q", form)
			}
		}
	}
	// The control: what is searched for is found where it is.
	if !strings.Contains(dump+hex.EncodeToString(key(t, w.secrets[0])), hex.EncodeToString(key(t, w.secrets[0]))) {
		t.Error("the search finds nothing")
	}
}

// dump is all there is: every row of every table, the whole log, what was logged, and what
// queries answer.
func (w *world) dump() string {
	w.t.Helper()
	var b bytes.Buffer
	rows, _ := w.db.Query(w.t.Context(), `select format('%I.%I', table_schema, table_name) from information_schema.tables
		where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	for _, table := range tables {
		rows, _ := w.db.Query(w.t.Context(), "select to_jsonb(t)::text from "+table+" t") // bytea comes out in hex
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			w.t.Fatal(table, err)
		}
		fmt.Fprintln(&b, table, strings.Join(lines, "\n"))
	}
	page, err := w.store.ReadAll(w.t.Context(), eventstore.Position{}, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Events {
		fmt.Fprintln(&b, r.Type, string(r.Data), string(r.Meta))
	}
	staff := projections.Viewer{Tenant: "main", Kind: envelope.Staff}
	list, err := w.sender.Queries.ListWebhooks(w.t.Context(), staff, projections.WebhookFilter{})
	sent, err2 := w.sender.Queries.ListWebhookDeliveries(w.t.Context(), staff, projections.WebhookDeliveryFilter{})
	if err := errors.Join(err, err2, json.NewEncoder(&b).Encode(list), json.NewEncoder(&b).Encode(sent)); err != nil {
		w.t.Fatal(err)
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return b.String() + w.log.String()
}
