package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
)

// ward is whom an event belongs to: what is parked is parked as a whole, for its later
// events would be folded into rows that are wrong already (ENGINE D8).
type ward struct {
	tenant string
	route  uuid.UUID
}

func (f *follower) wardOf(e envelope.Event) ward { return ward{e.Meta.Tenant, f.group.route(e)} }

// unreadable stands in the place of an event's data that cannot be read.
type unreadable struct {
	err    error
	deaths int // of processes that tried to apply it
}

// heldBack are the events of a stint that are not applied.
type heldBack struct {
	parked []parking
	events []envelope.Event // in order
	wards  []ward           // of each
}

// parking is a customer's first event that cannot be applied.
type parking struct {
	ward
	event  envelope.Event
	err    error
	deaths int
}

func (h *heldBack) empty() bool { return len(h.events) == 0 }

func (h *heldBack) hold(w ward, e envelope.Event) {
	h.events, h.wards = append(h.events, e), append(h.wards, w)
}

// split takes out the events of those who are parked already. The one event of a stint
// that is found guilty is an error from the start.
func (f *follower) split(l *lane, s stint) (free []envelope.Event, back *heldBack) {
	back = &heldBack{}
	if len(l.parked) == 0 && s.guilty == nil {
		return s.events, back
	}
	for _, e := range s.events {
		switch w := f.wardOf(e); {
		case l.parked[w]:
			back.hold(w, e)
		case s.guilty != nil:
			e.Data = unreadable{err: s.guilty}
			free = append(free, e)
		default:
			free = append(free, e)
		}
	}
	return free, back
}

// park holds an event back that cannot be applied, and what follows for the same customer.
// It answers what is left, or the error if nobody may be parked for it: of a strict group,
// and of a build whose predecessor could apply it (ENGINE §4: a rebuild is strict).
func (f *follower) park(ctx context.Context, bad *ApplyError, events []envelope.Event, back *heldBack) (left []envelope.Event, err error) {
	w := f.wardOf(bad.Event)
	if may, err := f.mayPark(ctx, w); err != nil || !may {
		return nil, errOr(err, bad)
	}
	p := parking{ward: w, event: bad.Event, err: bad.Err}
	if lost, ok := bad.Event.Data.(unreadable); ok {
		p.deaths = lost.deaths
	}
	back.parked = append(back.parked, p)
	for _, e := range events {
		if f.wardOf(e) == w && !e.Pos.Before(bad.Event.Pos) {
			back.hold(w, e)
		} else {
			left = append(left, e)
		}
	}
	f.engine.log().Error("projections: parked", "group", f.group.Name, "build", f.build.Build, "tenant", w.tenant,
		"customer", w.route, "event", bad.Event.Type, "position", bad.Event.Pos.String(), "error", bad.Err)
	return left, nil
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

const sqlMayPark = `select exists (select from pj.active where grp = $1 and build = $2)
	or exists (select from pj.parked p join pj.active a using (grp, build) where p.grp = $1 and p.tenant = $3 and p.route = $4)`

func (f *follower) mayPark(ctx context.Context, w ward) (may bool, err error) {
	if f.group.Strict {
		return false, nil
	}
	err = f.engine.DB.QueryRow(ctx, sqlMayPark, f.group.Name, f.build.Build, w.tenant, w.route).Scan(&may)
	return may, err
}

const (
	sqlPark = `insert into pj.parked (grp, build, lane, tenant, route, hi, lo, event_id, stream, version, type, error, deaths)
		values ($1, $2, $3, $4, $5, $6::text::numeric, $7::text::numeric, $8, $9, $10, $11, $12, $13)`
	sqlHold = `insert into pj.held (grp, build, tenant, route, hi, lo, stream, version)
		values ($1, $2, $3, $4, $5::text::numeric, $6::text::numeric, $7, $8)`
)

// queue puts on record who is parked, and where the events are that are held back.
func (h *heldBack) queue(b build, lane int, q *pgx.Batch) {
	for _, p := range h.parked {
		at := markOf(p.event.Pos, time.Time{})
		q.Queue(sqlPark, b.Group, b.Build, lane, p.tenant, p.route, at.Hi, at.Lo, p.event.ID, string(p.event.Stream),
			p.event.Version, p.event.Type, shortened(p.err), p.deaths)
	}
	for i, e := range h.events {
		at := markOf(e.Pos, time.Time{})
		q.Queue(sqlHold, b.Group, b.Build, h.wards[i].tenant, h.wards[i].route, at.Hi, at.Lo, string(e.Stream), e.Version)
	}
}

// shortened is an error as it can be kept: a panic brings its whole stack along, and what
// cannot be read may not be text.
func shortened(err error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	return fmt.Sprintf("%.2000s", text)
}

const sqlWards = `select lane, tenant, route from pj.parked where grp = $1 and build = $2 and lane = any($3)`

// recall finds out who is parked in some lanes.
func (f *follower) recall(ctx context.Context, lanes []int) (map[int]map[ward]bool, error) {
	found := map[int]map[ward]bool{}
	for _, no := range lanes {
		found[no] = map[ward]bool{}
	}
	rows, err := f.engine.DB.Query(ctx, sqlWards, f.group.Name, f.build.Build, lanes)
	if err != nil {
		return nil, err
	}
	var no int
	var w ward
	_, err = pgx.ForEachRow(rows, []any{&no, &w.tenant, &w.route}, func() error {
		found[no][w] = true
		return nil
	})
	return found, err
}

const sqlRoutes = `select route from pj.parked where grp = $1 and build = $2`

// IsParked tells whether what a group shows of a route is older than it should be, because
// an event cannot be applied. Of lanes that another process works on it knows at most a
// second late.
func (e *Engine) IsParked(ctx context.Context, group string, route uuid.UUID) (parked bool, err error) {
	b, err := e.active(ctx, group)
	if errors.Is(err, errBuilding) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if parked, known := e.parkedHere(b, route); known {
		return parked, nil
	}
	p := e.pointerOf(group)
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.parkedRead) > time.Second || p.parkedOf != b.Build {
		rows, err := e.DB.Query(ctx, sqlRoutes, b.Group, b.Build)
		if err != nil {
			return false, err
		}
		if p.parked, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return false, err
		}
		p.parkedOf, p.parkedRead = b.Build, time.Now()
	}
	return slices.Contains(p.parked, route), nil
}

const sqlIsParked = `select exists (select from pj.parked where grp = $1 and build = $2 and route = $3)`

// isParkedNow is IsParked without memory: for who knows that a lane has just moved.
func (e *Engine) isParkedNow(ctx context.Context, group string, route uuid.UUID) (parked bool, err error) {
	b, err := e.active(ctx, group)
	if err != nil {
		return false, err
	}
	if parked, known := e.parkedHere(b, route); known {
		return parked, nil
	}
	err = e.DB.QueryRow(ctx, sqlIsParked, b.Group, b.Build, route).Scan(&parked)
	return parked, err
}

// parkedHere asks the lane, if this process works on it.
func (e *Engine) parkedHere(b build, route uuid.UUID) (parked, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for f := range e.followers {
		if f.build.Group == b.Group && f.build.Build == b.Build {
			l := f.lanes[laneOf(route, b.Lanes)]
			l.mu.Lock()
			known = l.owned
			for w := range l.parked {
				parked = parked || known && w.route == route
			}
			l.mu.Unlock()
		}
		if known {
			return parked, true
		}
	}
	return false, false
}

func (l *lane) parkedCount() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.parked))
}

// parks notes in memory who is parked, and who is not any more.
func (l *lane) parks(w ward, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if is {
		l.parked[w] = true
	} else {
		delete(l.parked, w)
	}
}
