package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// Whoever dies is replaced within ten seconds, the time to notice included; a renewal that
// hangs may be made up for.
const (
	leaseFor   = 8 * time.Second
	renewEvery = 2 * time.Second
)

const (
	// A new epoch fences whoever had the lane. The database's clock alone decides. Lanes
	// that were let go are taken up to our share; those whose owner died, at once; and
	// those whose lease would last longer than any: the clock was put back since.
	sqlLease = `update pj.lane l set owner = $3, epoch = l.epoch + 1, expires = clock_timestamp() + $4::interval
		from (select lane, expires is not null and owner is distinct from $3 as died from pj.lane as seat, (` + sqlOthers + `) others
			where grp = $1 and build = $2 and lane = any($6)
			and (expires < clock_timestamp() or owner = $3 or expires > clock_timestamp() + 2 * $4::interval and expires < 'infinity'
				or expires is null and ($7 or $5 + (
				select count(*) from pj.lane o where o.grp = $1 and o.build = $2 and o.expires is null
					and o.lane <= seat.lane) <= (lanes + others.n - others.before) / (1 + others.n)))
			order by lane for update of seat skip locked) free
		where l.grp = $1 and l.build = $2 and l.lane = free.lane
		returning l.lane, l.epoch, l.hi::text, l.lo::text, l.event_at, free.died, l.attempts,
			coalesce(l.trying_hi, 0)::text, coalesce(l.trying_lo, 0)::text`
	sqlRenew = `update pj.lane l set expires = clock_timestamp() + $5::interval
		from unnest($3::int[], $4::bigint[]) as mine (lane, epoch)
		where l.grp = $1 and l.build = $2 and l.lane = mine.lane and l.epoch = mine.epoch
		returning l.lane, l.epoch, l.hi::text, l.lo::text`
	sqlSave = `update pj.lane l set hi = m.hi::numeric, lo = m.lo::numeric, event_at = m.at,
			expires = clock_timestamp() + $10::interval
		from unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::text[])
			as m (lane, epoch, hi, lo, at, old_hi, old_lo)
		where l.grp = $1 and l.build = $2 and l.lane = m.lane and l.epoch = m.epoch
			and l.hi = m.old_hi::numeric and l.lo = m.old_lo::numeric
		returning l.lane`
	sqlOwners  = `select distinct owner from pj.lane where expires > clock_timestamp() and owner is not null`
	sqlInherit = `with gone as (delete from pj.follower where owner = $1)
		update pj.lane set expires = '-infinity' where owner = $1 and expires > clock_timestamp() and expires < 'infinity'`
	// Who lets a lane go has not died of what it tried last.
	sqlRelease = `with gone as (delete from pj.follower where grp = $1 and build = $2 and owner = $3),
			asked as (update pj.parked p set tried = null from pj.lane l where l.grp = $1 and l.build = $2 and l.owner = $3
				and (p.grp, p.build, p.lane) = (l.grp, l.build, l.lane) and p.retry and p.tried = l.epoch)
		update pj.lane set expires = null, attempts = least(attempts, $4) where grp = $1 and build = $2 and owner = $3`
)

// Inherit frees the lanes of processes that are known to be dead, so that nobody has to
// wait for their leases to run out. Should one of them live after all, it is fenced.
func (e *Engine) Inherit(ctx context.Context, dead func(node string) bool) error {
	rows, err := e.DB.Query(ctx, sqlOwners)
	if err != nil {
		return err
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, owner := range owners {
		node := owner[:max(strings.LastIndex(owner, "/"), 0)] // what follows names the follower
		if err == nil && dead(node) {
			_, err = e.DB.Exec(ctx, sqlInherit, owner)
		}
	}
	return err
}

// seek leases the lanes that nobody has.
func (f *follower) seek(ctx context.Context) error {
	var want []int
	for _, l := range f.lanes {
		if l.owned && l.lost.Load() {
			f.engine.log().Warn("projections: the database has forgotten a checkpoint", "group", f.group.Name, "build", f.build.Build, "lane", l.no)
			l.drop()
		}
		if !l.owned {
			want = append(want, l.no)
		}
	}
	if len(want) == 0 || time.Since(f.sought) < seekEvery {
		return nil
	}
	f.sought = time.Now()
	have := len(f.lanes) - len(want)
	rows, err := f.engine.DB.Query(ctx, sqlLease, f.group.Name, f.build.Build, f.owner, f.engine.lease(), have, want, f.spare)
	if err != nil {
		return err
	}
	var no, attempts int
	var epoch int64
	var at, trying mark
	var died bool
	taken := map[int]func(map[ward]bool){}
	_, err = pgx.ForEachRow(rows, []any{&no, &epoch, &at.Hi, &at.Lo, &at.At, &died, &attempts, &trying.Hi, &trying.Lo}, func() error {
		l, epoch, at, s := f.lanes[no], epoch, at, suspected(died, attempts, trying.position())
		taken[no] = func(parked map[ward]bool) { l.take(epoch, at, s, parked) }
		return nil
	})
	if err != nil || len(taken) == 0 {
		return err
	}
	wards, err := f.recall(ctx, slices.Collect(maps.Keys(taken)))
	if err != nil {
		return err // they are ours, and will be taken again
	}
	for no, take := range taken {
		take(wards[no])
	}
	return nil
}

// renew says that we live, and keeps the leases while work takes its time. Whether they
// are still ours does not matter here: the compare-and-set of the next checkpoint tells.
func (f *follower) renew(ctx context.Context) {
	for sleep(ctx, min(renewEvery, f.engine.lease()/3)); ctx.Err() == nil; sleep(ctx, min(renewEvery, f.engine.lease()/3)) {
		if f.engine.faults.at("renew") != nil {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, renewEvery)
		err := f.register(bounded)
		if err == nil {
			err = f.keepLeases(bounded)
		}
		if cancel(); err != nil && ctx.Err() == nil {
			f.engine.log().Warn("projections: leases not renewed", "group", f.group.Name, "error", err)
		}
	}
}

// keepLeases renews, and compares checkpoints meanwhile: if the server died and forgot the
// last commits (sqlNoWait), the next compare-and-set may be a long way off.
func (f *follower) keepLeases(ctx context.Context) error {
	var lanes []int
	var epochs []int64
	sure := map[int]eventstore.Position{}
	for _, l := range f.lanes {
		if saved, owned := l.kept(); owned {
			lanes, epochs, sure[l.no] = append(lanes, l.no), append(epochs, l.epoch.Load()), saved
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	rows, err := f.engine.DB.Query(ctx, sqlRenew, f.group.Name, f.build.Build, lanes, epochs, f.engine.lease())
	if err != nil {
		return err
	}
	var no int
	var epoch int64
	var now mark
	_, err = pgx.ForEachRow(rows, []any{&no, &epoch, &now.Hi, &now.Lo}, func() error {
		if l := f.lanes[no]; l.epoch.Load() == epoch && now.position().Before(sure[no]) {
			l.lost.Store(true)
		}
		return nil
	})
	return err
}

// save writes the checkpoints of lanes that moved on without rows, all at once and not
// too often. With release it lets the lanes go, too.
func (f *follower) save(ctx context.Context, release bool) error {
	if time.Since(f.savedAt) < saveEvery && !release {
		return nil
	}
	var behind []*lane
	var lanes []int
	var epochs []int64
	var his, los, oldHis, oldLos []string
	var ats []*time.Time
	for _, l := range f.lanes {
		if !l.owned || !l.saved.Before(l.seen) {
			continue
		}
		to, from := markOf(l.seen, l.at), markOf(l.saved, time.Time{})
		behind, lanes, epochs = append(behind, l), append(lanes, l.no), append(epochs, l.epoch.Load())
		his, los, ats = append(his, to.Hi), append(los, to.Lo), append(ats, to.At)
		oldHis, oldLos = append(oldHis, from.Hi), append(oldLos, from.Lo)
	}
	f.savedAt = time.Now()
	if len(lanes) == 0 {
		return nil
	}
	if err := f.engine.faults.at("save"); err != nil {
		return err
	}
	rows, err := f.engine.DB.Query(ctx, sqlSave, f.group.Name, f.build.Build, lanes, epochs,
		his, los, ats, oldHis, oldLos, f.engine.lease())
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return err
	}
	f.note(behind, done)
	return nil
}

// note records of which lanes the database moved; the others are somebody else's.
func (f *follower) note(behind []*lane, done []int) {
	moved := map[int]bool{}
	for _, no := range done {
		moved[no] = true
	}
	for _, l := range behind {
		if moved[l.no] {
			l.saved = l.seen
			continue
		}
		f.fenced(l)
		l.drop()
	}
}

// release lets other processes in at once.
func (f *follower) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := f.save(ctx, true)
	if err == nil {
		_, err = f.engine.DB.Exec(ctx, sqlRelease, f.group.Name, f.build.Build, f.owner, singly)
	}
	if err != nil {
		f.engine.log().Warn("projections: lanes not released", "group", f.group.Name, "error", err)
	}
	for _, l := range f.lanes {
		l.drop()
	}
}
