package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// stats are what this process has done for a group.
type stats struct {
	events, unknown, batches, nanos, fenced atomic.Int64

	mu       sync.Mutex
	troubles map[int]trouble // by build; 0 is the group itself
}

type trouble struct {
	err error
	at  time.Time
}

func (e *Engine) statsOf(group string) *stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stats == nil {
		e.stats = map[string]*stats{}
	}
	s := e.stats[group]
	if s == nil {
		s = &stats{troubles: map[int]trouble{}}
		e.stats[group] = s
	}
	return s
}

func (s *stats) batch(took time.Duration) {
	s.batches.Add(1)
	s.nanos.Add(int64(took))
}

func (s *stats) failed(build int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.troubles[build] = trouble{err, time.Now()}
}

func (s *stats) fine(build int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.troubles, build)
}

// only forgets the troubles of builds that nobody follows any more.
func (s *stats) only(builds map[int]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for no := range s.troubles {
		if no != 0 && !builds[no] {
			delete(s.troubles, no)
		}
	}
}

// worst is what keeps a group back, or one of its builds.
func (s *stats) worst() (text string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.troubles {
		if t.at.After(at) {
			text, at = t.err.Error(), t.at
		}
	}
	return text, at
}

func (s *stats) of(build int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.troubles[build]; ok {
		return t.err.Error()
	}
	return ""
}

// Status is what this process does for a group, as numbers for metrics.
type Status struct {
	Group        string
	Events       int64 // applied here, all builds
	Unknown      int64 // skipped: of types that a newer program wrote
	Batches      int64 // committed
	BatchSeconds float64
	Fenced       int64 // batches that another process had done already
	Parked       int64 // customers in the lanes of this process whose events cannot be applied
	Lanes        []LaneStatus
	Error        string // why it does not move on, or ""
	ErrorAt      time.Time
}

// LaneStatus is how far a lane is that this process works on.
type LaneStatus struct {
	Build, Lane int
	Position    eventstore.Position
	Lag         float64 // seconds: age of the last applied event while behind, else 0
}

// Status tells of all groups.
func (e *Engine) Status() []Status {
	all := make([]Status, 0, len(e.Groups))
	for i := range e.Groups {
		s := e.statsOf(e.Groups[i].Name)
		st := Status{Group: e.Groups[i].Name, Events: s.events.Load(), Unknown: s.unknown.Load(), Batches: s.batches.Load(),
			BatchSeconds: time.Duration(s.nanos.Load()).Seconds(), Fenced: s.fenced.Load()}
		st.Error, st.ErrorAt = s.worst()
		st.Lanes, st.Parked = e.lanesOf(st.Group)
		all = append(all, st)
	}
	return all
}

func (e *Engine) lanesOf(group string) (all []LaneStatus, parked int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for f := range e.followers {
		if f.build.Group != group || f.build.State == stateScratch {
			continue
		}
		for _, l := range f.lanes {
			seen, at, owned, _ := l.progress()
			if !owned {
				continue
			}
			parked += l.parkedCount()
			s := LaneStatus{Build: f.build.Build, Lane: l.no, Position: seen}
			if !f.atEnd.Load() && !at.IsZero() {
				s.Lag = time.Since(at).Seconds()
			}
			all = append(all, s)
		}
	}
	return all, parked
}

// Listed is a build of a group as the database knows it, whoever works on it.
type Listed struct {
	Group    string              `json:"group"`
	Version  int                 `json:"version"`
	Build    int                 `json:"build"`
	State    string              `json:"state"`
	Lanes    int                 `json:"lanes"`
	Leased   int                 `json:"leased"` // lanes that somebody works on
	Parked   int                 `json:"parked"` // customers whose events cannot be applied
	Position eventstore.Position `json:"position"`
	Head     eventstore.Position `json:"head"`
	Lag      float64             `json:"lag_seconds"`   // age of the oldest event that is not applied; 0 if there is none
	Behind   uint64              `json:"events_behind"` // of the slowest lane; 0 if the store's positions cannot be counted
	Error    string              `json:"error,omitempty"`
}

const sqlListed = `select b.grp, b.build, b.code_version, b.lanes, b.state,
		count(*) filter (where l.expires > clock_timestamp()), min(l.hi)::text,
		(array_agg(l.lo order by l.hi, l.lo))[1]::text,
		(select count(*) from pj.parked p where p.grp = b.grp and p.build = b.build)
	from pj.build b join pj.lane l using (grp, build)
	where b.grp = any($1) and b.state in ('building', 'ready', 'active')
	group by b.grp, b.build order by array_position($1, b.grp), b.build`

// List tells of the builds in use or in the making.
func (e *Engine) List(ctx context.Context) ([]Listed, error) {
	head, err := e.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := e.DB.Query(ctx, sqlListed, e.names())
	if err != nil {
		return nil, err
	}
	listed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Listed, err error) {
		var at mark
		err = row.Scan(&l.Group, &l.Build, &l.Version, &l.Lanes, &l.State, &l.Leased, &at.Hi, &at.Lo, &l.Parked)
		l.Position, l.Head, l.Error = at.position(), head, e.statsOf(l.Group).of(l.Build)
		return l, err
	})
	for i := range listed {
		if err == nil && listed[i].Position.Before(head) {
			err = e.measure(ctx, &listed[i])
		}
	}
	return listed, err
}

// measure finds out how far a build is behind.
func (e *Engine) measure(ctx context.Context, l *Listed) error {
	missing, err := e.Store.ReadAll(ctx, l.Position, 1)
	if err != nil || len(missing.Events) == 0 {
		return err
	}
	l.Lag = max(0, time.Since(missing.Events[0].At).Seconds())
	l.Behind = l.Position.Until(l.Head)
	return nil
}
