package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// stretch is part of the log, decoded once for all lanes.
type stretch struct {
	after, next eventstore.Position
	at          time.Time // of the last event
	end         bool
	events      []envelope.Event
	unknown     int // events of types that a newer program wrote: skipped
	err         error
}

// reader reads the log for one build. While lanes work on a page it opens the next, and
// fetches the one after that.
type reader struct {
	store eventstore.Store
	codec *envelope.Codec
	of    *Group
	limit int // events of a page
	most  int // the same, while there is far to go
	grown int // the same, for now

	ahead  chan stretch // being opened
	coming chan fetched // being fetched; only who reads, here or ahead, touches it
}

func (r *reader) next(ctx context.Context, after eventstore.Position) stretch {
	p := r.taken()
	if p.after != after || p.err != nil || p.next == after {
		p = r.read(ctx, after)
	}
	if p.err == nil && !p.end {
		r.ahead = make(chan stretch, 1)
		go func(ahead chan<- stretch) { ahead <- r.read(ctx, p.next) }(r.ahead)
	}
	return p
}

// taken is what was read ahead, if anything was.
func (r *reader) taken() (p stretch) {
	if r.ahead != nil {
		p, r.ahead = <-r.ahead, nil
	}
	return p
}

func (r *reader) read(ctx context.Context, after eventstore.Position) stretch {
	raw := r.fetched(ctx, after)
	p := stretch{after: after, next: raw.Next, end: raw.End, err: raw.err}
	if n := len(raw.Events); n > 0 {
		p.at = raw.Events[n-1].At
	}
	if p.err == nil && !p.end && p.next != after {
		coming := make(chan fetched, 1)
		r.coming = coming
		go func() { coming <- r.fetch(ctx, p.next) }()
	}
	r.openAll(ctx, &p, raw.Events)
	return p
}

// fetched is a page as it is stored.
type fetched struct {
	eventstore.Page
	after eventstore.Position
	err   error
}

// fetched is the page after a position, on its way already if all is as expected.
func (r *reader) fetched(ctx context.Context, after eventstore.Position) (p fetched) {
	if r.coming != nil {
		p, r.coming = <-r.coming, nil
	}
	if p.after != after || p.err != nil || len(p.Events) == 0 {
		p = r.fetch(ctx, after)
	}
	return p
}

// fetch reads a page, larger ones while there is far to go: fewer transactions, and rows
// that change several times are written once.
func (r *reader) fetch(ctx context.Context, after eventstore.Position) (p fetched) {
	p.after = after
	p.Page, p.err = r.store.ReadAll(ctx, after, max(r.limit, r.grown))
	switch {
	case p.End || p.err != nil:
		r.grown = 0
	case r.most > r.limit:
		r.grown = min(r.most, 2*max(r.limit, r.grown))
	}
	return p
}

// close waits for what is on its way, and forgets it.
func (r *reader) close() {
	r.taken()
	if r.coming != nil {
		<-r.coming
		r.coming = nil
	}
}

// openAtLeast is how many events are worth a goroutine.
const openAtLeast = 250

// openAll opens a page's events on all processors, in parts that follow each other.
func (r *reader) openAll(ctx context.Context, p *stretch, raw []eventstore.Recorded) {
	each := max(openAtLeast, (len(raw)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	parts := make([]stretch, (len(raw)+each-1)/each)
	all := make([]envelope.Event, len(raw)) // events are large: as a rule none is moved
	var opening sync.WaitGroup
	for n := range parts {
		from, to := n*each, min((n+1)*each, len(raw))
		parts[n].events = all[from:from:to]
		opening.Go(func() { r.openSome(ctx, &parts[n], raw[from:to]) })
	}
	opening.Wait()
	for n, part := range parts {
		if len(p.events) == n*each {
			p.events = all[:n*each+len(part.events)]
		} else {
			p.events = append(p.events, part.events...)
		}
		p.unknown += part.unknown
		if p.err == nil {
			p.err = part.err
		}
	}
}

func (r *reader) openSome(ctx context.Context, p *stretch, raw []eventstore.Recorded) {
	for _, rec := range raw {
		if !r.wants(rec.Type) {
			continue
		}
		if p.err = r.add(ctx, p, rec); p.err != nil {
			return
		}
	}
}

// add opens an event. One that cannot be read is its customer's trouble, unless not even
// its envelope says whose it is; and of what a newer program wrote, types that are unknown
// altogether are nobody's.
func (r *reader) add(ctx context.Context, p *stretch, rec eventstore.Recorded) error {
	e, err := r.open(ctx, rec)
	var unknown domain.ErrUnknownType
	newer := errors.As(err, &unknown)
	var keys *pgconn.PgError // refused by the database that the keys are in
	_, known := r.codec.Catalog.Find(rec.Type)
	switch {
	case newer && !known:
		p.unknown++
		return nil
	case err != nil && (transient(err) || errors.As(err, &keys) || e.Meta.Tenant == ""):
		return err
	case err != nil:
		e.Data = unreadable{err: err}
	}
	e.At, e.Meta.OccurredAt = micro(e.At), micro(e.Meta.OccurredAt)
	p.events = append(p.events, e)
	return nil
}

func (r *reader) wants(typ string) bool {
	return len(r.of.Of) == 0 || slices.ContainsFunc(r.of.Of, func(of string) bool { return strings.HasPrefix(typ, of) })
}

func (r *reader) open(ctx context.Context, rec eventstore.Recorded) (e envelope.Event, err error) {
	if r.of.Envelopes {
		return r.codec.Peek(rec)
	}
	defer func() {
		if p := recover(); p != nil {
			e, _ = r.codec.Peek(rec)
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.codec.OpenData(ctx, rec)
}

// micro is a time in the precision of the database, so that a writer compares like with like.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// laneOf spreads routes over lanes. It must never change: builds depend on it.
func laneOf(route uuid.UUID, lanes int) int {
	h := uint32(2166136261) // FNV-1a
	for _, b := range route {
		h = (h ^ uint32(b)) * 16777619
	}
	return int(h % uint32(lanes))
}

func (g *Group) route(e envelope.Event) uuid.UUID {
	if g.Route != nil {
		return g.Route(e)
	}
	return e.Meta.Route
}
