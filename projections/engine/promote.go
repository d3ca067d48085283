package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/failpoint"
)

// promote makes a build active if it has caught up (its lanes pass a head that was read
// less than a second before, twice) and shows what the active one shows. It answers false
// if it is not there yet, or is held back.
func (e *Engine) promote(ctx context.Context, g *Group, b build) (bool, error) {
	if b.Held {
		return false, nil
	}
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
	if same, err := e.agree(ctx, g, b); !same || err != nil {
		return false, err
	}
	failpoint.At("engine.before_switch")
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
		failpoint.At("engine.indexes")
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
