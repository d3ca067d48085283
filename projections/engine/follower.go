package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

const (
	pageLive  = 1000                   // events read at a time
	pageBulk  = 10_000                 // while there is far to go
	saveEvery = 200 * time.Millisecond // checkpoints of lanes that no event moved
	seekEvery = 250 * time.Millisecond // for lanes that somebody else let go, and new builds
)

// follower moves the lanes of one build along the log, as far as it can lease them.
type follower struct {
	engine *Engine
	group  *Group
	build  build
	owner  string // of leases: this follower and no other
	sql    []*statements
	lanes  []*lane
	reader reader
	stats  *stats

	atEnd           atomic.Bool  // of the log, at the last look
	share           atomic.Int32 // of the lanes, that it may take
	spare           bool         // takes only what nobody follows, and no part in sharing
	steps           int          // events applied one by one, since when a lane's last owner died
	sought, savedAt time.Time
	asked           time.Time // whether to try again for those who are parked
}

// newFollower prepares to follow a build; run does.
func (e *Engine) newFollower(ctx context.Context, g *Group, b build) (*follower, error) {
	sql, err := statementsFor(ctx, e.DB, g.Tables, b.Schema)
	if err != nil {
		return nil, err
	}
	f := &follower{engine: e, group: g, build: b, owner: e.Node + "/" + uuid.NewString(), sql: sql, stats: e.statsOf(g.Name)}
	f.share.Store(int32(b.Lanes))
	f.reader = reader{store: e.Store, codec: e.Codec, of: g, limit: pageLive, most: pageBulk}
	if b.State != stateActive {
		f.reader.limit = pageBulk
	}
	if e.faults.page != nil {
		f.reader.limit, f.reader.most = e.faults.page(), 0
	}
	for no := range b.Lanes {
		f.lanes = append(f.lanes, newLane(no, g.Tables))
	}
	return f, nil
}

// run follows until ctx ends, or until an event cannot be applied. Troubles of the
// database only delay it.
func (f *follower) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.engine.enter(f)
	defer f.engine.leave(f)
	if err := f.register(ctx); err != nil {
		return err
	}
	var renewing sync.WaitGroup
	renewing.Go(func() { f.renew(ctx) })
	defer f.release(context.WithoutCancel(ctx))
	defer renewing.Wait()
	defer cancel()
	defer f.reader.close()

	wake := f.engine.Store.Wake(ctx)
	for tries := 0; ctx.Err() == nil; {
		idle, err := f.turn(ctx)
		switch {
		case ctx.Err() != nil:
		case err == nil && !idle:
			tries = 0
		case err == nil:
			tries = 0
			f.stats.fine(f.build.Build)
			f.rest(ctx, wake)
		case transient(err):
			f.stats.failed(f.build.Build, err)
			f.engine.log().Warn("projections: trying again", "group", f.group.Name, "build", f.build.Build, "error", err)
			sleep(ctx, min(5*time.Second, 50*time.Millisecond<<min(tries, 10)))
			tries++
		default:
			f.stats.failed(f.build.Build, err)
			return err
		}
	}
	return ctx.Err()
}

// turn reads a page and applies it; idle says that there was nothing more to read.
func (f *follower) turn(ctx context.Context) (idle bool, err error) {
	if err := f.seek(ctx); err != nil {
		return false, err
	}
	low, any := f.low()
	if !any {
		return true, nil
	}
	if err := f.redo(ctx); err != nil {
		return false, err
	}
	wary := f.wary()
	p, err := f.read(ctx, low, wary)
	if err != nil {
		return false, fmt.Errorf("projections: read on from %s: %w", low, err)
	}
	if err := f.apply(ctx, p); err != nil {
		return false, err
	}
	if err := f.survived(ctx, wary, p.end); err != nil {
		return false, err
	}
	f.atEnd.Store(p.end)
	if err := f.save(ctx, false); err != nil {
		return false, err
	}
	return p.end, f.yield(ctx)
}

// read reads on: ahead as a rule, with care after a death.
func (f *follower) read(ctx context.Context, low eventstore.Position, wary caution) (p stretch, err error) {
	switch wary {
	case careless:
		p = f.reader.next(ctx, low)
	case careful:
		if err := f.brace(ctx); err != nil {
			return p, err
		}
		f.reader.taken()
		p = f.reader.read(ctx, low)
	case stepwise:
		f.reader.taken()
		p = f.step(ctx, low)
	}
	return p, p.err
}

// low is where the hindmost of the owned lanes stands.
func (f *follower) low() (low eventstore.Position, any bool) {
	for _, l := range f.lanes {
		if folded, owned := l.reached(); owned && (!any || folded.Before(low)) {
			low, any = folded, true
		}
	}
	return low, any
}

// apply hands a page's events to the lanes, which work in parallel. Lanes without an
// event just move on.
func (f *follower) apply(ctx context.Context, p stretch) error {
	mine := f.deal(p.events)
	errs := make([]error, len(f.lanes))
	var working sync.WaitGroup
	for _, l := range f.lanes {
		last := p.end || l.until != (eventstore.Position{}) && !p.next.Before(l.until)
		switch {
		case !l.owned || !l.folded.Before(p.next) && !(last && l.holds()):
		case len(mine[l.no]) == 0 && !(last && l.holds()):
			l.pass(p.next, p.at)
		default:
			s := stint{events: mine[l.no], to: p.next, at: p.at, last: last}
			working.Go(func() { errs[l.no] = f.work(ctx, l, s) })
		}
	}
	working.Wait()
	f.stats.unknown.Add(int64(p.unknown))
	for no, events := range mine {
		if errs[no] == nil {
			f.stats.events.Add(int64(len(events)))
		}
	}
	return f.settle(errs)
}

// deal sorts events by lane, and leaves out what the lanes here have applied.
func (f *follower) deal(events []envelope.Event) [][]envelope.Event {
	mine, to, count := make([][]envelope.Event, len(f.lanes)), make([]int, len(events)), make([]int, len(f.lanes))
	for n := range events {
		to[n] = laneOf(f.group.route(events[n]), len(f.lanes))
		if l := f.lanes[to[n]]; !l.owned || !l.wants(events[n].Pos) {
			to[n] = -1
			continue
		}
		count[to[n]]++
	}
	for no, n := range count {
		if n > 0 {
			mine[no] = make([]envelope.Event, 0, n)
		}
	}
	for n, no := range to {
		if no >= 0 {
			mine[no] = append(mine[no], events[n])
		}
	}
	return mine
}

// settle gives up the lanes that failed. A fenced lane is no error: somebody else works on.
func (f *follower) settle(errs []error) error {
	var failed []error
	for no, err := range errs {
		switch {
		case err == nil:
			continue
		case errors.Is(err, errFenced):
			f.fenced(f.lanes[no])
		case transient(err):
			failed = append(failed, err)
		default:
			failed = append([]error{err}, failed...) // the one to stop for
		}
		f.lanes[no].drop()
	}
	if len(failed) == 0 {
		return nil
	}
	return failed[0]
}

func (f *follower) fenced(l *lane) {
	f.stats.fenced.Add(1)
	f.engine.log().Warn("projections: lane fenced", "group", f.group.Name, "build", f.build.Build, "lane", l.no, "epoch", l.epoch.Load())
}

// rest waits until there may be something to do.
func (f *follower) rest(ctx context.Context, wake <-chan struct{}) {
	until := time.Second
	for _, l := range f.lanes {
		switch {
		case !l.owned:
			until = min(until, seekEvery)
		case l.saved.Before(l.seen):
			until = min(until, saveEvery)
		}
	}
	timer := time.NewTimer(until)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
