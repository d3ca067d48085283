package main

import (
	"path/filepath"
	"strings"
	"testing"

	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/pgtest"
	"portico/migrations"
)

// future is what a later version may do to the schema while this program runs on it
// (docs/adr/0005): columns that may be null on every table, a new table, a new function.
const future = `
DO $$
DECLARE t text;
BEGIN
  FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('es', 'pj', 'portico') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN future_note text, ADD COLUMN future_at timestamptz DEFAULT now()', t);
  END LOOP;
END $$;
CREATE TABLE es.future (pos bigint PRIMARY KEY);
CREATE FUNCTION es.future(p bigint) RETURNS bigint LANGUAGE sql AS 'SELECT p';
INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (9999, true);`

// The older program goes on while a newer one migrates, and starts again afterwards.
func TestThisProgramRunsOnTomorrowsSchema(t *testing.T) {
	a, s := business(t)
	was := a.head(t)
	stop := a.run(allRoles)
	pgtest.Exec(t, s.databaseURL, future)
	a.works(t, "While it runs")
	stop()

	done, err := migrations.Up(t.Context(), s.databaseURL)
	current, newest, verr := migrations.Versions(t.Context(), s.databaseURL)
	if err != nil || verr != nil || len(done) > 0 || current != 9999 || newest >= current {
		t.Errorf("migrated %v to %d of %d, %v, %v", done, current, newest, err, verr)
	}
	b := started(t, s, func(b *app) { b.works(t, "After a start") })
	if b.head(t) <= was {
		t.Errorf("at %d, was at %d", b.head(t), was)
	}
	b.healthy(t)
	dir := filepath.Join(t.TempDir(), "log")
	s.must(t, "log", "export", dir)
	copied := *s
	copied.databaseURL = pgtest.New(t)
	pgtest.Exec(t, copied.databaseURL, future)
	copied.must(t, "log", "restore", dir)
	copied.must(t, "log", "verify", "--archive", dir)
	copied.must(t, "log", "verify")
	// The next partition is made like the table as it is by then.
	pgtest.Exec(t, s.databaseURL, "UPDATE es.settings SET partition_size = 30000000")
	c := started(t, s, func(c *app) { c.works(t, "With another partition") })
	var partitions int
	if err := c.pool.QueryRow(t.Context(), "select count(*) from es.partitions").Scan(&partitions); err != nil || partitions < 2 {
		t.Errorf("%d partitions, %v", partitions, err)
	}
	c.healthy(t)
}

// works appends, projects, queries, makes and takes away a key, and rebuilds.
func (a *app) works(t *testing.T, name string) {
	t.Helper()
	change := tenant.ChangeSettings{Settings: tenant.Settings{Name: name, TimeZone: "UTC", Currency: "GBP"}}
	if _, err := a.commands.ChangeTenantSettings(t.Context(), itselfOf(firstTenant), change); err != nil {
		t.Error(err)
	}
	key, err := a.keys.Create(t.Context(), operatorOf(firstTenant, "staff"), auth.NewKey{Name: name, Role: "auditor"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.settle(t.Context()); err != nil {
		t.Error(err)
	}
	if who, err := a.keys.Authenticate(t.Context(), key.Token); err != nil {
		t.Errorf("%+v, %v", who, err)
	}
	if shown := a.tables(t)["portal.tenants"]; !strings.Contains(shown, name) {
		t.Errorf("%q does not show", name)
	}
	for _, g := range groupNames() {
		if err := a.engine.Rebuild(t.Context(), g, func(uint64, uint64) {}); err != nil {
			t.Errorf("rebuild %s: %v", g, err)
		}
	}
	var events int
	if err := a.pool.QueryRow(t.Context(), "select count(*) from es.events").Scan(&events); err != nil || uint64(events) != a.head(t) {
		t.Errorf("%d events, head %d, %v", events, a.head(t), err)
	}
}
