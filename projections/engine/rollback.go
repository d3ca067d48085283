package engine

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// Switched is what a roll-back has done.
type Switched struct {
	Group string `json:"group"`
	From  int    `json:"from"` // now retired, and kept: one can roll forward again
	To    int    `json:"to"`   // now active
}

// Rollback returns to the build that was active before the last switch, or to a retired
// one by its number; 0 is the former. The old build first catches up with what has been
// appended since, so that no reader sees an older state than before. It is not compared
// with the active one: that they differ is why one rolls back. Builds of other versions of
// the program are not for this program to return to; they come back with theirs.
func (e *Engine) Rollback(ctx context.Context, group string, no int, progress func(done, total uint64)) (s Switched, err error) {
	g := e.group(group)
	if g == nil {
		return s, unknownGroup(group)
	}
	from, to, joined, err := e.revive(ctx, g, no)
	if err != nil {
		return s, err
	}
	s = Switched{Group: g.Name, From: from.Build, To: to.Build}
	if err = e.finish(ctx, g, to, progress); err == nil || joined {
		return s, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s, errors.Join(err, e.locked(ctx, g, func(tx pgx.Tx) error { return retire(ctx, tx, to) }))
}

const (
	sqlRevived = sqlBuilds + `where grp = $1 and code_version = $2 and state = 'ready' and revived`
	sqlKept    = sqlBuilds + `where grp = $1 and code_version = $2 and state = 'retired' and $3 in (0, build)
		order by changed_at desc, build desc limit 1`
	sqlRevive = `update pj.build set state = 'ready', revived = true, finding = null, forced = false, ` + sqlChangedNow +
		` where grp = $1 and build = $2`
	// Whoever was parked then may have been mended since. What kills processes is not tried unasked.
	sqlAskAll = `update pj.parked set retry = true, tried = null where grp = $1 and build = $2 and deaths = 0`
	sqlFree   = `update pj.lane set epoch = epoch + 1, owner = null, expires = null where grp = $1 and build = $2`
	sqlFreeze = `update pj.lane set epoch = epoch + 1, owner = null, expires = 'infinity' where grp = $1 and build = $2`
)

// revive sets a retired build going again, or joins in a roll-back under way.
func (e *Engine) revive(ctx context.Context, g *Group, no int) (from, to build, joined bool, err error) {
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		if from, err = oneBuild(ctx, tx, sqlActive, g.Name, g.Version); errors.Is(err, pgx.ErrNoRows) {
			return errBuilding
		}
		if err != nil {
			return err
		}
		if from.Build == no {
			return domain.Refused("projections.already_active", "build %d of %s is the active one", no, g.Name)
		}
		to, err = oneBuild(ctx, tx, sqlRevived, g.Name, g.Version)
		if joined = err == nil; joined && no != 0 && no != to.Build {
			return domain.Refused("projections.rolling_back", "%s is being rolled back to build %d", g.Name, to.Build)
		}
		if joined || !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if to, err = oneBuild(ctx, tx, sqlKept, g.Name, g.Version, no); errors.Is(err, pgx.ErrNoRows) {
			return nothingKept(g, no)
		}
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, sqlFree, to.Group, to.Build); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, sqlAskAll, to.Group, to.Build); err != nil {
			return err
		}
		to.State, to.Revived = stateReady, true
		_, err = tx.Exec(ctx, sqlRevive, to.Group, to.Build)
		return err
	})
	return from, to, joined, err
}

func nothingKept(g *Group, no int) error {
	if no != 0 {
		return domain.Refused("projections.nothing_to_return_to", "build %d of %s is not kept: see portico projections list", no, g.Name)
	}
	return domain.Refused("projections.nothing_to_return_to",
		"no earlier build of %s by this version of the program is kept; builds of an older program come back when that program is started", g.Name)
}

// retire lets a revived build rest again, if it has not become the active one meanwhile.
func retire(ctx context.Context, tx pgx.Tx, b build) error {
	tag, err := tx.Exec(ctx, `update pj.build set revived = false, state = 'retired', `+sqlChangedNow+
		` where grp = $1 and build = $2 and state = 'ready' and revived`, b.Group, b.Build)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, sqlFreeze, b.Group, b.Build)
	return err
}
