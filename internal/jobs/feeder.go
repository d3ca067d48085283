package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// Consumer is the name of the feeder's checkpoint in the log, and of what it has set aside.
const Consumer = "jobs"

// Feeder follows the log and inserts the jobs that plans say follow from each event, in the
// transaction that moves its checkpoint: none is lost, none inserted twice, whatever dies
// (ENGINE §5). It is no read model, and rebuilding those repeats nothing (pitfall 19). Of
// several processes one feeds.
type Feeder struct {
	Store eventstore.Store
	Jobs  *Store
	Codec *envelope.Codec
	Plans []Plan
	Kinds []Kind // which of them also concern the past
	Node  string // names this process to those who inherit from it
	Log   *slog.Logger

	mu      sync.Mutex
	mine    *tenure       // while this process feeds
	changed chan struct{} // closed when mine moves on
}

// Run feeds whenever this process has the lease, until ctx ends.
func (f *Feeder) Run(ctx context.Context) error {
	if err := f.Begin(ctx); err != nil && ctx.Err() == nil {
		f.log().Warn("feeder of jobs pauses", "error", err)
	}
	for ctx.Err() == nil {
		t, err := f.lease(ctx)
		if err == nil && t != nil {
			f.own(t)
			err = f.follow(ctx, t)
			f.own(nil)
		}
		if err != nil && ctx.Err() == nil {
			f.log().Warn("feeder of jobs pauses", "error", err)
		}
		sleep(ctx, jitter(time.Second))
	}
	return nil
}

func (f *Feeder) log() *slog.Logger {
	if f.Log == nil {
		return slog.Default()
	}
	return f.Log
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

const (
	readEvents = 500
	renewEvery = 3 * time.Second
)

// follow reads on and inserts until the lease is lost or ctx ends.
func (f *Feeder) follow(ctx context.Context, t *tenure) error {
	defer f.release(t)
	if err := f.retryUnknown(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wake := f.Store.Wake(ctx)
	for saved := time.Now(); ; {
		page, err := f.Store.ReadAll(ctx, t.low, readEvents)
		if err != nil {
			return err
		}
		if len(page.Events) > 0 || time.Since(saved) > renewEvery {
			step, err := f.plan(ctx, t.began, page)
			if err != nil {
				return err
			}
			if err := f.advance(ctx, t, step); err != nil {
				return err
			}
			saved = time.Now()
		}
		if !page.End {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// step is what a page of the log leads to.
type step struct {
	next  eventstore.Position
	jobs  []Job
	aside []aside
}

// aside is an event that could not be opened or planned; everything else goes on.
type aside struct {
	event   eventstore.Recorded
	code    string
	message string
}

func (f *Feeder) plan(ctx context.Context, began eventstore.Position, page eventstore.Page) (step, error) {
	s := step{next: page.Next}
	for _, r := range page.Events {
		made, a := f.planned(ctx, began, r)
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		s.jobs = append(s.jobs, made...)
		if a != nil {
			f.log().Error("an event could not be planned: see portico jobs unplanned",
				"type", r.Type, "stream", r.Stream, "position", r.Pos.String(), "code", a.code, "message", a.message)
			s.aside = append(s.aside, *a)
		}
	}
	return s, nil
}

// patientTries are how often an event is opened for which that fails: its key, perhaps,
// could not be read just now.
const patientTries = 3

// planned are the jobs that follow from an event. Those of other plans are made also if
// one fails.
func (f *Feeder) planned(ctx context.Context, began eventstore.Position, r eventstore.Recorded) (made []Job, a *aside) {
	if !f.wanted(r.Type) {
		// Perhaps a newer program's plans do: what this one has never heard of is left to it.
		if _, known := f.Codec.Catalog.Find(r.Type); !known {
			return nil, &aside{r, codeUnknown, domain.ErrUnknownType{Name: r.Type, Version: 1}.Error()}
		}
		return nil, nil
	}
	var e envelope.Event
	var err error
	for try := range patientTries {
		if try > 0 {
			sleep(ctx, time.Duration(try)*100*time.Millisecond)
		}
		if e, err = f.open(ctx, r); err == nil || errors.As(err, new(domain.ErrUnknownType)) {
			break
		}
	}
	if errors.As(err, new(domain.ErrUnknownType)) {
		return nil, &aside{r, codeUnknown, err.Error()}
	}
	if err != nil {
		return nil, &aside{r, "unreadable", err.Error()}
	}
	past := !began.Before(r.Pos)
	for _, p := range f.Plans {
		jobs, err := follows(p, e)
		if err != nil {
			a = &aside{r, "plan_failed", err.Error()}
		}
		for _, j := range jobs {
			if !past || f.concernsPast(j.Kind) {
				made = append(made, j)
			}
		}
	}
	return made, a
}

func (f *Feeder) wanted(typ string) bool {
	for _, p := range f.Plans {
		if p.concerns(typ) {
			return true
		}
	}
	return false
}

func (p Plan) concerns(typ string) bool {
	for _, beginning := range p.Of {
		if strings.HasPrefix(typ, beginning) {
			return true
		}
	}
	return false
}

func (f *Feeder) concernsPast(kind string) bool {
	for _, k := range f.Kinds {
		if k.Name == kind {
			return k.Past
		}
	}
	return false
}

func (f *Feeder) open(ctx context.Context, r eventstore.Recorded) (e envelope.Event, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f.Codec.Open(ctx, r)
}

// follows asks one plan; a panic of its is an error of this event alone.
func follows(p Plan, e envelope.Event) (jobs []Job, err error) {
	if !p.concerns(e.Type) {
		return nil, nil
	}
	defer func() {
		if v := recover(); v != nil {
			jobs, err = nil, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	jobs = p.Jobs(e)
	for _, j := range jobs {
		if err := j.check(); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

const sqlAdvance = `update portico.consumers set low_hi = $2::text::numeric, low_lo = $3::text::numeric, expires = clock_timestamp() + interval '8 s'
	where name = 'jobs' and epoch = $1 and low_hi = $4::text::numeric and low_lo = $5::text::numeric`

// advance moves the checkpoint and inserts what follows, both or nothing.
func (f *Feeder) advance(ctx context.Context, t *tenure, s step) error {
	failpoint.At("jobs.before_feed")
	err := pgx.BeginFunc(ctx, f.Jobs.DB, func(tx pgx.Tx) error {
		from, to := placeOf(t.low), placeOf(s.next)
		tag, err := tx.Exec(ctx, sqlAdvance, t.epoch, to.hi, to.lo, from.hi, from.lo)
		if err == nil && tag.RowsAffected() == 0 {
			err = errTakenOver
		}
		if err == nil {
			err = f.Jobs.InsertIn(ctx, tx, s.jobs...)
		}
		for _, a := range s.aside {
			if err == nil {
				err = setAside(ctx, tx, a)
			}
		}
		failpoint.At("jobs.in_feed") // inserted, and not committed
		return err
	})
	if err != nil {
		return err
	}
	failpoint.At("jobs.after_feed")
	f.moved(t, s.next)
	if len(s.jobs) > 0 {
		f.Jobs.tell()
	}
	return nil
}
