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

// An auditor finds who did what, when, from where and why, by stream, customer, actor,
// type and time, in the order of the log, and goes on where a page ended.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	first := w.invoice(a, "2026-05-01", "2026-06-01", 1_000, true)
	boss := w.by.Actor.ID
	w.by.Actor = envelope.Actor{Kind: envelope.Staff, ID: uuid.New(), Impersonator: &boss}
	second := w.invoice(b, "2026-05-02", "2026-06-01", 2_000, true)
	w.posted()
	w.ok(w.VoidInvoice(w.ctx(), w.by, first, invoice.Void{Because: why}))
	ann := w.ok(w.AddContact(w.ctx(), w.by, uuid.Nil, contact.Add{CustomerID: a, Details: contact.Details{Name: "Ann"}}))
	w.settle()
	auditor := Viewer{Tenant: "acme", Kind: envelope.Auditor, ID: uuid.New()}
	ask := func(f HistoryFilter) (all []HistoryEvent) {
		t.Helper()
		for f.Limit = 2; ; {
			p := get[HistoryPage](t)(w.q.GetHistory(t.Context(), auditor, f))
			all = append(all, p.Events...)
			if f.After = p.Next; !p.More {
				return all
			}
		}
	}
	types := func(events []HistoryEvent) (out []string) {
		for _, e := range events {
			out = append(out, e.Type)
		}
		return out
	}
	stream := string(eventstore.Stream("acme", "invoice", first.String()))
	of := ask(HistoryFilter{Stream: stream})
	same(t, []string{"invoice.issued", "invoice.published", "invoice.voided"}, types(of))
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
		types(ask(HistoryFilter{CustomerID: a}))[1:])
	whole := ask(HistoryFilter{})
	policies := len(ask(HistoryFilter{ActorID: policyActor(whole)}))
	as := len(ask(HistoryFilter{ActorID: w.by.Actor.ID}))
	if n := len(ask(HistoryFilter{ActorID: boss})); policies == 0 || as == 0 || n != len(whole)-policies {
		t.Errorf("of %d events %d are the policies', %d done as another, and %d the boss's", len(whole), policies, as, n)
	}

	last := eventstore.Position{}
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
	same(t, types(whole), append(types(before), types(after)...))
	for _, e := range after {
		if e.RecordedAt.Before(mid) {
			t.Errorf("%s is before %s", e.RecordedAt, mid)
		}
	}
	auditor.Tenant = "rival"
	if got := ask(HistoryFilter{Stream: stream}); len(got) != 0 {
		t.Errorf("another tenant's auditor reads %v", types(got))
	}
	if len(ask(HistoryFilter{ActorID: ann})) != 0 || second == uuid.Nil {
		t.Error("a contact that did nothing has no history")
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
