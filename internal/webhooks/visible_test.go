package webhooks

import (
	"encoding/json"
	"flag"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain/access"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/jobs"
	"portico/projections"
)

// A customer's system is told of its own events only, and of documents only once its
// contacts see them (I3); the business's is told of all. Whatever the order of what happens.
func TestACustomersSystemIsToldWhatItsContactsMaySee(t *testing.T) {
	w := newWorld(t)
	var got []told
	v := newReceiver(t, nil)
	own, _ := w.hook(v.URL+"/own", uuid.Nil)
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set("30")
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, func(r *rapid.T) {
		customers := []uuid.UUID{w.customer(), w.customer()}
		hooks := map[string]uuid.UUID{own.String(): uuid.Nil}
		for _, c := range customers {
			id, _ := w.hook(v.URL+"/theirs", c)
			hooks[id.String()] = c
		}
		w.plan()
		w.queue = nil
		v.reset()
		hidden, shut := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
		for range rapid.IntRange(1, 6).Draw(r, "steps") {
			c := rapid.SampledFrom(customers).Draw(r, "customer")
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				w.invoice(c, true)
			case 1:
				hidden[w.invoice(c, false)] = true
			case 2:
				w.pay(c) // of what is hidden, too
			case 3:
				id := w.invoice(c, rapid.Bool().Draw(r, "published"))
				w.ok(w.OpenInvoiceDispute(w.t.Context(), w.by, id, invoice.OpenDispute{Text: "why"}))
				w.ok(w.VoidInvoice(w.t.Context(), w.by, id, invoice.Void{Release: true, Because: because}))
			case 4:
				if !shut[c] {
					shut[c] = true
					w.ok(w.SwitchCustomerPortal(w.t.Context(), w.by, c, customer.SwitchPortal{On: false, Because: because}))
				}
			}
		}
		w.plan()
		if errs := w.do(); len(errs) > 0 {
			r.Fatal(errs)
		}
		got = w.told(r, v)
		n := 0
		for _, m := range got {
			of := hooks[m.hook]
			if of == uuid.Nil {
				n++
				continue
			}
			if m.customer != of || shut[of] {
				r.Errorf("%s of %s was told to %s, whose portal is shut: %t", m.kind, m.customer, of, shut[of])
			}
			for _, id := range m.invoices {
				whole := access.Whole(of)
				contact := projections.Viewer{Tenant: "main", Kind: envelope.Contact, Standing: &whole}
				if _, err := w.sender.Queries.GetInvoice(w.t.Context(), contact, id); err != nil {
					r.Errorf("%s says %s, which contacts do not see: %v", m.kind, id, err)
				}
			}
		}
		if n == 0 {
			r.Error("the business was told nothing")
		}
		for _, c := range customers { // nobody is left for the next world
			for hook, of := range hooks {
				if of == c {
					w.ok(w.endpoints.Remove(w.t.Context(), w.by, uuid.MustParse(hook), webhook.Remove{Because: because}))
				}
			}
		}
	})
	if !slices.ContainsFunc(got, func(m told) bool { return m.hook != "" }) {
		t.Error("nothing was told in the last world")
	}
}

// told is a message with what it gives away.
type told struct {
	kind, hook string
	customer   uuid.UUID
	invoices   []uuid.UUID
}

func (w *world) told(r *rapid.T, v *receiver) (all []told) {
	for _, m := range v.all() {
		var e struct {
			Type       string
			CustomerID uuid.UUID
			Data       struct {
				InvoiceID uuid.UUID `json:"invoice_id"`
			}
		}
		if err := json.Unmarshal(m.body, &e); err != nil {
			r.Fatal(err)
		}
		one := told{kind: e.Type, customer: e.CustomerID}
		if err := w.db.QueryRow(w.t.Context(), `select webhook_id::text from portico.webhook_deliveries where message_id = $1 limit 1`, m.head.Get("webhook-id")).Scan(&one.hook); err != nil {
			r.Fatal(err)
		}
		if e.Data.InvoiceID != uuid.Nil {
			one.invoices = append(one.invoices, e.Data.InvoiceID)
		}
		all = append(all, one)
	}
	return all
}

// A customer is told of a payment, and of a published invoice, and of nothing else here.
func TestACustomersSystemIsToldSomething(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	ours, theirs := w.customer(), w.customer()
	w.hook(v.URL, ours)
	w.plan()
	w.queue = nil
	w.invoice(ours, true)
	w.invoice(theirs, true)
	w.invoice(ours, false)
	w.pay(theirs)
	w.plan()
	same(t, 0, len(w.do()))
	same(t, []string{"portico.invoice.published.v1"}, kinds(t, v))
	w.pay(ours)
	w.plan()
	same(t, 0, len(w.do()))
	same(t, []string{"portico.invoice.published.v1", "portico.payment.allocated.v1", "portico.payment.received.v1"}, kinds(t, v))
}

// What was to be told, and may not be any more when its turn comes, is not.
func TestWhatIsHiddenMeanwhileIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, script(status(500), status(200)))
	c := w.customer()
	id, _ := w.hook(v.URL, c)
	w.plan()
	w.queue = nil
	w.invoice(c, true)
	w.plan()
	same(t, 1, len(w.do()))
	w.ok(w.SwitchCustomerPortal(t.Context(), w.by, c, customer.SwitchPortal{On: false, Because: because}))
	same(t, 0, len(w.do()))
	same(t, []string{"failed 500", "skipped"}, w.deliveries(id))
}

// A customer's system is told as little as its contacts are shown: without the fields that the
// business hides (S1.41), and nothing of modules that are off (S1.36).
func TestACustomersSystemIsToldNoHiddenFieldAndNothingOfAClosedModule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, theirs := newReceiver(t, nil), newReceiver(t, nil)
	c := w.customer()
	w.hook(own.URL, uuid.Nil, "portico.payment.received.v1")
	w.hook(theirs.URL, c)
	w.ok(w.SetFieldVisibility(t.Context(), w.by, tenant.SetFieldVisibility{Field: access.Field{Entity: "payment", Name: "method"}}))
	w.plan()
	w.queue = nil
	w.pay(c)
	w.plan()
	same(t, 0, len(w.do()))
	method := func(v *receiver) (said []string) {
		for _, m := range v.all() {
			var e struct{ Data struct{ Method string } }
			if err := json.Unmarshal(m.body, &e); err != nil {
				t.Fatal(err)
			}
			said = append(said, e.Data.Method)
		}
		return said
	}
	same(t, []string{""}, method(theirs))
	if said := method(own); len(said) != 1 || said[0] == "" {
		t.Errorf("the business is told %q", said)
	}
	w.ok(w.SetModuleAvailability(t.Context(), w.by, tenant.SetModuleAvailability{Module: access.Account, Available: false, Because: because}))
	w.pay(c)
	w.plan()
	same(t, 0, len(w.do()))
	same(t, 1, len(theirs.all()))
	same(t, 2, len(own.all()))
}

func TestWhoeverComesLaterIsNotToldOfBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	w.customer()
	w.plan()
	queue := w.queue
	id, _ := w.hook(v.URL, uuid.Nil)
	w.plan()
	w.queue = queue
	same(t, 0, len(w.do()))
	same(t, 0, len(v.all()))
	w.customer()
	w.plan()
	w.do()
	same(t, []string{"delivered 200"}, w.deliveries(id))
}

func TestNobodyIsToldOfImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := w.by
	w.by.Origin.Channel = envelope.ChannelImport
	w.customer()
	w.by = by
	w.plan()
	same(t, 0, len(w.queue))
}

func TestAskingTwiceWhoIsToldTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newReceiver(t, nil)
	w.hook(v.URL, uuid.Nil)
	w.hook(v.URL, uuid.Nil, "portico.customer.*")
	w.hook(v.URL, uuid.Nil, "portico.invoice.*")
	w.customer()
	w.plan()
	fan := w.queue[0]
	for range 2 {
		if err := w.sender.fanOut(t.Context(), jobs.Attempt{Job: fan.Job, Number: 1}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, 1+2, len(w.queue))
	w.do()
	same(t, 2, len(v.all()))
}

func kinds(t testing.TB, v *receiver) (all []string) {
	t.Helper()
	for _, m := range v.all() {
		var e struct{ Type string }
		if err := json.Unmarshal(m.body, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Type)
	}
	slices.Sort(all)
	return all
}

// While servers are upgraded, one to which an event is not public yet must not give up
// telling of it.
func TestWhatIsPublicTomorrowIsLeftToTomorrowsServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.hook("https://127.0.0.1/hook", uuid.Nil)
	for _, kind := range w.sender.Kinds() {
		j := jobs.Job{ID: uuid.New(), Tenant: "main", Kind: kind.Name}.Child(kind.Name, "", delivery{WebhookID: id, place: place{Stream: eventstore.Stream("main", "webhook", id.String())}})
		if err := kind.Do(t.Context(), jobs.Attempt{Job: j, Number: 1}); err == nil || jobs.IsPermanent(err) {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}
