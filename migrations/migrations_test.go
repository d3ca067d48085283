package migrations_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"portico/internal/pg"
	"portico/internal/pgserver"
	"portico/internal/pgtest"
	"portico/migrations"
)

// private is a server of our own: its roles are ours to change.
func private(t *testing.T) *pgserver.Server {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server may be another user
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := pgserver.Start(ctx, pgserver.Options{Dir: filepath.Join(dir, "pg"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOfProgramsThatStartAtOnceOneMigrates(t *testing.T) {
	s := private(t)
	url := s.URL(pgserver.Database)
	current, newest, err := migrations.Versions(t.Context(), url)
	if err != nil || current != 0 || newest < 1 {
		t.Errorf("an empty database is at %d of %d, %v", current, newest, err)
	}
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		applied []migrations.Applied
	)
	for range 4 {
		all.Go(func() {
			done, err := migrations.Up(t.Context(), url)
			mu.Lock()
			defer mu.Unlock()
			if applied = append(applied, done...); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	files, err := filepath.Glob("*.sql")
	if err != nil || len(applied) != len(files) {
		t.Errorf("applied %v of %v, %v", applied, files, err)
	}
	for i := 1; i < len(applied); i++ {
		if applied[i].Version <= applied[i-1].Version {
			t.Errorf("applied in the order %v", applied)
		}
	}
	if current, _, err = migrations.Versions(t.Context(), url); err != nil || current != newest {
		t.Errorf("at %d of %d, %v", current, newest, err)
	}
}

// A database whose owner may make no roles still works, as its owner.
func TestWithoutTheAppsRoleTheOwnerServes(t *testing.T) {
	s := private(t)
	pgtest.Exec(t, s.AdminURL("postgres"), "DROP ROLE "+pg.AppRole)
	url := s.URL(pgserver.Database)
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	pool, err := pg.Open(t.Context(), url, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "SELECT es.ensure_partitions()"); err != nil {
		t.Error(err)
	}
	if _, err := pool.Exec(t.Context(), "TRUNCATE es.events"); err == nil {
		t.Error("the owner may truncate")
	}
}

// An owner who may make roles makes the app's role, and may become it.
func TestTheAppsRoleIsMadeWhereThatIsAllowed(t *testing.T) {
	s := private(t)
	pgtest.Exec(t, s.AdminURL("postgres"), "DROP ROLE "+pg.AppRole, "ALTER ROLE "+pgserver.Database+" CREATEROLE")
	url := s.URL(pgserver.Database)
	if _, err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	pool, err := pg.Open(t.Context(), url, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var who string
	err = pool.QueryRow(t.Context(), "SELECT current_user FROM es.ensure_partitions()").Scan(&who)
	if err != nil || who != pg.AppRole {
		t.Errorf("we are %s, %v", who, err)
	}
	if _, err := pool.Exec(t.Context(), "CREATE SCHEMA p_build"); err != nil {
		t.Error(err)
	}
}

// A lock of a session would stay with the pooler's, and hold up whoever comes by another.
func TestAPoolersSessionsKeepNoLock(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	if _, err := migrations.Up(t.Context(), pgtest.Pooler(t, url, map[string]string{"any": "SELECT 1"})("any")); err != nil {
		t.Fatal(err)
	}
	var held int
	err := pgtest.Open(t, url).QueryRow(t.Context(), `select count(*) from pg_locks l join pg_database d on d.oid = l.database
		where l.locktype = 'advisory' and d.datname = current_database()`).Scan(&held)
	if err != nil || held != 0 {
		t.Errorf("%d locks are held, %v", held, err)
	}
}
