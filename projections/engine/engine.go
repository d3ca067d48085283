package engine

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// Engine keeps read models up to date with the log. Any number of engines, in any number
// of processes, may run over one database: they share the lanes.
type Engine struct {
	Store  eventstore.Store
	Codec  *envelope.Codec
	DB     *pgxpool.Pool // one connection per lane at work, and a few
	Groups []Group
	Log    *slog.Logger // slog.Default() by default
	Node   string       // of this process, for people to read
	// Making, if there is one, is asked before the first build of this code version is made
	// without anybody's asking. If it fails, none is made yet.
	Making func(ctx context.Context, group string, version int) error

	mu        sync.Mutex
	followers map[*follower]bool
	stats     map[string]*stats
	pointers  map[string]*pointer
	faults    faults
}

// faults are for tests alone.
type faults struct {
	hook      func(point string) error // called at commit, committed, renew and save
	loose     bool                     // commit rows and checkpoint apart, which is wrong
	unchecked bool                     // switch without comparing
	page      func() int               // events read at a time
	bulk      func() int               // bytes held back of a build
	lease     time.Duration
}

func (x *faults) at(point string) error {
	if x.hook == nil {
		return nil
	}
	return x.hook(point)
}

// retryEvery is how long a group rests whose event cannot be applied.
const retryEvery = 5 * time.Second

// Run keeps all groups up to date until ctx ends, and then lets their lanes go.
func (e *Engine) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for i := range e.Groups {
		running.Go(func() { e.keep(ctx, &e.Groups[i]) })
	}
	running.Wait()
	return ctx.Err()
}

// keep follows the builds of one group: the active one, and those that shall replace it.
func (e *Engine) keep(ctx context.Context, g *Group) {
	var working sync.WaitGroup
	defer working.Wait()
	following := map[int]context.CancelFunc{}
	promoting := make(chan struct{}, 1)
	tidied := time.Now()
	for ; ctx.Err() == nil; sleep(ctx, seekEvery) {
		builds, err := e.current(ctx, g)
		if err != nil {
			e.trouble(ctx, g, 0, err)
			continue
		}
		e.statsOf(g.Name).fine(0)
		if time.Since(tidied) > tidyEvery {
			tidied = time.Now()
			e.tidyUp(ctx, g)
		}
		want := map[int]bool{}
		for _, b := range builds {
			want[b.Build] = true
			if following[b.Build] == nil {
				var follow context.Context
				follow, following[b.Build] = context.WithCancel(ctx)
				working.Go(func() { e.follow(follow, g, b) })
			}
			if b.State == stateActive {
				e.activated(b)
			} else if e.leads(b) {
				working.Go(func() { e.tryPromote(ctx, g, b, promoting) })
			}
		}
		e.statsOf(g.Name).only(want)
		for no, stop := range following {
			if !want[no] {
				stop()
				delete(following, no)
			}
		}
	}
	for _, stop := range following {
		stop()
	}
}

// follow runs a follower, and again after a while when it stops at an event.
func (e *Engine) follow(ctx context.Context, g *Group, b build) {
	for ; ctx.Err() == nil; sleep(ctx, retryEvery) {
		f, err := e.newFollower(ctx, g, b)
		if err == nil {
			err = f.run(ctx)
		}
		if ctx.Err() == nil {
			e.trouble(ctx, g, b.Build, err)
		}
	}
}

func (e *Engine) tryPromote(ctx context.Context, g *Group, b build, one chan struct{}) {
	select {
	case one <- struct{}{}:
	default:
		return
	}
	defer func() { <-one }()
	if _, err := e.promote(ctx, g, b); err != nil {
		e.trouble(ctx, g, b.Build, err)
	}
}

func (e *Engine) trouble(ctx context.Context, g *Group, build int, err error) {
	if ctx.Err() != nil {
		return
	}
	e.statsOf(g.Name).failed(build, err)
	e.log().Error("projections: stopped for a while", "group", g.Name, "build", build, "error", err)
}

// leads tells whether a follower here owns lanes of a build and has read to the end.
func (e *Engine) leads(b build) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for f := range e.followers {
		if f.build.Group == b.Group && f.build.Build == b.Build && f.atEnd.Load() {
			return true
		}
	}
	return false
}

// activated tells followers that queries read their build now.
func (e *Engine) activated(b build) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for f := range e.followers {
		if f.build.Group == b.Group && f.build.Build == b.Build {
			f.active.Store(true)
		}
	}
}

func (e *Engine) enter(f *follower) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.followers == nil {
		e.followers = map[*follower]bool{}
	}
	e.followers[f] = true
}

func (e *Engine) leave(f *follower) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.followers, f)
}

func (e *Engine) group(name string) *Group {
	for i := range e.Groups {
		if e.Groups[i].Name == name {
			return &e.Groups[i]
		}
	}
	return nil
}

func (e *Engine) names() (names []string) {
	for i := range e.Groups {
		names = append(names, e.Groups[i].Name)
	}
	return names
}

func (e *Engine) log() *slog.Logger {
	if e.Log != nil {
		return e.Log
	}
	return slog.Default()
}

func (e *Engine) lease() time.Duration {
	if e.faults.lease > 0 {
		return e.faults.lease
	}
	return leaseFor
}

// transient tells the troubles that pass by themselves from those that need a person.
func transient(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && len(pe.Code) == 5 {
		switch pe.Code[:2] {
		case "08", "25", "40", "53", "55", "57": // connection, read-only for now, serialization, resources, locks, operators
			return true
		}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, eventstore.ErrUnavailable)
}

// blameless tells the server's refusals of which no row can be the cause: a table that is
// missing, a right, a disk that fails. They are for a person to mend, and nobody is parked.
func blameless(err error) bool {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || len(pe.Code) != 5 {
		return false
	}
	switch pe.Code[:2] {
	case "21", "22", "23", "44", "54", "P0": // cardinality, data, constraints, views, limits, raised by a trigger
		return false
	}
	return true
}
