package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

const (
	askEvery = 500 * time.Millisecond // whether to try again for those who are parked
	pageHeld = 500                    // events tried at a time
)

// Taken before it is tried: should the process die of it, nobody tries again unasked.
// What was cut short without a death is tried again.
const sqlAsked = `update pj.parked p set tried = l.epoch
	from unnest($3::int[], $4::bigint[]) as mine (lane, epoch) join pj.lane l using (lane, epoch)
	where p.grp = $1 and p.build = $2 and (l.grp, l.build, l.lane) = (p.grp, p.build, p.lane)
		and p.retry and (p.tried is null or p.tried = l.epoch)
	returning p.lane, p.tenant, p.route`

// redo tries again for those for whom somebody asked.
func (f *follower) redo(ctx context.Context) error {
	if err := f.makeSure(ctx); err != nil {
		return err
	}
	var lanes []int
	var epochs []int64
	for _, l := range f.lanes {
		if l.owned && len(l.parked) > 0 {
			lanes, epochs = append(lanes, l.no), append(epochs, l.epoch.Load())
		}
	}
	if len(lanes) == 0 || time.Since(f.asked) < askEvery || f.build.State == stateScratch {
		return nil
	}
	f.asked = time.Now()
	rows, err := f.engine.DB.Query(ctx, sqlAsked, f.group.Name, f.build.Build, lanes, epochs)
	if err != nil {
		return err
	}
	var no int
	var w ward
	var again []func() error
	_, err = pgx.ForEachRow(rows, []any{&no, &w.tenant, &w.route}, func() error {
		l, w := f.lanes[no], w
		again = append(again, func() error { return f.mend(ctx, l, w) })
		return nil
	})
	for _, mend := range again {
		if err == nil {
			err = mend()
		}
	}
	return err
}

// makeSure asks who is parked after a commit whose outcome is not known.
func (f *follower) makeSure(ctx context.Context) error {
	var lanes []int
	for _, l := range f.lanes {
		if l.owned && l.unsure {
			lanes = append(lanes, l.no)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	wards, err := f.recall(ctx, lanes)
	if err != nil {
		return err
	}
	for _, no := range lanes {
		l := f.lanes[no]
		l.mu.Lock()
		l.parked, l.unsure = wards[no], false
		l.mu.Unlock()
	}
	return nil
}

// mend applies what is held back of a customer, until nothing is or an event still cannot
// be applied.
func (f *follower) mend(ctx context.Context, l *lane, w ward) error {
	for limit := pageHeld; ; {
		events, err := f.held(ctx, w, limit)
		switch {
		case err != nil && transient(err):
			l.unsure = true
			return err
		case err != nil:
			_, err = f.engine.DB.Exec(ctx, sqlNotTried, f.group.Name, f.build.Build, w.tenant, w.route, shortened(err))
			return err
		case len(events) == 0:
			l.parks(w, false)
			f.engine.log().Info("projections: not parked any more", "group", f.group.Name, "tenant", w.tenant, "customer", w.route)
			return nil
		}
		err = f.mendSome(ctx, l, w, events)
		var bad *ApplyError
		switch {
		case err == nil:
		case errors.Is(err, errFenced):
			f.fenced(l)
			l.drop()
			return nil
		case transient(err):
			l.unsure = true
			return err
		case errors.As(err, &bad) && bad.Event.ID != events[0].ID: // those before it can
			limit = 0
			for _, e := range events {
				if e.Pos.Before(bad.Event.Pos) {
					limit++
				}
			}
		case len(events) > 1:
			limit = 1
		default:
			return f.stayParked(ctx, w, events[0], err)
		}
	}
}

// In order of the columns, not of what is selected: as texts 10 comes before 9.
const sqlHeld = `select h.hi::text, h.lo::text, h.stream, h.version from pj.held h
	where h.grp = $1 and h.build = $2 and h.tenant = $3 and h.route = $4 order by h.hi, h.lo limit $5`

// held reads the first events that are held back.
func (f *follower) held(ctx context.Context, w ward, limit int) ([]envelope.Event, error) {
	rows, err := f.engine.DB.Query(ctx, sqlHeld, f.group.Name, f.build.Build, w.tenant, w.route, limit)
	if err != nil {
		return nil, err
	}
	type place struct {
		at      mark
		stream  string
		version int64
	}
	places, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p place, err error) {
		return p, row.Scan(&p.at.Hi, &p.at.Lo, &p.stream, &p.version)
	})
	if err != nil {
		return nil, err
	}
	var s stretch
	for _, p := range places {
		found, err := f.engine.Store.ReadStream(ctx, eventstore.StreamName(p.stream), p.version, 1)
		if err == nil && (len(found) == 0 || found[0].Pos != p.at.position()) {
			err = fmt.Errorf("projections: %s@%d is not in the log at %s", p.stream, p.version, p.at.position())
		}
		if err == nil {
			err = f.reader.add(ctx, &s, found[0])
		}
		if err == nil && s.unknown > 0 {
			err = fmt.Errorf("projections: %s@%d was written by a newer program than this one", p.stream, p.version)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.events, nil
}

const (
	sqlUnhold = `delete from pj.held where grp = $1 and build = $2 and tenant = $3 and route = $4
		and (hi, lo) <= ($5::text::numeric, $6::text::numeric)`
	sqlUnpark = `delete from pj.parked p where grp = $1 and build = $2 and tenant = $3 and route = $4
		and not exists (select from pj.held h where (h.grp, h.build, h.tenant, h.route) = (p.grp, p.build, p.tenant, p.route))`
	sqlStillOurs = `with kept as (update pj.lane set expires = clock_timestamp() + $5::interval
			where grp = $1 and build = $2 and lane = $3 and epoch = $4 returning lane)
		select pj.ours(count(*)) from kept`
	sqlNotTried = `update pj.parked set retry = false, tried = null, error = $5
		where grp = $1 and build = $2 and tenant = $3 and route = $4`
	sqlStayParked = `update pj.parked set retry = false, tried = null, at = clock_timestamp(), hi = $5::text::numeric,
			lo = $6::text::numeric, event_id = $7, stream = $8, version = $9, type = $10, error = $11
		where grp = $1 and build = $2 and tenant = $3 and route = $4`
)

// The checkpoint stays where it is, so nothing would tell that the server has forgotten
// this in a crash, while the lane goes on with the rows and without the parking.
const sqlWait = `select set_config('synchronous_commit', 'on', true)`

// mendSome applies events that were held back, all of them or none. The lane's checkpoint
// is past them already and stays where it is.
func (f *follower) mendSome(ctx context.Context, l *lane, w ward, events []envelope.Event) (err error) {
	defer func() {
		if err != nil {
			for _, part := range l.batch.all {
				part.reset(false)
			}
		}
	}()
	if err = l.batch.fold(ctx, f.engine.DB, f.sql, f.group.Apply, events); err != nil {
		return err
	}
	changes, _, err := l.batch.writes()
	if err != nil {
		return err
	}
	last := markOf(events[len(events)-1].Pos, time.Time{})
	err = f.transact(ctx, changes, func(q *pgx.Batch) {
		q.Queue(sqlWait)
		q.Queue(sqlStillOurs, f.group.Name, f.build.Build, l.no, l.epoch.Load(), f.engine.lease())
		q.Queue(sqlUnhold, f.group.Name, f.build.Build, w.tenant, w.route, last.Hi, last.Lo)
		q.Queue(sqlUnpark, f.group.Name, f.build.Build, w.tenant, w.route)
	})
	if err != nil {
		return err
	}
	failpoint.At("engine.retry")
	for _, part := range l.batch.all {
		part.keep()
	}
	return nil
}

func (f *follower) stayParked(ctx context.Context, w ward, e envelope.Event, why error) error {
	at := markOf(e.Pos, time.Time{})
	var bad *ApplyError
	if errors.As(why, &bad) {
		why = bad.Err
	}
	_, err := f.engine.DB.Exec(ctx, sqlStayParked, f.group.Name, f.build.Build, w.tenant, w.route, at.Hi, at.Lo,
		e.ID, string(e.Stream), e.Version, e.Type, shortened(why))
	return err
}
