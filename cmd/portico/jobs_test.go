package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/jobs"
	"portico/internal/pgtest"
)

// everyEvent wires work that only this test has: a job for each event about a customer.
func (a *app) everyEvent(do jobs.Handler) {
	k := jobs.Kind{Name: "test.note", Past: true, AtOnce: 16, Do: do}
	a.feeder.Plans = append(a.feeder.Plans, jobs.Plan{Of: []string{"customer.registered"}, Jobs: func(e envelope.Event) []jobs.Job { return []jobs.Job{jobs.For(e, k.Name, e.Type)} }})
	a.feeder.Kinds = append(a.feeder.Kinds, k)
	a.runner.Queue.Kinds = append(a.runner.Queue.Kinds, k)
}

// settleJobs waits until all that is in the log is planned and done, or dead.
func (a *app) settleJobs(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	head, err := a.store.Head(ctx)
	if err == nil {
		err = a.feeder.Settle(ctx, head)
	}
	if err != nil {
		left, _, _ := a.jobs.List(t.Context(), jobs.Filter{Tenant: firstTenant, State: "queued"})
		t.Fatalf("%v: %+v", err, left)
	}
}

// Pitfall 19: rebuilding every read model leaves the jobs as they are, and repeats no effect.
func TestARebuildRepeatsNoEffect(t *testing.T) {
	a, _ := business(t)
	var effects atomic.Int64
	a.everyEvent(func(context.Context, jobs.Attempt) error { effects.Add(1); return nil })
	stop, err := a.work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	running := a.run(allRoles)
	defer running()
	a.settleJobs(t)
	was, all := effects.Load(), a.allJobs(t)
	if was == 0 || !strings.Contains(all, "test.note") {
		t.Fatalf("%d effects: nothing would be proved", was)
	}
	for _, g := range groupNames() {
		if err := a.engine.Rebuild(t.Context(), g, func(uint64, uint64) {}); err != nil {
			t.Fatal(err)
		}
	}
	a.settleJobs(t)
	if now := effects.Load(); now != was || a.allJobs(t) != all {
		t.Errorf("%d effects before the rebuild and %d after; the table is the same: %v", was, now, a.allJobs(t) == all)
	}
}

// allJobs is the whole table.
func (a *app) allJobs(t *testing.T) (all string) {
	t.Helper()
	if err := a.pool.QueryRow(t.Context(), `select coalesce(string_agg(j::text, E'\n' order by id), '') from portico.jobs j`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// An operator sees what is dead, has it tried again, or gives it up.
func TestOperatorsLookAfterJobs(t *testing.T) {
	a, s := business(t)
	var broken atomic.Bool
	broken.Store(true)
	a.everyEvent(func(context.Context, jobs.Attempt) error {
		if broken.Load() {
			return jobs.Permanent(fmt.Errorf("no such server"))
		}
		return nil
	})
	stop, err := a.work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer a.run(allRoles)() // those who are told of webhooks wait for it
	a.settleJobs(t)
	var listed struct{ Items []jobs.Row }
	read := func(state string) int {
		t.Helper()
		if err := json.Unmarshal([]byte(s.must(t, "jobs", "list", "--state", state, "--kind", "test.note", "--limit", "1000", "--json")), &listed); err != nil {
			t.Fatal(err)
		}
		return len(listed.Items)
	}
	dead := read("dead")
	if dead < 2 {
		t.Fatalf("%d dead jobs", dead)
	}
	id := listed.Items[0].ID.String()
	if text := s.must(t, "jobs", "list", "--state", "dead", "--limit", "1"); !strings.Contains(text, id) || !strings.Contains(text, "no such server") || !strings.Contains(text, "--cursor ") {
		t.Errorf("list says %s", text)
	}
	s.must(t, "jobs", "cancel", id, "--reason", "told them by phone")
	if text := s.must(t, "jobs", "show", id); !strings.Contains(text, "cancelled") || !strings.Contains(text, "told them by phone") || !strings.Contains(text, "no such server") {
		t.Errorf("show says %s", text)
	}
	broken.Store(false)
	s.must(t, "jobs", "retry", "--all", "--reason", "it is back")
	a.settleJobs(t)
	if done, left := read("done"), read("dead"); done != dead-1 || left != 0 {
		t.Errorf("after a retry of %d dead ones: %d done, %d dead", dead-1, done, left)
	}
	pgtest.Exec(t, s.databaseURL, `insert into portico.policy_refusals (consumer, event_id, stream, pos, code, message) values ('jobs', gen_random_uuid(), 'main.customer-x', '1.0', 'unreadable', 'no key')`)
	if text := s.must(t, "jobs", "unplanned"); !strings.Contains(text, "no key") {
		t.Errorf("unplanned says %s", text)
	}
}

// An event that jobs were not made of is listed with what other consumers have set aside:
// whoever retries all of that has its jobs made, and not only the entry gone.
func TestPoliciesRetryPlansJobs(t *testing.T) {
	a, s := business(t)
	a.everyEvent(func(context.Context, jobs.Attempt) error { return nil })
	if err := a.feeder.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, s.databaseURL, `insert into portico.policy_refusals (consumer, event_id, stream, pos, code, message)
		select 'jobs', e.id, s.name, '1.0', 'unreadable', 'no key' from es.events e join es.streams s using (stream_no) where e.type = 'customer.registered' order by e.pos limit 1`)
	open, err := a.policies.Subscriber.Refusals(t.Context(), jobs.Consumer)
	if err != nil || len(open) != 1 {
		t.Fatalf("%+v, %v", open, err)
	}
	if err := a.retry(t.Context(), open[0]); err != nil {
		t.Fatal(err)
	}
	if all := a.allJobs(t); strings.Count(all, "test.note") != 1 {
		t.Errorf("jobs: %s", all)
	}
	if left, err := a.feeder.Unplanned(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

// A feeder that does not get on is seen by how old the first event is that it has not planned.
func TestTheFeedersLagShows(t *testing.T) {
	a, _ := business(t)
	if err := a.feeder.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	head := a.head(t)
	p, err := a.feederProgress(t.Context(), eventstore.Position{Hi: head})
	if err != nil || p.Lag <= 0 || p.Events != head {
		t.Errorf("%+v, %v", p, err)
	}
}
