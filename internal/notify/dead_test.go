package notify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/tenant"
	"portico/internal/jobs"
	"portico/internal/mail"
)

func jobOf(l letter) jobs.Job {
	payload, _ := json.Marshal(l)
	return jobs.Job{ID: uuid.New(), Tenant: "acme", Kind: mail.Kind, Payload: payload}
}

// await waits for a letter that no event leads to.
func (w *world) await(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if slices.Contains(w.told(), want) {
			return
		}
	}
	t.Fatalf("no %s: %q", want, w.told())
}

// Of jobs that are given up staff hear once an hour for each kind, however many and however
// often they are looked for.
func TestStaffHearOfDeadJobs(t *testing.T) {
	w := newWorld(t)
	w.ok(w.SetNotificationRoute(t.Context(), w.by, tenant.SetNotificationRoute{Topic: "job_dead", Recipients: []string{"ops@acme.example"}}))
	w.settle()
	about := jobs.Job{Tenant: "acme", Correlation: uuid.New(), Causation: uuid.New()}
	for n, kind := range []string{"webhook.deliver", "webhook.deliver", "documents.render", "notify.job_dead", mail.Kind} {
		j := about
		j.ID, j.Kind, j.Payload = uuid.New(), kind, []byte(`{}`)
		if kind == mail.Kind {
			j.Payload = jobOf(letter{Topic: "job_dead"}).Payload
		}
		if err := w.jobs.Insert(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		_ = n
		if _, err := w.db.Exec(t.Context(), `update portico.jobs set state = 'dead', error = E'no\nstack', ended_at = '2026-06-15 10:30Z' where id = $1`, j.ID); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 6, 15, 10, 40, 0, 0, time.UTC)
	for range 3 {
		if err := w.notices.TellOfTheDead(t.Context(), "acme", now); err != nil {
			t.Fatal(err)
		}
	}
	w.await(t, "job_dead to ops@acme.example")
	for end := time.Now().Add(10 * time.Second); len(w.told()) < 2 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	all := w.letters()
	if len(all) != 2 {
		t.Fatalf("%d letters: %+v", len(all), all)
	}
	for _, m := range all {
		if !strings.Contains(m.Text, "no\n") || strings.Contains(m.Text, "stack") || !strings.Contains(m.Text, "portico jobs retry") {
			t.Error(m.Text)
		}
	}
	if err := w.notices.TellOfTheDead(t.Context(), "acme", now.Add(24*time.Hour)); err != nil || len(w.told()) != 2 {
		t.Errorf("old deaths are news: %v, %d", err, len(w.told()))
	}
}

// However many newer jobs were given up before and are still there, staff hear of one that
// took long to be: a mail is tried for two days.
func TestManyDeadJobsHideNone(t *testing.T) {
	w := newWorld(t)
	w.ok(w.SetNotificationRoute(t.Context(), w.by, tenant.SetNotificationRoute{Topic: "job_dead", Recipients: []string{"ops@acme.example"}}))
	w.settle()
	if _, err := w.db.Exec(t.Context(), `insert into portico.jobs (id, tenant, kind, state, payload, route, pos_hi, pos_lo, correlation, causation, due, made_at, ended_at)
		select gen_random_uuid(), 'acme', case when i = 1 then 'mail.send' else 'webhook.deliver' end, 'dead', '{}', '00000000-0000-0000-0000-000000000000', 0, 0,
		  gen_random_uuid(), gen_random_uuid(), now(), case when i = 1 then now() - interval '2 days' else now() end, now() from generate_series(1, 300) i`); err != nil {
		t.Fatal(err)
	}
	if err := w.notices.TellOfTheDead(t.Context(), "acme", time.Now()); err != nil {
		t.Fatal(err)
	}
	w.await(t, "job_dead to ops@acme.example")
	for end := time.Now().Add(10 * time.Second); len(w.told()) < 2 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if all := w.letters(); len(all) != 2 || !strings.Contains(all[0].Text+all[1].Text, "mail.send") {
		t.Errorf("%+v", all)
	}
}

// While servers are upgraded, one that does not know a topic yet must not give its mails up.
func TestTomorrowsTopicIsLeftToTomorrowsServer(t *testing.T) {
	w := newWorld(t)
	if _, err := w.notices.Compose(t.Context(), jobOf(letter{Topic: "of_tomorrow"})); err == nil || jobs.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}
