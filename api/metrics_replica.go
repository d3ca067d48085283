package api

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"portico/internal/pg"
)

// replicaCollector asks how the replica does when metrics are asked for.
type replicaCollector struct{ *pg.Replica }

var (
	replicaUsed   = prometheus.NewDesc("portico_replica_used", "Whether the replica is asked at all: 1 or 0.", nil, nil)
	replicaBehind = prometheus.NewDesc("portico_replica_behind_seconds", "The replica has whatever the primary had that long ago.", nil, nil)
	replicaReads  = prometheus.NewDesc("portico_reads_total", "Reads that the replica might have answered, by which of the two did.", []string{"by"}, nil)
)

func (c replicaCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{replicaUsed, replicaBehind, replicaReads} {
		out <- d
	}
}

func (c replicaCollector) Collect(out chan<- prometheus.Metric) {
	st, used := c.Status(), 0.0
	if st.Used {
		used = 1
	}
	out <- prometheus.MustNewConstMetric(replicaUsed, prometheus.GaugeValue, used)
	out <- prometheus.MustNewConstMetric(replicaBehind, prometheus.GaugeValue, st.Behind.Seconds())
	out <- prometheus.MustNewConstMetric(replicaReads, prometheus.CounterValue, float64(st.Replica), "replica")
	out <- prometheus.MustNewConstMetric(replicaReads, prometheus.CounterValue, float64(st.Primary), "primary")
}

// readyReplica is what /readyz says of the replica. A server without one is as ready.
func readyReplica(r *pg.Replica) string {
	st := r.Status()
	if !st.Used {
		return fmt.Sprintf("not used, %.1f s behind", st.Behind.Seconds())
	}
	return fmt.Sprintf("ok, %.1f s behind", st.Behind.Seconds())
}
