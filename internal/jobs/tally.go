package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Buckets are the upper bounds, in seconds, of what Tally counts attempts' times by.
var Buckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// Tally is what this process has done of a kind since its start.
type Tally struct {
	Kind     string
	Outcomes map[string]int64 // done, failed, dead, later, released, died, fenced
	Count    uint64           // of attempts that ended here
	Seconds  float64
	Within   map[float64]uint64 // by Buckets, each with all that are smaller
}

type tally struct {
	mu    sync.Mutex
	kinds map[string]*Tally
}

func (t *tally) of(kind string) *Tally {
	if t.kinds == nil {
		t.kinds = map[string]*Tally{}
	}
	if t.kinds[kind] == nil {
		t.kinds[kind] = &Tally{Kind: kind, Outcomes: map[string]int64{}, Within: map[float64]uint64{}}
	}
	return t.kinds[kind]
}

func (t *tally) ended(kind, outcome string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.of(kind)
	k.Outcomes[outcome]++
	if outcome == "died" {
		return // elsewhere
	}
	k.Count++
	k.Seconds += took.Seconds()
	for _, b := range Buckets {
		if took.Seconds() <= b {
			k.Within[b]++
		}
	}
}

func (t *tally) fenced(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(kind).Outcomes["fenced"]++
}

// Tallies are what this process has done, by kind.
func (q *Queue) Tallies() (all []Tally) {
	q.tally.mu.Lock()
	defer q.tally.mu.Unlock()
	for _, k := range q.tally.kinds {
		c := *k
		c.Outcomes, c.Within = map[string]int64{}, map[float64]uint64{}
		for o, n := range k.Outcomes {
			c.Outcomes[o] = n
		}
		for b, n := range k.Within {
			c.Within[b] = n
		}
		all = append(all, c)
	}
	return all
}

type logKey struct{}

// logged is a log and whose lines they are to be; it is put together when it is needed.
type logged struct {
	log *slog.Logger
	of  Attempt
}

// Log is the log of the job that a handler's context is of: its lines say which job, of
// what kind, and by which request it began.
func Log(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(logKey{}).(logged); ok {
		return logOf(l.log, l.of)
	}
	return slog.Default()
}

func logOf(log *slog.Logger, a Attempt) *slog.Logger {
	return log.With("job", a.ID, "kind", a.Kind, "attempt", a.Number, "correlation_id", a.Correlation)
}
