package engine

import (
	"context"
	"slices"
)

const (
	sqlRegister = `insert into pj.follower as f (grp, build, owner, expires) values ($1, $2, $3, clock_timestamp() + $4::interval)
		on conflict (grp, build, owner) do update set expires = excluded.expires`
	sqlOthers = `select count(*) from pj.follower where grp = $1 and build = $2 and owner <> $3
		and expires between clock_timestamp() and clock_timestamp() + 2 * $4::interval`
	sqlForget = `delete from pj.follower where expires < clock_timestamp() - interval '1 minute'`
	sqlYield  = `update pj.lane l set expires = null, owner = null, attempts = least(attempts, $5) from unnest($3::int[], $4::bigint[]) as mine (lane, epoch)
		where l.grp = $1 and l.build = $2 and l.lane = mine.lane and l.epoch = mine.epoch`
)

// register says that this follower lives, and finds out how many lanes it may have: as
// many as everybody else, rounded up.
func (f *follower) register(ctx context.Context) error {
	if f.spare {
		return nil
	}
	if _, err := f.engine.DB.Exec(ctx, sqlRegister, f.group.Name, f.build.Build, f.owner, f.engine.lease()); err != nil {
		return err
	}
	var others int
	if err := f.engine.DB.QueryRow(ctx, sqlOthers, f.group.Name, f.build.Build, f.owner, f.engine.lease()).Scan(&others); err != nil {
		return err
	}
	f.share.Store(int32((len(f.lanes) + others) / (others + 1)))
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
	if keep := int(f.share.Load()); len(surplus) <= keep {
		return nil
	} else if err := f.save(ctx, true); err != nil {
		return err
	} else {
		surplus = slices.DeleteFunc(surplus[keep:], func(l *lane) bool { return !l.owned }) // fenced just now
	}
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
