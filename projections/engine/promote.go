package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// promote makes a build active if it has caught up: its lanes pass a head that was read
// less than a second before, twice. It answers false if it is not there yet.
func (e *Engine) promote(ctx context.Context, g *Group, b build) (bool, error) {
	if ok, err := e.caughtUp(ctx, b); !ok || err != nil {
		return false, err
	}
	if err := e.makeIndexes(ctx, b); err != nil {
		return false, err
	}
	if _, err := e.DB.Exec(ctx, sqlState+" and state = 'building'", b.Group, b.Build, stateReady); err != nil {
		return false, err
	}
	if ok, err := e.caughtUp(ctx, b); !ok || err != nil {
		return false, err
	}
	return e.switchTo(ctx, g, b)
}

const sqlPassed = `select bool_and((hi, lo) >= ($3::text::numeric, $4::text::numeric)) from pj.lane where grp = $1 and build = $2`

// passed waits up to a limit until all lanes of a build have passed a position.
func passed(ctx context.Context, db database, b build, m mark, limit time.Duration) (ok bool, err error) {
	for end := time.Now().Add(limit); ; sleep(ctx, 10*time.Millisecond) {
		err = db.QueryRow(ctx, sqlPassed, b.Group, b.Build, m.Hi, m.Lo).Scan(&ok)
		if ok || err != nil || time.Now().After(end) {
			return ok, err
		}
	}
}

func (e *Engine) caughtUp(ctx context.Context, b build) (bool, error) {
	head, err := e.Store.Head(ctx)
	if err != nil {
		return false, err
	}
	return passed(ctx, e.DB, b, markOf(head, time.Time{}), time.Second)
}

const (
	sqlBuildState = `select state from pj.build where grp = $1 and build = $2`
	sqlFurthest   = `select hi::text, lo::text from pj.lane l join pj.active a using (grp, build)
		where l.grp = $1 and a.code_version = $2 order by l.hi desc, l.lo desc for update of l`
	sqlFreeze = `update pj.lane l set epoch = l.epoch + 1, owner = null, expires = 'infinity' from pj.active a
		where l.grp = $1 and a.grp = l.grp and a.build = l.build and a.code_version = $2`
)

// switchTo makes a build the active one. The old one's lanes are held still until the new
// ones have passed them, and for good then: whoever still reads the old tables for a
// moment sees nothing newer than what the new ones show.
func (e *Engine) switchTo(ctx context.Context, g *Group, b build) (done bool, err error) {
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		var state string
		if err := tx.QueryRow(ctx, sqlBuildState, b.Group, b.Build).Scan(&state); err != nil {
			return err
		}
		if state != stateReady { // another process was faster, or it was given up
			done = state == stateActive
			return nil
		}
		rows, err := tx.Query(ctx, sqlFurthest, g.Name, g.Version)
		if err != nil {
			return err
		}
		old, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m mark, err error) {
			return m, row.Scan(&m.Hi, &m.Lo)
		})
		if err != nil {
			return err
		}
		if len(old) > 0 {
			if ok, err := passed(ctx, tx, b, old[0], 2*time.Second); !ok || err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlFreeze, g.Name, g.Version); err != nil {
			return err
		}
		done = true
		return activate(ctx, tx, b)
	})
	if done && err == nil {
		e.log().Info("projections: switched", "group", g.Name, "build", b.Build, "version", b.Version)
		if err := e.tidy(ctx, g); err != nil { // next time, then
			e.log().Warn("projections: old builds remain", "group", g.Name, "error", err)
		}
	}
	return done && err == nil, err
}

const (
	sqlIndexes = `select quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_get_indexdef(i.indexrelid)
		from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
		join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where n.nspname = $1 and not i.indisunique and not i.indisexclusion order by 1`
	sqlDefer     = `update pj.build set deferred = $3 where grp = $1 and build = $2`
	sqlNextIndex = `select deferred[1] from pj.build where grp = $1 and build = $2 and cardinality(deferred) > 0 for update`
	sqlMadeIndex = `update pj.build set deferred = deferred[2:] where grp = $1 and build = $2`
)

// deferIndexes takes away the indexes that only queries need, until the bulk is folded.
func deferIndexes(ctx context.Context, tx pgx.Tx, b build) error {
	rows, err := tx.Query(ctx, sqlIndexes, b.Schema)
	if err != nil {
		return err
	}
	var name, definition string
	var names, definitions []string
	_, err = pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		names, definitions = append(names, name), append(definitions, definition)
		return nil
	})
	if err != nil || len(names) == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, "drop index "+list(names)); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlDefer, b.Group, b.Build, definitions)
	return err
}

// makeIndexes makes them, each in its own transaction: one that locked two tables could
// meet a lane half way.
func (e *Engine) makeIndexes(ctx context.Context, b build) error {
	made := false
	for {
		var definition string
		err := pgx.BeginFunc(ctx, e.DB, func(tx pgx.Tx) error {
			if err := tx.QueryRow(ctx, sqlNextIndex, b.Group, b.Build).Scan(&definition); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, definition); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, sqlMadeIndex, b.Group, b.Build)
			return err
		})
		if err == pgx.ErrNoRows {
			break
		}
		if err != nil {
			return fmt.Errorf("projections: %s: %w", definition, err)
		}
		made = true
	}
	if !made {
		return nil
	}
	return e.analyze(ctx, b)
}

// analyze tells the planner of tables that were filled at once.
func (e *Engine) analyze(ctx context.Context, b build) error {
	tables, err := tablesOf(ctx, e.DB, b.Schema)
	if err != nil {
		return err
	}
	for name := range tables {
		if _, err := e.DB.Exec(ctx, "analyze "+pgx.Identifier{b.Schema, name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}
