package engine

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/failpoint"
)

const (
	sqlBuildState = `select state from pj.build where grp = $1 and build = $2`
	sqlFurthest   = `select hi::text, lo::text from pj.lane l join pj.active a using (grp, build)
		where l.grp = $1 and a.code_version = $2 order by l.hi desc, l.lo desc for update of l`
	sqlFreezeActive = `update pj.lane l set epoch = l.epoch + 1, owner = null, expires = 'infinity' from pj.active a
		where l.grp = $1 and a.grp = l.grp and a.build = l.build and a.code_version = $2`
	sqlStill = `select from pj.lane where grp = $1 and build = $2 order by lane for update`
)

// switchTo makes a build the active one. The old one's lanes are held still until the new
// ones have passed them, and for good then: whoever still reads the old tables for a
// moment sees nothing newer than what the new ones show. And the new one's lanes are held
// still until that moment is over: somebody who asks two servers in turn, of which one has
// not heard of the switch, does not see less than before.
func (e *Engine) switchTo(ctx context.Context, g *Group, b build) (done bool, err error) {
	release := func() {}
	defer func() { release() }()
	switched := false
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		now, err := oneBuild(ctx, tx, sqlBuilds+`where grp = $1 and build = $2`, b.Group, b.Build)
		if err != nil {
			return err
		}
		if now.State != stateReady || now.Held { // another process was faster, or it was given up
			done = now.State == stateActive
			return nil
		}
		old, err := e.furthest(ctx, tx, g)
		if err != nil {
			return err
		}
		if old != nil {
			if ok, err := passed(ctx, tx, b, *old, 2*time.Second); !ok || err != nil {
				return err
			}
			if release, err = e.still(ctx, b); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlFreezeActive, g.Name, g.Version); err != nil {
			return err
		}
		done, switched = true, true
		return activate(ctx, tx, b)
	})
	if err != nil {
		return false, err
	}
	if !switched {
		return done, nil
	}
	failpoint.At("engine.after_switch")
	e.log().Info("projections: switched", "group", g.Name, "build", b.Build, "version", b.Version)
	sleep(ctx, PointerFor)
	release()
	e.tidyUp(ctx, g)
	return true, nil
}

// furthest holds the active build's lanes still until tx ends, and tells where the first
// of them is; nil if there is no active build.
func (e *Engine) furthest(ctx context.Context, tx pgx.Tx, g *Group) (*mark, error) {
	rows, err := tx.Query(ctx, sqlFurthest, g.Name, g.Version)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m mark, err error) {
		return m, row.Scan(&m.Hi, &m.Lo)
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// still holds a build's lanes where they are until release is called, or this process dies.
func (e *Engine) still(ctx context.Context, b build) (release func(), err error) {
	tx, err := e.DB.Begin(ctx)
	if err != nil {
		return func() {}, err
	}
	release = func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }
	if _, err := tx.Exec(ctx, sqlStill, b.Group, b.Build); err != nil {
		release()
		return func() {}, err
	}
	return release, nil
}
