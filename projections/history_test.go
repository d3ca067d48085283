package projections

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
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

// policyActor is who acts for Portico itself.
func policyActor(events []HistoryEvent) uuid.UUID {
	for _, e := range events {
		if e.Actor.Kind == envelope.System {
			return e.Actor.ID
		}
	}
	return uuid.Nil
}
