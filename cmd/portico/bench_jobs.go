package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"portico/internal/jobs"
)

// benchJobs does jobs whose handler does nothing, through Watermill, beside the same
// statements without it.
func benchJobs(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	for _, inFlight := range []int{1, 16} {
		m := jobBench{a, inFlight, o.window}
		v, f, ratio, err := o.beside(func() (float64, error) { return m.measure(ctx, m.throughWatermill) },
			func() (float64, error) { return m.measure(ctx, m.bare) })
		if err != nil {
			return nil, err
		}
		results = append(results, result{"jobs", fmt.Sprintf("%d in flight", inFlight), 1, v, "jobs/s", f, ratio})
	}
	return results, nil
}

type jobBench struct {
	*app
	inFlight int
	window   time.Duration
}

// measure inserts more jobs than can be done, and answers how many were done a second.
func (m jobBench) measure(ctx context.Context, do func(ctx context.Context, kind string) (int64, error)) (float64, error) {
	kind := "bench." + uuid.NewString()
	per := int(m.window.Seconds()*2_000) * m.inFlight
	for range max(per/1000, 1) {
		some := make([]jobs.Job, 1000)
		for i := range some {
			some[i] = jobs.Job{ID: uuid.New(), Tenant: firstTenant, Kind: kind, Payload: []byte(`{"contact_id":"0198c9e4-0000-7000-8000-000000000000"}`)}
		}
		if err := m.jobs.Insert(ctx, some...); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, m.window)
	defer cancel()
	n, err := do(bounded, kind)
	took := time.Since(began)
	if err == nil {
		_, err = m.pool.Exec(ctx, "delete from portico.jobs")
	}
	return float64(n) / took.Seconds(), err
}

func (m jobBench) throughWatermill(ctx context.Context, kind string) (int64, error) {
	var n atomic.Int64
	k := jobs.Kind{Name: kind, AtOnce: m.inFlight, Do: func(context.Context, jobs.Attempt) error { n.Add(1); return nil }}
	q := &jobs.Queue{Store: m.jobs, Node: "bench", Kinds: []jobs.Kind{k}, Log: slog.New(slog.DiscardHandler)}
	err := (&jobs.Runner{Queue: q}).Run(ctx)
	return n.Load(), err
}

func (m jobBench) bare(ctx context.Context, kind string) (int64, error) {
	n, err := jobs.Floor(ctx, m.jobs, kind, m.inFlight)
	return int64(n), err
}
