package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/invariant"
	"portico/internal/pg"
	"portico/internal/pgserver"
	"portico/internal/pgtest"
)

// pooled are the databases of a pooler that docs/scaling.md describes.
var pooled = map[string]string{
	pg.OwnerRole: "SELECT 1", // the login itself, for migrations
	pg.AppRole:   "SET ROLE portico_app", pg.AppendRole: "SET ROLE portico_append",
	pg.ProjectRole: "SET ROLE portico_project", pg.APIRole: "SET ROLE portico_api",
	pg.ReadRole: "SET ROLE portico_read; SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on; " +
		"SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off",
}

// persist repeats a request under one key until it is definitely answered. What is not is
// refused politely: 503, or no answer at all.
func (p *penny) persist(n int, path, body string, refused *atomic.Int64) reply {
	key := uuid.NewString()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := p.ask(n, p.staff, http.MethodPost, path, body, "Idempotency-Key", key)
		switch {
		case got.status == http.StatusOK || got.status == http.StatusCreated:
			return got
		case got.status != http.StatusServiceUnavailable && got.body["code"] != "idempotency.in_progress" || time.Now().After(end):
			p.t.Errorf("%s: %d %v", path, got.status, got.body)
			return got
		}
		refused.Add(1)
	}
}

// Two servers, the commands beside them and a rebuild of the portal's read models all go through
// PgBouncer in transaction mode, each role by a database of its own, while the database's
// sessions are ended every second (ENGINE pitfall 12). All that suffers is time.
func TestBehindATransactionPoolerAServerWorks(t *testing.T) {
	c := newDatabase(t)
	direct := c.url
	c.url = pgtest.Pooler(t, direct, pooled)("{role}")
	c.begin()
	admin, err := pgx.Connect(t.Context(), c.pg.AdminURL(pgserver.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context()))

	stop := make(chan struct{})
	var refused, stale, reads, invoices atomic.Int64
	var working sync.WaitGroup
	var last sync.Map // invoices of customers
	for client := range 4 {
		p := c.payer()
		working.Go(func() {
			for i := client; ; i++ {
				select {
				case <-stop:
					if p.paid == 0 {
						t.Error("a test of nothing: no payment")
					}
					return
				default:
				}
				pays, asks := inTurn(i)
				if i%5 == 0 {
					made := p.persist(pays, "/v1/invoices", fmt.Sprintf(`{"number":"I-%d","publish":true,"customer_id":%q,"lines":[{"text":"Work","quantity":"1","unit_price":"5"}]}`, invoices.Add(1), p.id), &refused)
					last.Store(p.id, made.body["id"])
				}
				paid := p.persist(pays, "/v1/customers/"+p.id+"/accounts/GBP/payments", `{"amount":{"minor":1,"currency":"GBP"},"method":"cash"}`, &refused)
				p.paid++
				count, got := p.shown(asks, "Portico-Position", paid.header.Get("Portico-Position"))
				reads.Add(1)
				switch {
				case got.stale():
					stale.Add(1)
				case got.status == http.StatusServiceUnavailable:
					refused.Add(1)
				case got.status != http.StatusOK || count != p.paid:
					t.Errorf("after payment %d: %d payments, %d %v", p.paid, count, got.status, got.body)
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	killed := 0
	for range 6 {
		var n int
		if err := admin.QueryRow(t.Context(), `select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		killed += n
		time.Sleep(time.Second)
	}
	c.run("projections", "rebuild", "portal")
	close(stop)
	working.Wait()
	t.Logf("%d reads after own writes, %d of them stale; %d sessions ended, %d requests refused for the time being", reads.Load(), stale.Load(), killed, refused.Load())
	if killed == 0 {
		t.Error("a test of nothing: no session was ended")
	}
	last.Range(func(_, id any) bool {
		c.drawn(fmt.Sprint(id))
		return true
	})

	s, err := invariant.Open(t.Context(), direct, filepath.Join(c.dir, "secrets", "kek"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	report, err := s.Check(t.Context(), nil)
	if err == nil {
		err = report.Err()
	}
	if t.Logf("%d events, %d rows of read models", report.Events, report.Rows); err != nil {
		t.Error(err)
	}
}

// drawn waits until a job has drawn an invoice.
func (c *cluster) drawn(invoice string) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		r, err := http.NewRequest(http.MethodGet, c.nodes[0].address+"/v1/invoices/"+invoice+"/document", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.staff)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			c.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			c.t.Errorf("invoice %s is not drawn: %d", invoice, resp.StatusCode)
			return
		}
	}
}
