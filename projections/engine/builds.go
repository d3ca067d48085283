package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// The life of a build: building, ready (has caught up once), active (read by queries),
// retired (kept for roll-back, which makes it ready again), dropped. A scratch build is
// verify's, or one that was given up and is still to be dropped.
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
	Held    bool   `db:"held"`    // a comparison found differences: no switch until a person decides
	Forced  bool   `db:"forced"`  // a person has decided
	Revived bool   `db:"revived"` // by a roll-back

	owner string // of its lanes, if this process has made it for itself
}

const sqlBuilds = `select b.grp, b.build, b.code_version, b.lanes, b.schema, b.state,
	b.finding is not null and not b.forced as held, b.forced, b.revived from pj.build b `

// oneBuild reads a single build, or says pgx.ErrNoRows.
func oneBuild(ctx context.Context, db database, sql SQL, args ...any) (build, error) {
	rows, err := db.Query(ctx, string(sql), args...)
	if err != nil {
		return build{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[build])
}

// again is a build as it is now.
func (e *Engine) again(ctx context.Context, b build) (build, error) {
	return oneBuild(ctx, e.DB, sqlBuilds+`where grp = $1 and build = $2`, b.Group, b.Build)
}

const sqlGroupLock = `select pg_advisory_xact_lock(hashtextextended('pj.' || $1, 0))`

const sqlCurrent = sqlBuilds + `where grp = $1 and code_version = $2 and state in ('building', 'ready', 'active') order by build`

// current lists the builds to follow; it makes the first one of this code version.
func (e *Engine) current(ctx context.Context, g *Group) ([]build, error) {
	find := func(db database) ([]build, error) {
		rows, err := db.Query(ctx, sqlCurrent, g.Name, g.Version)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowToStructByName[build])
	}
	builds, err := find(e.DB)
	if err != nil || len(builds) > 0 {
		return builds, err
	}
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		// By tx: who holds the lock must not wait for a connection that those have who wait for it.
		if builds, err = find(tx); err != nil || len(builds) > 0 {
			return err // another process was faster
		}
		if e.Making != nil {
			if err := e.Making(ctx, g.Name, g.Version); err != nil {
				return err
			}
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

// Requests see the rows of their tenant, and change none (migration 0019).
const sqlIsolateBuild = `select pj.isolate($1::name)`

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
	if _, err := tx.Exec(ctx, sqlIsolateBuild, b.Schema); err != nil {
		return b, fmt.Errorf("projections: who may read %s: %w", g.Name, err)
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
	// The order of changed_at is the order of switches, also if the clock was set back.
	sqlChangedNow = `changed_at = greatest(clock_timestamp(), (select max(changed_at) + interval '1 us' from pj.build where grp = $1))`
	sqlRetire     = `update pj.build set state = 'retired', ` + sqlChangedNow + ` where grp = $1 and code_version = $2 and state = 'active'`
	sqlState      = `update pj.build set state = $3, ` + sqlChangedNow + ` where grp = $1 and build = $2`
	sqlActivate   = `update pj.build set state = 'active', finding = null, forced = false, revived = false, ` + sqlChangedNow +
		` where grp = $1 and build = $2`
	sqlPoint = `insert into pj.active as a (grp, code_version, build) values ($1, $2, $3)
		on conflict (grp, code_version) do update set build = excluded.build, since = clock_timestamp(), moving_until = null`
)

// activate points queries to a build; the one before is retired.
func activate(ctx context.Context, tx pgx.Tx, b build) error {
	if _, err := tx.Exec(ctx, sqlRetire, b.Group, b.Version); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlActivate, b.Group, b.Build); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlPoint, b.Group, b.Version, b.Build)
	return err
}

// drop takes a build's tables away, if it is still in one of the states given. Whoever
// reads them has a moment to finish.
func (e *Engine) drop(ctx context.Context, b build, states ...string) error {
	return pgx.BeginFunc(ctx, e.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlGroupLock, b.Group); err != nil {
			return err
		}
		var state string
		if err := tx.QueryRow(ctx, sqlBuildState, b.Group, b.Build).Scan(&state); err != nil || !slices.Contains(states, state) {
			return err
		}
		if _, err := tx.Exec(ctx, "set local lock_timeout = '3s'"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, SQL("drop schema if exists {s} cascade").In(b.Schema)); err != nil {
			return err
		}
		for _, sql := range []SQL{`delete from pj.active where grp = $1 and build = $2`, `delete from pj.lane where grp = $1 and build = $2`} {
			if _, err := tx.Exec(ctx, string(sql), b.Group, b.Build); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sqlState, b.Group, b.Build, stateDropped)
		return err
	})
}
