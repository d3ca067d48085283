package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"portico/commands"
	"portico/internal/jobs"
	"portico/internal/pg"
	"portico/projections"
)

// jobRoutes are about what Portico does in the world outside. Payloads may hold personal
// data: only staff see them.
func (a *api) jobRoutes() {
	get(a, "/v1/jobs", projections.Portal.Name, systems, a.ListJobs)
	getID(a, "/v1/jobs/{id}", projections.Portal.Name, systems, a.GetJob)
	postID(a, "/v1/jobs/{id}/retry", systems, a.RetryJob)
	postID(a, "/v1/jobs/{id}/cancel", systems, a.CancelJob)
}

type jobFilter struct {
	projections.Paging
	State      string    `query:"state" enum:"queued,running,done,dead,cancelled" doc:"Only those"`
	Kind       string    `query:"kind" maxLength:"60" doc:"Only those, such as mail.send"`
	CustomerID uuid.UUID `query:"customer_id" doc:"Only those that concern this customer"`
}

// ListJobs are jobs, newest first.
func (a *api) ListJobs(ctx context.Context, v projections.Viewer, f jobFilter) (projections.Page[jobs.Row], error) {
	rows, next, err := a.Jobs.List(ctx, jobs.Filter{Tenant: v.Tenant, State: f.State, Kind: f.Kind, Route: f.CustomerID, Cursor: f.Cursor, Limit: f.Limit})
	return projections.Page[jobs.Row]{Items: rows, Next: next}, err
}

// GetJob is one job with its payload, and what people did about it.
func (a *api) GetJob(ctx context.Context, v projections.Viewer, id uuid.UUID) (jobs.Shown, error) {
	return a.Jobs.Show(ctx, v.Tenant, id)
}

type actOnJob struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why; kept beside the job"`
}

// RetryJob has a job done that is dead, cancelled or waits.
func (a *api) RetryJob(ctx context.Context, by commands.Caller, id uuid.UUID, cmd actOnJob) (commands.Receipt, error) {
	return commands.Receipt{ID: id}, a.Jobs.Retry(ctx, actor(by, cmd.Reason), id)
}

// CancelJob gives a job up that waits or is dead.
func (a *api) CancelJob(ctx context.Context, by commands.Caller, id uuid.UUID, cmd actOnJob) (commands.Receipt, error) {
	return commands.Receipt{ID: id}, a.Jobs.Cancel(ctx, actor(by, cmd.Reason), id)
}

func actor(by commands.Caller, reason string) jobs.By {
	return jobs.By{Tenant: by.Tenant, Actor: by.Actor, Origin: by.Origin, Reason: reason}
}

// jobCollector asks for jobs when metrics are asked for.
type jobCollector struct {
	counts  func(context.Context) ([]jobs.Count, error)
	tallies func() []jobs.Tally
	log     *slog.Logger
}

var (
	jobsIn     = prometheus.NewDesc("portico_jobs", "Jobs that are queued, running or dead, of all processes.", []string{"kind", "state"}, nil)
	jobsDone   = prometheus.NewDesc("portico_jobs_done_total", "Attempts that ended in this process, by how.", []string{"kind", "outcome"}, nil)
	jobSeconds = prometheus.NewDesc("portico_job_seconds", "Time of an attempt, from its claim to its end.", []string{"kind"}, nil)
)

// Describe sends nothing: the collector is unchecked, since kinds come and go.
func (jobCollector) Describe(chan<- *prometheus.Desc) {}

func (c jobCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(pg.Across(context.Background()), 2*time.Second)
	defer cancel()
	counts, err := c.counts(ctx)
	if err != nil {
		c.log.Warn("no jobs for metrics", "error", err)
	}
	for _, n := range counts {
		out <- prometheus.MustNewConstMetric(jobsIn, prometheus.GaugeValue, float64(n.Jobs), n.Kind, n.State)
	}
	if c.tallies == nil {
		return
	}
	for _, t := range c.tallies() {
		for outcome, n := range t.Outcomes {
			out <- prometheus.MustNewConstMetric(jobsDone, prometheus.CounterValue, float64(n), t.Kind, outcome)
		}
		out <- prometheus.MustNewConstHistogram(jobSeconds, t.Count, t.Seconds, t.Within, t.Kind)
	}
}
