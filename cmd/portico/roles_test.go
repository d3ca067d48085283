package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// Of two servers one answers requests and the other does the work. Own changes show, and without
// the other they wait: nothing is lost, and nothing old is passed off as new.
func TestAServerDoesWhatItsRoleSays(t *testing.T) {
	t.Parallel()
	c := newDatabase(t)
	c.roles = [2]string{"api", "react,project"}
	c.begin()
	p := c.payer()
	for range 5 {
		position := p.pay(0)
		if count, got := p.shown(0, "Portico-Position", position); count != p.paid || got.stale() {
			t.Errorf("%d of %d payments, %d %v", count, p.paid, got.status, got.header)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/openapi.json": 404, "/v1/customers": 404, "/": 404} {
		r, err := http.Get(c.nodes[1].address + path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != want {
			t.Errorf("%s of the one without api: %d", path, r.StatusCode)
		}
	}
	if got := c.ask(1, c.staff, http.MethodGet, "/v1/customers", ""); got.body["code"] != "route.shut" {
		t.Errorf("%v", got.body)
	}
	want := []string{fmt.Sprint(c.nodes[0].Process.Pid, " api"), fmt.Sprint(c.nodes[1].Process.Pid, " project,react")}
	if diff := cmp.Diff(want, c.rows(`select split_part(name, '/', 2) || ' ' || roles from es.processes order by roles`)); diff != "" {
		t.Errorf("processes: %s", diff)
	}
	want = []string{fmt.Sprint(c.nodes[1].Process.Pid)}
	const owners = `select distinct split_part(owner, '/', 2) from (select owner from pj.lane union select owner from portico.consumers) o where owner is not null`
	if diff := cmp.Diff(want, c.rows(owners)); diff != "" {
		t.Errorf("who works: %s", diff)
	}

	_ = c.nodes[1].Process.Kill()
	_ = c.nodes[1].Wait()
	position := p.pay(0)
	if count, got := p.shown(0, "Portico-Position", position); !got.stale() {
		t.Errorf("nobody folds: %d of %d payments, %d %v", count, p.paid, got.status, got.header)
	}
	c.roles[1] = "project"
	c.start(1, "127.0.0.1:0")
	c.roles[1] = "react"
	c.nodes[1] = &server{}
	c.start(1, "127.0.0.1:0")
	soon(t, "the payment shows", func() bool {
		count, got := p.shown(0, "Portico-Position", position)
		return count == p.paid && !got.stale()
	})
	soon(t, "jobs are done", func() bool { return len(c.rows(`select kind from portico.jobs where state = 'done'`)) > 0 })
}

func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 20 s: %s", what)
		}
	}
}

func TestRolesAreRefusedThatAreNone(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"--role=web", "--role=", "--role=api --sample"} {
		out, err := portico(t, dataDir(t), append([]string{"serve", "--addr", "127.0.0.1:0"}, strings.Fields(given)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--role") {
			t.Errorf("%s: %s, %v", given, out, err)
		}
	}
}

// rows is what a query answers, of one text column.
func (c *cluster) rows(sql string) []string {
	c.t.Helper()
	db, err := pgx.Connect(c.t.Context(), c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close(c.t.Context())
	found, _ := db.Query(c.t.Context(), sql) // its error is in found
	all, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}
