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
)

// Progress is how far a group of read models, or a policy, has come along the log.
type Progress struct {
	Kind   string // group or policy
	Name   string
	Lag    time.Duration // how old the oldest event is that it has not taken in
	Events uint64        // how many it has not taken in
	Parked int64         // events set aside because they could not be taken in
	Fenced int64         // times another process had moved it on, since this one's start
}

// metrics are what /metrics shows. There are no labels with ids in them.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	appends  *prometheus.CounterVec
}

func newMetrics(progress func(context.Context) ([]Progress, error), log *slog.Logger) *metrics {
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
	if progress != nil {
		m.registry.MustRegister(progressCollector{progress, log})
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
	log      *slog.Logger
}

var (
	lagSeconds = prometheus.NewDesc("portico_lag_seconds", "Age of the oldest event not taken in.", []string{"kind", "name"}, nil)
	lagEvents  = prometheus.NewDesc("portico_lag_events", "Events not taken in.", []string{"kind", "name"}, nil)
	parked     = prometheus.NewDesc("portico_parked_events", "Events set aside.", []string{"kind", "name"}, nil)
	fenced     = prometheus.NewDesc("portico_fenced_total", "Batches that another process was ahead of.", []string{"kind", "name"}, nil)
)

// Describe sends nothing: the collector is unchecked, since names come and go.
func (progressCollector) Describe(chan<- *prometheus.Desc) {}

func (c progressCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
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
	}
}
