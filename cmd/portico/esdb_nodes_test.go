package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	esnode "portico/internal/eventstore/eventstoredb/node"
)

// Two servers whose log is in EventStoreDB share the work as two over PostgreSQL do, and take it
// over from each other. Its node goes away and comes back under them.
func TestTwoServersOverEventStoreDB(t *testing.T) {
	t.Parallel()
	n, err := esnode.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	c := newDatabase(t)
	c.flags = []string{"--event-store", n.URL()}
	c.begin()
	idle := c.readsOwnWrites(times(80), inTurn)
	if t.Logf("idle: %v", idle); idle.right.Load() < int64(times(80))*9/10 {
		t.Errorf("too few are right: %v", idle)
	}

	p := c.payer()
	p.pay(0)
	contact, _ := c.do(0, "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Jo","grants":[{"module":"invoices","actions":["view"]}]}`, p.id)).body["id"].(string)
	made := c.do(0, "/v1/api-keys", fmt.Sprintf(`{"name":"jo","contact_id":%q,"role":"contact"}`, contact))
	jo, _ := made.body["token"].(string)
	if got := c.ask(0, jo, "GET", "/v1/invoices", "", "Portico-Position", made.header.Get("Portico-Position")); got.status != 200 {
		t.Errorf("a contact: %d %v", got.status, got.body)
	}
	n.Stop()
	began := time.Now() // nobody is let in on trust, and nobody waits for ever
	if got := c.ask(0, jo, "GET", "/v1/invoices", ""); got.status != 503 || got.body["code"] != "store.unavailable" || time.Since(began) > 5*time.Second {
		t.Errorf("a contact without a store: %d %v after %v", got.status, got.body, time.Since(began))
	}
	got := c.ask(0, c.staff, "POST", "/v1/customers/"+p.id+"/accounts/GBP/payments", `{"amount":{"minor":1,"currency":"GBP"},"method":"cash"}`)
	if got.status != 503 || got.body["code"] != "store.unavailable" {
		t.Errorf("without a store: %d %v", got.status, got.body)
	}
	if _, got := p.shown(0); got.status != 200 {
		t.Errorf("a balance without a store: %d %v", got.status, got.body)
	}
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	soon(t, "commands are taken again", func() bool {
		return c.ask(0, c.staff, "POST", "/v1/customers/"+p.id+"/accounts/GBP/payments", `{"amount":{"minor":1,"currency":"GBP"},"method":"cash"}`).status < 300
	})

	q := c.payer()
	if err := c.nodes[1].Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.nodes[1].Wait()
	killed := time.Now()
	position := q.pay(0)
	soon(t, "the other has taken over", func() bool {
		count, got := q.shown(0, "Portico-Position", position)
		return count == q.paid && !got.stale()
	})
	if took := time.Since(killed); took > 12*time.Second { // it waits for up to 2 s with each look
		t.Errorf("taken over after %v", took)
	}
	if out := c.run("projections", "verify"); strings.Count(out, ", 0 differences") != 4 {
		t.Errorf("verify: %s", out)
	}
	if out := c.run("log", "verify"); !strings.Contains(out, " 0 findings") {
		t.Errorf("verify: %s", out)
	}
}
