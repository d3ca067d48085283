package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portico/internal/pg"
)

// Progress is how far a group of read models, a policy, or another consumer has come along
// the log.
type Progress struct {
	Kind   string // group, policy, consumer or feeder
	Name   string
	Lag    time.Duration // how old the oldest event is that it has not taken in
	Events uint64        // how many it has not taken in
	Parked int64         // customers of whom an event could not be taken in; of a policy, consumer or feeder, events
	Fenced int64         // times another process had moved it on, since this one's start

	Batches      int64                 // committed by this process
	BatchSeconds float64               // that took
	Lanes        map[int]time.Duration // lag of the lanes that this process works on
}

// metrics are what /metrics shows. There are no labels with ids in them.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	appends  *prometheus.CounterVec
}

func newMetrics(d Deps) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portico_http_request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "status"}),
		appends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "portico_events_appended_total", Help: "Events appended by commands over HTTP.",
		}, []string{"operation"}),
	}
	m.registry.MustRegister(m.requests, m.appends, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if d.Progress != nil {
		m.registry.MustRegister(progressCollector{d.Progress, d.Room, d.Log})
	}
	if d.Replica != nil {
		m.registry.MustRegister(replicaCollector{d.Replica})
	}
	if d.Jobs != nil {
		m.registry.MustRegister(jobCollector{d.Jobs.Counts, d.Tallies, d.Log})
	}
	return m
}

func (m *metrics) observe(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) appended(operation string, events int) {
	m.appends.WithLabelValues(operation).Add(float64(events))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second})
}

// progressCollector asks for progress when metrics are asked for.
type progressCollector struct {
	progress func(context.Context) ([]Progress, error)
	room     func(context.Context) (float64, error)
	log      *slog.Logger
}

var (
	lagSeconds = prometheus.NewDesc("portico_lag_seconds", "Age of the oldest event not taken in.", []string{"kind", "name"}, nil)
	lagEvents  = prometheus.NewDesc("portico_lag_events", "Events not taken in.", []string{"kind", "name"}, nil)
	parked     = prometheus.NewDesc("portico_parked", "Customers of whom an event cannot be taken in; events that a policy, consumer or feeder has set aside.", []string{"kind", "name"}, nil)
	batches    = prometheus.NewDesc("portico_batches_total", "Batches committed by this process.", []string{"kind", "name"}, nil)
	batchTime  = prometheus.NewDesc("portico_batch_seconds_total", "Time that these batches took to commit.", []string{"kind", "name"}, nil)
	laneLag    = prometheus.NewDesc("portico_lane_lag_seconds", "Age of the oldest event not taken in, by lanes that this process works on.", []string{"kind", "name", "lane"}, nil)
	room       = prometheus.NewDesc("portico_log_room_partitions", "Partitions' worth of events that fit behind the head of the log. Less than 0.5 is an alarm.", nil, nil)
	fenced     = prometheus.NewDesc("portico_fenced_total", "Batches that another process was ahead of.", []string{"kind", "name"}, nil)
)

// Describe sends nothing: the collector is unchecked, since names come and go.
func (progressCollector) Describe(chan<- *prometheus.Desc) {}

func (c progressCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(pg.Across(context.Background()), 2*time.Second)
	defer cancel()
	all, err := c.progress(ctx)
	if err != nil {
		c.log.Warn("no progress for metrics", "error", err)
		return
	}
	for _, p := range all {
		gauge := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
			out <- prometheus.MustNewConstMetric(d, kind, v, p.Kind, p.Name)
		}
		gauge(lagSeconds, prometheus.GaugeValue, p.Lag.Seconds())
		gauge(lagEvents, prometheus.GaugeValue, float64(p.Events))
		gauge(parked, prometheus.GaugeValue, float64(p.Parked))
		gauge(fenced, prometheus.CounterValue, float64(p.Fenced))
		gauge(batches, prometheus.CounterValue, float64(p.Batches))
		gauge(batchTime, prometheus.CounterValue, p.BatchSeconds)
		for no, lag := range p.Lanes {
			out <- prometheus.MustNewConstMetric(laneLag, prometheus.GaugeValue, lag.Seconds(), p.Kind, p.Name, strconv.Itoa(no))
		}
	}
	if c.room == nil {
		return
	}
	if ahead, err := c.room(ctx); err != nil {
		c.log.Warn("no room of the log for metrics", "error", err)
	} else {
		out <- prometheus.MustNewConstMetric(room, prometheus.GaugeValue, ahead)
	}
}
