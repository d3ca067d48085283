// Package migrations holds the database's schema as numbered SQL files, forward only,
// and applies them. A file that has been released is never edited.
//
// They run as the connecting role, which then owns the tables. The program itself runs
// as portico_app (see pg.AppRole), which may not exist: a migration that grants to it
// must ask pg_roles first, as 0001 does.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed *.sql
var files embed.FS

// Applied is one migration that was run.
type Applied struct {
	Version int64
	File    string
	Took    time.Duration
}

// lockKey is the advisory lock of whoever migrates: an arbitrary number of ours. It is taken
// before goose looks, because goose makes its own table without a lock; and for a transaction,
// because a lock of a session would stay behind with a pooler.
const lockKey = 0x706f727469636f

// Up applies what is pending, each file in its own transaction. Of several programs that
// start at once, one migrates and the others wait for it.
func Up(ctx context.Context, databaseURL string) (done []Applied, err error) {
	err = locked(ctx, databaseURL, func(p *goose.Provider, db *sql.DB) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			done = append(done, Applied{r.Source.Version, r.Source.Path, r.Duration})
		}
		if err != nil {
			return err
		}
		if _, err = db.ExecContext(ctx, sqlGrantDatabase); err != nil {
			return err
		}
		return isolate(ctx, db)
	})
	return done, err
}

// What 0001 grants on the database itself is not in a dump of it, nor in a copy. Whoever
// may not grant gets a warning from PostgreSQL, and no error.
const sqlGrantDatabase = `
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portico_app') AND NOT has_database_privilege('portico_app', current_database(), 'CREATE') THEN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO portico_app', current_database());
  END IF;
END $$`

// What each role owns, may do and sees is settled after the migrations, whichever there are
// (0019). It is the owner's to do: a login that only runs the program finds it done.
const (
	sqlIsolates = `
SELECT to_regprocedure('portico.isolate()') IS NOT NULL AND pg_has_role(current_user, n.nspowner, 'usage') FROM pg_namespace n WHERE n.nspname = 'portico'`
	sqlIsolate = `CALL portico.isolate()`
)

func isolate(ctx context.Context, db *sql.DB) error {
	var ours bool
	if err := db.QueryRowContext(ctx, sqlIsolates).Scan(&ours); err != nil || !ours {
		return err
	}
	if _, err := db.ExecContext(ctx, sqlIsolate); err != nil {
		return fmt.Errorf("row level security: %w", err)
	}
	return nil
}

// Versions tells the database's version and the newest that this program knows. A smaller
// current means pending migrations; a larger one, that a newer program was here.
func Versions(ctx context.Context, databaseURL string) (current, newest int64, err error) {
	err = locked(ctx, databaseURL, func(p *goose.Provider, _ *sql.DB) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

// versionsTable is where goose notes what was applied. With its schema: no migration can hide
// it by a schema that is named like the user.
const versionsTable = "public.goose_db_version"

func locked(ctx context.Context, databaseURL string, use func(p *goose.Provider, db *sql.DB) error) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // without prepared statements, which a pooler could not carry
	db := stdlib.OpenDB(*config)
	defer db.Close()
	lock, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer func() { _ = lock.Rollback() }() // and with it the lock, whatever happens
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey); err != nil {
		return fmt.Errorf("migrations: wait for the lock: %w", err)
	}
	store, err := database.NewStore(goose.DialectPostgres, versionsTable)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(store))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := use(provider, db); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}
