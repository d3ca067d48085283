package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
)

var somebody = By{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Origin: envelope.Origin{Channel: envelope.ChannelCLI}, Reason: "the server is back"}

func (w *world) set(state string, id uuid.UUID) {
	w.t.Helper()
	if _, err := w.db.Exec(w.t.Context(), `update portico.jobs set state = $1, attempts = 3, ended_at = now() where id = $2`, state, id); err != nil {
		w.t.Fatal(err)
	}
}

// What people may do about a job depends on its state, and who did it is kept.
func TestWhatPeopleMayDoAboutAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ state, retry, cancel string }{
		{"queued", "", ""}, {"running", "job.running", "job.running"}, {"done", "job.done", "job.done"}, {"dead", "", ""}, {"cancelled", "", "job.cancelled"},
	} {
		for act, want := range map[string]string{"retry": c.retry, "cancel": c.cancel} {
			id := w.insert("x.do", 1)[0].ID
			w.set(c.state, id)
			do := map[string]func(context.Context, By, uuid.UUID) error{"retry": w.jobs.Retry, "cancel": w.jobs.Cancel}[act]
			if err := do(t.Context(), somebody, id); domain.CodeOf(err) != want {
				t.Errorf("%s when %s: %v, want %q", act, c.state, err, want)
			}
			got, err := w.jobs.Show(t.Context(), "main", id)
			if err != nil {
				t.Fatal(err)
			}
			if want != "" {
				if got.State != c.state || len(got.Acts) != 0 {
					t.Errorf("%s when %s was refused, and left %+v", act, c.state, got)
				}
				continue
			}
			if now := map[string]string{"retry": "queued", "cancel": "cancelled"}[act]; got.State != now || len(got.Acts) != 1 || got.Acts[0].ActorID != somebody.Actor.ID ||
				got.Acts[0].Was != c.state || got.Acts[0].Reason != somebody.Reason || act == "retry" && got.Attempts != 0 {
				t.Errorf("%s when %s left %+v", act, c.state, got)
			}
		}
	}
	for _, tenant := range []string{"main", "other"} {
		by := somebody
		by.Tenant = tenant
		id := uuid.New()
		if tenant == "other" {
			id = w.insert("x.do", 1)[0].ID
		}
		if err := w.jobs.Cancel(t.Context(), by, id); domain.CodeOf(err) != "job.unknown" {
			t.Errorf("another's job, or none: %v", err)
		}
	}
}

func TestARetriedJobIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := true
	k := Kind{Name: "x.do", Do: func(context.Context, Attempt) error {
		if broken {
			return errors.New("no")
		}
		return nil
	}}
	id := w.insert("x.do", 1)[0].ID
	q := w.queue("one", k)
	q.Store = w.jobs
	w.run(&Runner{Queue: q})
	w.eventually("it is dead", func() bool { return count(t, w.db, "state = 'dead'") == 1 })
	broken = false
	if err := w.jobs.Retry(t.Context(), somebody, id); err != nil {
		t.Fatal(err)
	}
	w.eventually("it is done", func() bool { return count(t, w.db, "state = 'done' and error is null") == 1 })
}

// Pages show each job once, newest first, and filters leave out what they say.
func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 7 {
		id := w.insert(fmt.Sprint("kind.", i%2), 1)[0].ID
		if i < 3 {
			w.set("dead", id)
		}
	}
	for _, c := range []struct {
		f Filter
		n int
	}{
		{Filter{}, 7}, {Filter{State: "dead"}, 3}, {Filter{Kind: "kind.1"}, 3}, {Filter{State: "dead", Kind: "kind.1"}, 1},
		{Filter{State: "running"}, 0}, {Filter{Route: uuid.New()}, 0}, {Filter{State: "done"}, 0}, {Filter{State: "cancelled"}, 0}, {Filter{State: "queued"}, 4},
	} {
		c.f.Tenant, c.f.Limit = "main", 2
		seen := map[uuid.UUID]bool{}
		for more := true; more; more = c.f.Cursor != "" {
			page, next, err := w.jobs.List(t.Context(), c.f)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range page {
				if seen[r.ID] || i > 0 && page[i-1].MadeAt.Before(r.MadeAt) {
					t.Errorf("%+v: %s again, or out of order", c.f, r.ID)
				}
				seen[r.ID] = true
			}
			c.f.Cursor = next
		}
		if len(seen) != c.n {
			t.Errorf("%+v lists %d, want %d", c.f, len(seen), c.n)
		}
	}
	for _, f := range []Filter{{Cursor: "x"}, {Cursor: "eCB5"}, {State: "x"}} {
		if _, _, err := w.jobs.List(t.Context(), f); err == nil || domain.CodeOf(err) == "internal" {
			t.Errorf("%+v: %v", f, err)
		}
	}
	counts, err := w.jobs.Counts(t.Context())
	if err != nil || len(counts) != 4 {
		t.Errorf("counts %v, %v", counts, err)
	}
}

// Only what nothing could insert again is forgotten.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	parent := func(state string) Job {
		p := w.insert("parent", 1)[0]
		w.set(state, p.ID)
		return p
	}
	old := map[string]uuid.UUID{}
	child := func(name string, of Job) {
		c := of.Child("child", name, name)
		if err := w.jobs.Insert(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		w.set("done", c.ID)
		old[name] = c.ID
	}
	for _, state := range []string{"done", "dead", "queued", "cancelled"} {
		child("of a "+state+" one", parent(state))
	}
	lone := some("lone", 3)
	if err := w.jobs.Insert(t.Context(), lone...); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"done", "of an event set aside", "dead"} {
		old[name] = lone[i].ID
		w.set("done", lone[i].ID)
	}
	w.set("dead", old["dead"])
	exec(`insert into portico.policy_refusals (consumer, event_id, stream, pos, code, message) values ('jobs', $1, 's', '1.0', 'c', 'm')`, lone[1].Causation)
	exec(`update portico.jobs set made_at = made_at - interval '100 days', ended_at = ended_at - interval '91 days'`)
	exec(`update portico.jobs set ended_at = now() where kind = 'parent'`)
	recent := w.insert("recent", 1)[0].ID
	w.set("done", recent)
	old["recent"] = recent
	if n, err := w.jobs.Forget(t.Context()); err != nil || n != 2 {
		t.Errorf("forgot %d, %v", n, err)
	}
	gone := map[string]bool{"of a done one": true, "done": true}
	for name, id := range old {
		if is := count(t, w.db, "id = '"+id.String()+"'") == 0; is != gone[name] {
			t.Errorf("%s: forgotten %v, want %v", name, is, gone[name])
		}
	}
}
