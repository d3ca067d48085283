package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portico/internal/jobs"
)

// Staff see jobs and act on them, and who did is kept; payloads are for nobody else.
func TestStaffLookAfterJobs(t *testing.T) {
	w := newWorld(t)
	j := jobs.Job{ID: uuid.New(), Tenant: "main", Kind: "mail.send", Payload: []byte(`{"contact":"x"}`), Route: w.ours.customer, Correlation: uuid.New(), Causation: uuid.New()}
	if err := w.a.Jobs.Insert(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set state = 'dead', error = 'no such server'`); err != nil {
		t.Fatal(err)
	}
	var list struct{ Items []jobs.Row }
	for query, n := range map[string]int{"": 1, "?state=dead": 1, "?state=done": 0, "?kind=mail.send&customer_id=" + w.ours.customer.String(): 1, "?customer_id=" + w.theirs.customer.String(): 0} {
		if w.call("staff", "GET", "/v1/jobs"+query, "").is(http.StatusOK, "").into(&list); len(list.Items) != n {
			t.Errorf("%q lists %+v", query, list.Items)
		}
	}
	w.call("staff", "GET", "/v1/jobs?state=lost", "").is(http.StatusUnprocessableEntity, "request.invalid")
	path := "/v1/jobs/" + j.ID.String()
	w.call("staff", "POST", path+"/retry", `{"reason":"it is back"}`).is(http.StatusOK, "")
	w.call("staff", "POST", path+"/cancel", "").is(http.StatusOK, "")
	w.call("staff", "POST", path+"/cancel", "").is(http.StatusConflict, "job.cancelled")
	w.call("staff", "GET", "/v1/jobs/"+uuid.NewString(), "").is(http.StatusNotFound, "job.unknown")
	var shown jobs.Shown
	w.call("staff", "GET", path, "").is(http.StatusOK, "").into(&shown)
	if shown.State != "cancelled" || string(shown.Payload) != `{"contact":"x"}` || len(shown.Acts) != 2 || shown.Acts[0].Reason != "it is back" ||
		shown.Acts[0].ActorKind != "staff" || shown.Acts[0].RequestID == "" || shown.Acts[1].Was != "queued" {
		t.Errorf("shown %+v", shown)
	}
	for _, role := range []string{"integration", "auditor", "contact"} {
		w.call(role, "GET", path, "").is(http.StatusForbidden, "caller.forbidden")
		w.call(role, "POST", path+"/retry", "").is(http.StatusForbidden, "caller.forbidden")
	}
}

func TestMetricsCountJobs(t *testing.T) {
	w := newWorld(t)
	if err := w.a.Jobs.Insert(t.Context(), jobs.Job{ID: uuid.New(), Tenant: "main", Kind: "mail.send"}); err != nil {
		t.Fatal(err)
	}
	got := w.call("staff", "GET", "/metrics", "").is(http.StatusOK, "")
	if want := `portico_jobs{kind="mail.send",state="queued"} 1`; !strings.Contains(got.Body.String(), want) {
		t.Errorf("no %s in %s", want, got.Body)
	}
}

// What this process has done shows by kind and outcome, and its times as a histogram.
func TestMetricsTallyJobs(t *testing.T) {
	tally := jobs.Tally{Kind: "mail.send", Outcomes: map[string]int64{"done": 2, "dead": 1}, Count: 3, Seconds: 1.5, Within: map[float64]uint64{.5: 2, 1: 3}}
	c := jobCollector{counts: func(context.Context) ([]jobs.Count, error) { return nil, nil }, tallies: func() []jobs.Tally { return []jobs.Tally{tally} }}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, want := range []string{
		`portico_jobs_done_total{kind="mail.send",outcome="dead"} 1`, `portico_job_seconds_bucket{kind="mail.send",le="0.5"} 2`,
		`portico_job_seconds_sum{kind="mail.send"} 1.5`, `portico_job_seconds_count{kind="mail.send"} 3`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}
