package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

// pointer remembers for a moment which build of a group is active.
type pointer struct {
	mu     sync.Mutex
	build  build
	read   time.Time
	moving bool // at the last look: then everybody looks, and nobody waits for another

	parked     []uuid.UUID // routes, as the database said
	parkedOf   int         // the build
	parkedRead time.Time
}

// PointerFor is how long a server may remember which build is active, but for when a
// switch has been announced.
const PointerFor = 250 * time.Millisecond

const (
	sqlActive  = sqlBuilds + `join pj.active a using (grp, build) where a.grp = $1 and a.code_version = $2`
	sqlPointer = `select b.lanes, b.schema, b.build, coalesce(a.moving_until > clock_timestamp(), false)
		from pj.active a join pj.build b using (grp, build) where a.grp = $1 and a.code_version = $2`
)

// ActiveSchema is where a group's tables are. It is asked for once per query, so that one
// answer never mixes two builds.
func (e *Engine) ActiveSchema(ctx context.Context, group string) (string, error) {
	b, err := e.active(ctx, group)
	return b.Schema, err
}

func (e *Engine) active(ctx context.Context, group string) (build, error) {
	g := e.group(group)
	if g == nil {
		return build{}, unknownGroup(group)
	}
	p := e.pointerOf(group)
	p.mu.Lock()
	if time.Since(p.read) < PointerFor {
		defer p.mu.Unlock()
		return p.build, nil
	}
	if p.moving {
		p.mu.Unlock()
		b, moving, err := e.askActive(ctx, g)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.moving = moving
		return b, err
	}
	defer p.mu.Unlock()
	asked := time.Now()
	b, moving, err := e.askActive(ctx, g)
	if p.moving = moving; err == nil && !moving {
		p.build, p.read = b, asked
	}
	return b, err
}

func (e *Engine) askActive(ctx context.Context, g *Group) (b build, moving bool, err error) {
	b = build{Group: g.Name, Version: g.Version, State: stateActive}
	err = e.DB.QueryRow(ctx, sqlPointer, g.Name, g.Version).Scan(&b.Lanes, &b.Schema, &b.Build, &moving)
	if errors.Is(err, pgx.ErrNoRows) {
		return build{}, false, errBuilding
	}
	return b, moving, err
}

var errBuilding = &domain.Error{Kind: domain.KindUnavailable, Code: "projections.building",
	Message: "this is being prepared from history; try again in a while"}

func unknownGroup(name string) error {
	return domain.NotFound("projections.unknown_group", "there is no group of read models called %s", name)
}

func (e *Engine) pointerOf(group string) *pointer {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pointers == nil {
		e.pointers = map[string]*pointer{}
	}
	p := e.pointers[group]
	if p == nil {
		p = &pointer{}
		e.pointers[group] = p
	}
	return p
}

// ErrStale says that a read model has not come to the position waited for in time. What
// it shows is older, not wrong.
var ErrStale = errors.New("projections: not there yet")

// pollEvery is how often a lane is asked for that another process works on.
const pollEvery = 20 * time.Millisecond

// Wait waits until the read models of a route have passed a position, so that its asker
// sees what it has done itself; ErrStale if ctx ends before, and for whoever is parked.
func (e *Engine) Wait(ctx context.Context, group string, route uuid.UUID, pos eventstore.Position) error {
	err := e.wait(ctx, group, pos, func(b build) []int { return []int{laneOf(route, b.Lanes)} })
	if err != nil {
		return err
	}
	parked, err := e.isParkedNow(ctx, group, route) // the lane may have passed pos by parking
	if parked {
		return ErrStale
	}
	return stale(ctx, err)
}

// WaitAll waits until all of a group has passed a position.
func (e *Engine) WaitAll(ctx context.Context, group string, pos eventstore.Position) error {
	return e.wait(ctx, group, pos, func(b build) (lanes []int) {
		for n := range b.Lanes {
			lanes = append(lanes, n)
		}
		return lanes
	})
}

func (e *Engine) wait(ctx context.Context, group string, pos eventstore.Position, of func(build) []int) error {
	for {
		there, changed, err := e.look(ctx, group, pos, of)
		if there || err != nil {
			return stale(ctx, err)
		}
		patience := pollEvery
		if changed != nil {
			patience = PointerFor
		}
		timer := time.NewTimer(patience)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ErrStale
		}
	}
}

// look finds out whether lanes of the active build, whichever that is now, have passed a
// position. changed is nil if another process works on one.
func (e *Engine) look(ctx context.Context, group string, pos eventstore.Position, of func(build) []int) (there bool, changed <-chan struct{}, err error) {
	b, err := e.active(ctx, group)
	if errors.Is(err, errBuilding) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	if there, changed = e.reached(b, of(b), pos); there || changed != nil {
		return there, changed, nil
	}
	there, err = e.lanesPassed(ctx, b, of(b), pos)
	return there, nil, err
}

// stale is what a failure means to somebody who waited: an answer that is late is stale.
func stale(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ErrStale
	}
	return err
}

// reached looks at lanes that this process works on. changed is nil if one of those that
// have not passed pos is somebody else's; else it closes when one moves.
func (e *Engine) reached(b build, lanes []int, pos eventstore.Position) (there bool, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	there = true
	for _, no := range lanes {
		passed, moves := e.lanePassed(b, no, pos)
		if passed {
			continue
		}
		if there = false; moves == nil {
			return false, nil
		}
		changed = moves
	}
	return there, changed
}

func (e *Engine) lanePassed(b build, no int, pos eventstore.Position) (passed bool, moves <-chan struct{}) {
	for f := range e.followers {
		if f.build.Group != b.Group || f.build.Build != b.Build {
			continue
		}
		seen, _, owned, changed := f.lanes[no].progress()
		if owned && !seen.Before(pos) {
			return true, nil
		}
		if owned {
			moves = changed
		}
	}
	return false, moves
}

const sqlLanesPassed = `select bool_and((hi, lo) >= ($4::text::numeric, $5::text::numeric))
	from pj.lane where grp = $1 and build = $2 and lane = any($3)`

func (e *Engine) lanesPassed(ctx context.Context, b build, lanes []int, pos eventstore.Position) (there bool, err error) {
	m := markOf(pos, time.Time{})
	err = e.DB.QueryRow(ctx, sqlLanesPassed, b.Group, b.Build, lanes, m.Hi, m.Lo).Scan(&there)
	return there, err
}
