package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/failpoint"
)

const (
	sqlBuildState = `select state from pj.build where grp = $1 and build = $2`
	sqlFurthest   = `select hi::text, lo::text from pj.lane l join pj.active a using (grp, build)
		where l.grp = $1 and a.code_version = $2 order by l.lane for update of l`
	sqlFreezeActive = `update pj.lane l set epoch = l.epoch + 1, owner = null, expires = 'infinity' from pj.active a
		where l.grp = $1 and a.grp = l.grp and a.build = l.build and a.code_version = $2`
	sqlAnnounce = `update pj.active set moving_until = clock_timestamp() + $3::interval where grp = $1 and code_version = $2`
	sqlMoving   = `select coalesce(bool_and(moving_until > clock_timestamp()), true) from pj.active where grp = $1 and code_version = $2`
)

// announcedFor is how long nobody remembers the pointer of a group that is being switched.
const announcedFor = 5 * time.Second

// switchTo makes a build the active one. The old one's lanes are held still until the new
// ones have passed them, and for good then. Before, it is announced: from then on every
// server asks for each query which build is active, so that all turn to the new one in the
// same moment, and somebody who asks two servers in turn never sees less than before.
func (e *Engine) switchTo(ctx context.Context, g *Group, b build) (done bool, err error) {
	tag, err := e.DB.Exec(ctx, sqlAnnounce, g.Name, g.Version, announcedFor)
	if err != nil {
		return false, err
	}
	if tag.RowsAffected() > 0 {
		sleep(ctx, PointerFor) // until those have forgotten who had asked before
	}
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
		}
		if _, err := tx.Exec(ctx, sqlFreezeActive, g.Name, g.Version); err != nil {
			return err
		}
		var announced bool
		if err := tx.QueryRow(ctx, sqlMoving, g.Name, g.Version).Scan(&announced); err != nil || !announced {
			return errOr(err, errSlow)
		}
		done, switched = true, true
		return activate(ctx, tx, b)
	})
	if errors.Is(err, errSlow) {
		return false, nil
	}
	if err == nil && switched {
		failpoint.At("engine.after_switch")
		e.log().Info("projections: switched", "group", g.Name, "build", b.Build, "version", b.Version)
		e.tidyUp(ctx, g)
	}
	return done && err == nil, err
}

// errSlow says that the announcement was forgotten before the switch: another try, then.
var errSlow = errors.New("projections: the switch took too long")

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
	// Not by the statement: its order is that of before it waited for the locks.
	first := slices.MaxFunc(all, func(a, b mark) int { return a.position().Compare(b.position()) })
	return &first, nil
}
