package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

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

// reader reads the log for one build. While lanes work on a page it reads the next.
type reader struct {
	store eventstore.Store
	codec *envelope.Codec
	of    *Group
	limit int
	ahead chan stretch
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
	raw, err := r.store.ReadAll(ctx, after, r.limit)
	p := stretch{after: after, next: raw.Next, end: raw.End, err: err, events: make([]envelope.Event, 0, len(raw.Events))}
	for _, rec := range raw.Events {
		p.at = rec.At
		if !r.wants(rec.Type) {
			continue
		}
		if p.err = r.add(ctx, &p, rec); p.err != nil {
			return p
		}
	}
	return p
}

// add opens an event. One that cannot be read is its customer's trouble, unless not even
// its envelope says whose it is; and of what a newer program wrote, types that are unknown
// altogether are nobody's.
func (r *reader) add(ctx context.Context, p *stretch, rec eventstore.Recorded) error {
	e, err := r.open(ctx, rec)
	var unknown domain.ErrUnknownType
	newer := errors.As(err, &unknown)
	_, known := r.codec.Catalog.Find(rec.Type)
	switch {
	case newer && !known:
		p.unknown++
		return nil
	case err != nil && (transient(err) || e.Meta.Tenant == ""):
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
	return r.codec.Open(ctx, rec)
}

// micro is a time in the precision of the database, so that a writer compares like with like.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// laneOf spreads routes over lanes. It must never change: builds depend on it.
func laneOf(route uuid.UUID, lanes int) int {
	h := fnv.New32a()
	h.Write(route[:])
	return int(h.Sum32() % uint32(lanes))
}

func (g *Group) route(e envelope.Event) uuid.UUID {
	if g.Route != nil {
		return g.Route(e)
	}
	return e.Meta.Route
}
