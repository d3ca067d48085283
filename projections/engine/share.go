package engine

import (
	"context"
	"slices"
)

const (
	sqlRegister = `insert into pj.follower as f (grp, build, owner, expires) values ($1, $2, $3, clock_timestamp() + $4::interval)
		on conflict (grp, build, owner) do update set expires = excluded.expires`
	// How many others follow a build, and how many of them come before us ($3, with $5 lanes):
	// those who have more lanes, or as many and the lesser name. Lanes are dealt evenly; what
	// is left over goes to those who come first, one each. So everybody gets a lane before
	// anybody gets two more, and none changes hands in vain.
	sqlOthers = `select count(*) as n, count(*) filter (where has > $5 or has = $5 and owner < $3) as before
		from (select f.owner, (select count(*) from pj.lane o
				where o.grp = $1 and o.build = $2 and o.owner = f.owner and o.expires is not null) as has
			from pj.follower f where f.grp = $1 and f.build = $2 and f.owner <> $3
			and f.expires between clock_timestamp() and clock_timestamp() + 2 * $4::interval) others`
	sqlForget = `delete from pj.follower where expires < clock_timestamp() - interval '1 minute'`
	sqlYield  = `update pj.lane l set expires = null, owner = null, attempts = least(attempts, $5) from unnest($3::int[], $4::bigint[]) as mine (lane, epoch)
		where l.grp = $1 and l.build = $2 and l.lane = mine.lane and l.epoch = mine.epoch`
)

// register says that this follower lives, and finds out how many lanes it may have.
func (f *follower) register(ctx context.Context) error {
	if f.spare {
		return nil
	}
	if _, err := f.engine.DB.Exec(ctx, sqlRegister, f.group.Name, f.build.Build, f.owner, f.engine.lease()); err != nil {
		return err
	}
	have := 0
	for _, l := range f.lanes {
		if _, owned := l.kept(); owned {
			have++
		}
	}
	var others, before int
	if err := f.engine.DB.QueryRow(ctx, sqlOthers, f.group.Name, f.build.Build, f.owner, f.engine.lease(), have).Scan(&others, &before); err != nil {
		return err
	}
	f.share.Store(int32((len(f.lanes) + others - before) / (others + 1)))
	_, err := f.engine.DB.Exec(ctx, sqlForget)
	return err
}

// yield lets go of lanes above our share, for those who have come since.
func (f *follower) yield(ctx context.Context) error {
	var surplus []*lane
	for _, l := range f.lanes {
		if l.owned {
			surplus = append(surplus, l)
		}
	}
	if len(surplus) <= int(f.share.Load()) {
		return nil
	}
	if err := f.register(ctx); err != nil { // they may be of somebody who died since
		return err
	}
	keep := int(f.share.Load())
	if len(surplus) <= keep {
		return nil
	}
	if err := f.save(ctx, true); err != nil {
		return err
	}
	surplus = slices.DeleteFunc(surplus[keep:], func(l *lane) bool { return !l.owned }) // fenced just now
	var lanes []int
	var epochs []int64
	for _, l := range surplus {
		lanes, epochs = append(lanes, l.no), append(epochs, l.epoch.Load())
	}
	if _, err := f.engine.DB.Exec(ctx, sqlYield, f.group.Name, f.build.Build, lanes, epochs, singly); err != nil {
		return err
	}
	for _, l := range surplus {
		l.drop()
	}
	return nil
}
