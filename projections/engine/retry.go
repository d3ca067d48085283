package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

// Parked is a customer of whom an event cannot be applied. The customer's rows are as
// they were before it.
type Parked struct {
	Group    string              `json:"group"`
	Build    int                 `json:"build"`
	Tenant   string              `json:"tenant"`
	Route    uuid.UUID           `json:"customer_id"` // the nil UUID: what belongs to no customer
	Position eventstore.Position `json:"position"`
	EventID  uuid.UUID           `json:"event_id"`
	Type     string              `json:"type"`
	Stream   string              `json:"stream"`
	Error    string              `json:"error"`
	At       time.Time           `json:"at"`
	Held     int64               `json:"held"`   // events that wait, this one included
	Deaths   int                 `json:"deaths"` // of processes that tried to apply it
}

const sqlParked = `select p.grp, p.build, p.tenant, p.route, p.hi::text, p.lo::text, p.event_id, p.type, p.stream, p.error, p.at,
		(select count(*) from pj.held h where (h.grp, h.build, h.tenant, h.route) = (p.grp, p.build, p.tenant, p.route)), p.deaths
	from pj.parked p join pj.build b using (grp, build)
	where p.grp = any($1) and b.state in ('building', 'ready', 'active')
	order by array_position($1, p.grp), p.build, p.hi, p.lo`

// Parked lists who is parked, in every build that is in use or in the making.
func (e *Engine) Parked(ctx context.Context) ([]Parked, error) {
	rows, err := e.DB.Query(ctx, sqlParked, e.names())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Parked, err error) {
		var at mark
		err = row.Scan(&p.Group, &p.Build, &p.Tenant, &p.Route, &at.Hi, &at.Lo, &p.EventID, &p.Type, &p.Stream, &p.Error, &p.At, &p.Held, &p.Deaths)
		p.Position = at.position()
		return p, err
	})
}

const (
	sqlAskAgain = `update pj.parked set retry = true, tried = null where grp = $1 and build = $2 and route = $3`
	// Who tried and has lost the lane since has died of it.
	sqlWaiting = `select count(*) filter (where p.retry and coalesce(p.tried = l.epoch, true)), coalesce(sum(held), 0)::bigint,
			coalesce(max(case when p.retry then 'the process that tried again has died' else p.error end), '')
		from pj.parked p join pj.lane l using (grp, build, lane),
		lateral (select count(*) as held from pj.held h where (h.grp, h.build, h.tenant, h.route) = (p.grp, p.build, p.tenant, p.route)) h
		where p.grp = $1 and p.build = $2 and p.route = $3`
)

// Retry applies what is held back of a parked customer, once what was wrong is mended, and
// answers how many events that were. Whoever follows the lane does it, this process if
// nobody does. The error says why the customer stays parked.
func (e *Engine) Retry(ctx context.Context, group string, route uuid.UUID, progress func(done, total uint64)) (applied int64, err error) {
	g := e.group(group)
	if g == nil {
		return 0, fmt.Errorf("projections: there is no group %s", group)
	}
	b, err := e.active(ctx, group)
	if err != nil {
		return 0, err
	}
	var waiting int
	var held, before int64
	var why string
	if err := e.DB.QueryRow(ctx, sqlWaiting, group, b.Build, route).Scan(&waiting, &before, &why); err != nil || before == 0 {
		return 0, errOr(err, fmt.Errorf("projections: %s is not parked in %s", route, group))
	}
	if _, err := e.DB.Exec(ctx, sqlAskAgain, group, b.Build, route); err != nil {
		return 0, err
	}
	stop, err := e.lend(ctx, g, b)
	if err != nil {
		return 0, err
	}
	defer stop()
	for ; ; sleep(ctx, 50*time.Millisecond) {
		if ctx.Err() != nil {
			return applied, ctx.Err()
		}
		if now, err := e.active(ctx, group); err == nil && now.Build != b.Build {
			return applied, domain.Refused("projections.switched", "%s was switched to build %d meanwhile: try again", group, now.Build)
		}
		if err := e.DB.QueryRow(ctx, sqlWaiting, group, b.Build, route).Scan(&waiting, &held, &why); err != nil {
			return applied, err
		}
		applied = max(applied, before-held) // more may have come meanwhile
		if progress != nil {
			progress(uint64(applied), uint64(max(before, held)))
		}
		if waiting == 0 && held > 0 {
			return applied, errors.New(why)
		}
		if held == 0 {
			return applied, nil
		}
	}
}

// lend follows those lanes of a build that nobody else does, until stop is called.
func (e *Engine) lend(ctx context.Context, g *Group, b build) (stop func(), err error) {
	f, err := e.newFollower(ctx, g, b)
	if err != nil {
		return nil, err
	}
	f.spare = true
	following, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := f.run(following); following.Err() == nil {
			e.trouble(ctx, g, b.Build, err)
		}
	}()
	return func() { cancel(); <-stopped }, nil
}
