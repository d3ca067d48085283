package projections

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/projections/engine"
)

// auditedWorld has a business's history in it, part of it done by another in the boss's name.
func auditedWorld(t *testing.T) (w *world, a, first, boss uuid.UUID) {
	w = newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	first = w.invoice(a, "2026-05-01", "2026-06-01", 1_000, true)
	boss = w.by.Actor.ID
	w.by.Actor = envelope.Actor{Kind: envelope.Staff, ID: uuid.New(), Impersonator: &boss}
	w.invoice(b, "2026-05-02", "2026-06-01", 2_000, true)
	w.posted()
	w.ok(w.VoidInvoice(w.ctx(), w.by, first, invoice.Void{Because: why}))
	w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Ann"}}))
	w.settle()
	return w, a, first, boss
}

// history is all that a filter finds, two events at a time.
func (w *world) history(tenant string, f HistoryFilter) (all []HistoryEvent) {
	w.t.Helper()
	auditor := Viewer{Tenant: tenant, Kind: envelope.Auditor, ID: uuid.New()}
	for f.Limit = 2; ; {
		p := get[HistoryPage](w.t)(w.q.GetHistory(w.t.Context(), auditor, f))
		all = append(all, p.Events...)
		if f.After = p.Next; !p.More {
			return all
		}
	}
}

func typesOf(events []HistoryEvent) (out []string) {
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// An auditor finds who did what, when, from where and why, by stream, customer, actor,
// type and time, in the order of the log, and goes on where a page ended.
func TestHistory(t *testing.T) {
	w, a, first, boss := auditedWorld(t)
	ask := func(f HistoryFilter) []HistoryEvent { return w.history("acme", f) }
	stream := string(eventstore.Stream("acme", "invoice", first.String()))
	of := ask(HistoryFilter{Stream: stream})
	same(t, []string{"invoice.issued", "invoice.published", "invoice.voided"}, typesOf(of))
	void := of[2]
	if void.Actor.ID != w.by.Actor.ID || void.Origin.IP != "192.0.2.7" || void.Reason == nil || void.Reason.Code != "test" ||
		void.Command != "VoidInvoice" || void.OccurredAt.IsZero() || *void.CustomerID != a {
		t.Errorf("got %+v", void)
	}
	var was struct {
		Gross int64 `json:"gross"`
	}
	if err := json.Unmarshal(of[0].Data, &was); err != nil || was.Gross != 1_000 {
		t.Errorf("%s, %v", of[0].Data, err)
	}
	added := ask(HistoryFilter{Type: "contact.added"})
	var person struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(added[0].Data, &person); err != nil || person.Name != "Ann" || len(added) != 1 {
		t.Errorf("%s, %v", added[0].Data, err)
	}
	same(t, []string{"invoice.issued", "invoice.published", "account.opened", "account.invoice_posted", "account.invoice_reversed", "invoice.voided", "contact.added"},
		typesOf(ask(HistoryFilter{CustomerID: a}))[1:])
	whole := ask(HistoryFilter{})
	policies := len(ask(HistoryFilter{ActorID: policyActor(whole)}))
	as := len(ask(HistoryFilter{ActorID: w.by.Actor.ID}))
	if n := len(ask(HistoryFilter{ActorID: boss})); policies == 0 || as == 0 || n != len(whole)-policies {
		t.Errorf("of %d events %d are the policies', %d done as another, and %d the boss's", len(whole), policies, as, n)
	}

	if got := w.history("rival", HistoryFilter{Stream: stream}); len(got) != 0 {
		t.Errorf("another tenant's auditor reads %v", typesOf(got))
	}
}

// All of it is the log, in its order; two periods that meet are all of it.
func TestHistoryIsTheLog(t *testing.T) {
	w, _, _, _ := auditedWorld(t)
	ask := func(f HistoryFilter) []HistoryEvent { return w.history("acme", f) }
	whole, last := ask(HistoryFilter{}), eventstore.Position{}
	for _, e := range whole {
		at, err := eventstore.ParsePosition(e.Position)
		if err != nil || !last.Before(at) {
			t.Fatalf("%s comes after %s", e.Position, last)
		}
		last = at
	}
	page, err := w.Store.ReadAll(t.Context(), eventstore.Position{}, 1000)
	if err != nil || len(page.Events) != len(whole) {
		t.Errorf("%d events of %d, %v", len(whole), len(page.Events), err)
	}
	mid := whole[len(whole)/2].RecordedAt
	before, after := ask(HistoryFilter{To: mid}), ask(HistoryFilter{From: mid})
	same(t, typesOf(whole), append(typesOf(before), typesOf(after)...))
	for _, e := range after {
		if e.RecordedAt.Before(mid) {
			t.Errorf("%s is before %s", e.RecordedAt, mid)
		}
	}
}

// Who acted with an API key of their own has its name beside the id; nobody else has one,
// not even by the same id elsewhere.
func TestHistoryNamesKeys(t *testing.T) {
	w := newWorld(t)
	key := uuid.New()
	r, _, err := w.IssueAPIKey(w.ctx(), w.by, key, apikey.Issue{Name: "Back office", Role: "staff"})
	w.ok(r, err)
	operator := w.by.Actor.ID
	w.by.Actor.ID = key
	a := w.customer("A")
	w.ok(w.RevokeAPIKey(w.ctx(), w.by, key, apikey.Revoke{Because: why}))
	w.settle()
	for _, e := range w.history("acme", HistoryFilter{}) {
		want := map[uuid.UUID]string{key: "Back office", operator: ""}[e.Actor.ID]
		if e.ActorName != want {
			t.Errorf("%s by %+v: %q, want %q", e.Type, e.Actor, e.ActorName, want)
		}
	}
	text := string(get[[]byte](t)(json.Marshal(w.history("acme", HistoryFilter{CustomerID: a})[0])))
	if !strings.Contains(text, `"actor_name":"Back office"`) {
		t.Error(text)
	}
	text = string(get[[]byte](t)(json.Marshal(w.history("acme", HistoryFilter{Type: "api_key.issued"})[0])))
	if strings.Contains(text, "actor_name") {
		t.Error(text)
	}
	w.enter("rival", "Europe/Paris")
	w.by.Actor.ID = key
	w.customer("B")
	w.settle()
	for _, e := range w.history("rival", HistoryFilter{}) {
		if e.ActorName != "" {
			t.Errorf("a rival reads %+v", e)
		}
	}
	w.Codec.Keys.(*keyring.Memory).Erase("acme", key)
	// The live tables still hold the name: a comparison would hold the new ones back.
	if err := w.engine.RebuildAnyway(w.ctx(), Access.Name, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(engine.PointerFor) // while queries may go on reading the build before
	if e := w.history("acme", HistoryFilter{CustomerID: a})[0]; e.ActorName != "" {
		t.Errorf("erased, and still %q", e.ActorName)
	}
}

// policyActor is who acts for Portico itself.
func policyActor(events []HistoryEvent) uuid.UUID {
	for _, e := range events {
		if e.Actor.Kind == envelope.System {
			return e.Actor.ID
		}
	}
	return uuid.Nil
}
