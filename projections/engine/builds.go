package engine

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// The life of a build: building, ready (has caught up once), active (read by queries),
// retired (kept for roll-back), dropped. A scratch build is verify's.
const (
	stateBuilding = "building"
	stateReady    = "ready"
	stateActive   = "active"
	stateRetired  = "retired"
	stateScratch  = "scratch"
	stateDropped  = "dropped"
)

// build is one set of a group's tables.
type build struct {
	Group   string `db:"grp"`
	Build   int    `db:"build"`
	Version int    `db:"code_version"`
	Lanes   int    `db:"lanes"`
	Schema  string `db:"schema"`
	State   string `db:"state"`
}

const sqlGroupLock = `select pg_advisory_xact_lock(hashtextextended('pj.' || $1, 0))`

const sqlCurrent = `select grp, build, code_version, lanes, schema, state from pj.build
	where grp = $1 and code_version = $2 and state in ('building', 'ready', 'active') order by build`

// current lists the builds to follow; it makes the first one of this code version.
func (e *Engine) current(ctx context.Context, g *Group) ([]build, error) {
	find := func() ([]build, error) {
		rows, err := e.DB.Query(ctx, sqlCurrent, g.Name, g.Version)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowToStructByName[build])
	}
	builds, err := find()
	if err != nil || len(builds) > 0 {
		return builds, err
	}
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		if builds, err = find(); err != nil || len(builds) > 0 {
			return err // another process was faster
		}
		b, err := e.makeBuild(ctx, tx, g, stateBuilding)
		builds = []build{b}
		return err
	})
	return builds, err
}

// locked runs what only one process may do with a group at a time.
func (e *Engine) locked(ctx context.Context, g *Group, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, e.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlGroupLock, g.Name); err != nil {
			return err
		}
		return do(tx)
	})
}

const (
	sqlNextBuild = `select coalesce(max(build), 0) + 1 from pj.build where grp = $1`
	sqlMakeBuild = `insert into pj.build (grp, build, code_version, lanes, schema, state) values ($1, $2, $3, $4, $5, $6)`
	sqlMakeLanes = `insert into pj.lane (grp, build, lane, lanes) select $1, $2, n, $3 from generate_series(0, $3 - 1) n`
)

// makeBuild makes an empty build. If the log is empty too, there is nothing to catch up
// with, and it is active at once.
func (e *Engine) makeBuild(ctx context.Context, tx pgx.Tx, g *Group, state string) (b build, err error) {
	b = build{Group: g.Name, Version: g.Version, Lanes: g.Lanes, State: state}
	head, err := e.Store.Head(ctx)
	if err != nil {
		return b, err
	}
	if err := tx.QueryRow(ctx, sqlNextBuild, g.Name).Scan(&b.Build); err != nil {
		return b, err
	}
	b.Schema = fmt.Sprintf("p_%s_v%d_b%d", g.Name, g.Version, b.Build)
	if _, err := tx.Exec(ctx, sqlMakeBuild, b.Group, b.Build, b.Version, b.Lanes, b.Schema, b.State); err != nil {
		return b, err
	}
	if _, err := tx.Exec(ctx, SQL("create schema {s};").In(b.Schema)+SQL(g.DDL).In(b.Schema)); err != nil {
		return b, fmt.Errorf("projections: the tables of %s: %w", g.Name, err)
	}
	if state != stateScratch {
		if _, err := tx.Exec(ctx, sqlMakeLanes, b.Group, b.Build, b.Lanes); err != nil {
			return b, err
		}
	}
	if state == stateBuilding && head == (eventstore.Position{}) {
		b.State = stateActive
		return b, activate(ctx, tx, b)
	}
	return b, deferIndexes(ctx, tx, b)
}

const (
	sqlRetire = `update pj.build set state = 'retired', changed_at = clock_timestamp()
		where grp = $1 and code_version = $2 and state = 'active'`
	sqlState = `update pj.build set state = $3, changed_at = clock_timestamp() where grp = $1 and build = $2`
	sqlPoint = `insert into pj.active as a (grp, code_version, build) values ($1, $2, $3)
		on conflict (grp, code_version) do update set build = excluded.build, since = clock_timestamp()`
)

// activate points queries to a build; the one before is retired.
func activate(ctx context.Context, tx pgx.Tx, b build) error {
	if _, err := tx.Exec(ctx, sqlRetire, b.Group, b.Version); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlState, b.Group, b.Build, stateActive); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlPoint, b.Group, b.Version, b.Build)
	return err
}

// drop takes a build's tables away. Whoever still reads them has a moment to finish.
func (e *Engine) drop(ctx context.Context, b build) error {
	return pgx.BeginFunc(ctx, e.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local lock_timeout = '3s'"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, SQL("drop schema if exists {s} cascade").In(b.Schema)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "delete from pj.lane where grp = $1 and build = $2", b.Group, b.Build); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlState, b.Group, b.Build, stateDropped)
		return err
	})
}

const sqlOld = `select grp, build, code_version, lanes, schema, state from pj.build b where grp = $1 and (
	state = 'retired' and code_version = $2 and build < (select max(build) from pj.build r
		where r.grp = $1 and r.code_version = $2 and r.state = 'retired')
	or state = 'scratch' and made_at < clock_timestamp() - interval '1 day'
	or state in ('building', 'ready', 'active', 'retired') and code_version < $2 and changed_at < clock_timestamp() - interval '1 day'
		and not exists (select from pj.lane l where l.grp = b.grp and l.build = b.build and l.expires > clock_timestamp() - interval '1 day'))`

// tidy drops what nobody returns to: builds before the one kept for roll-back, those of
// older programs that have not run for a day, and what a killed verify left.
func (e *Engine) tidy(ctx context.Context, g *Group) error {
	rows, err := e.DB.Query(ctx, sqlOld, g.Name, g.Version)
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowToStructByName[build])
	if err != nil {
		return err
	}
	for _, b := range old {
		if b.State == stateActive {
			if _, err := e.DB.Exec(ctx, "delete from pj.active where grp = $1 and build = $2", b.Group, b.Build); err != nil {
				return err
			}
		}
		if err := e.drop(ctx, b); err != nil {
			return fmt.Errorf("projections: drop %s: %w", b.Schema, err)
		}
	}
	return nil
}
