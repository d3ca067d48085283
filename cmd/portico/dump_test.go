package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain/tenant"
	"portico/internal/pgserver"
	"portico/internal/pgtest"
)

// shell runs what docs/log.md tells operators to type.
func shell(t *testing.T, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func transactionID(t *testing.T, url string) (id int64) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := c.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text::bigint").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// younger is a server whose transaction ids are below those of the server of url.
func younger(t *testing.T, url string) *pgserver.Server {
	t.Helper()
	pgtest.Exec(t, url, "DO $$ BEGIN FOR i IN 1..30000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
	s, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(dataDir(t), "pg"), Fast: true})
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

// ENGINE §7, 4: history must not depend on transaction ids, which start anew. In the first
// way the database keeps its name; in the second it is made by hand, and has not the
// right that belongs to a database until a program of ours starts.
func TestADumpGoesOnOnAYoungerServer(t *testing.T) {
	a, s := business(t)
	want, head := a.tables(t), a.head(t)
	dump := filepath.Join(dataDir(t), "portico.dump")
	shell(t, "pg_dump", "--format=custom", "--enable-row-security", "--file="+dump, s.databaseURL) // by its owner, who is no superuser
	server := younger(t, s.databaseURL)
	admin := server.AdminURL("postgres")
	_, name, _ := strings.Cut(s.databaseURL, "/portico_test_")
	name, _, _ = strings.Cut("portico_test_"+name, "?")

	ways := map[string]func() string{
		"as it was": func() string {
			shell(t, "pg_restore", "--create", "--exit-on-error", "--dbname="+admin, dump)
			return name
		},
		"under another name": func() string {
			pgtest.Exec(t, admin, "CREATE DATABASE another OWNER portico")
			shell(t, "pg_restore", "--exit-on-error", "--dbname="+server.AdminURL("another"), dump)
			return "another"
		},
	}
	for way, restore := range ways {
		t.Run(way, func(t *testing.T) {
			copied := *s
			copied.databaseURL = server.URL(restore())
			if old, young := transactionID(t, s.databaseURL), transactionID(t, copied.databaseURL); old <= young {
				t.Fatalf("the old server is at transaction %d, the young one at %d", old, young)
			}
			goesOn(t, &copied, want, head)
			refusesChange(t, &copied)
		})
	}
}

// goesOn starts on a copy of a database: it shows what the original showed, and then what
// is appended.
func goesOn(t *testing.T, s *settings, want map[string]string, head uint64) {
	t.Helper()
	b := started(t, s, func(b *app) {
		if diff := cmp.Diff(want, b.tables(t)); diff != "" || b.head(t) != head {
			t.Errorf("at %d, was at %d: %s", b.head(t), head, diff)
		}
		change := tenant.ChangeSettings{Settings: tenant.Settings{Name: "Moved house", TimeZone: "UTC", Currency: "GBP"}}
		if _, err := b.commands.ChangeTenantSettings(t.Context(), itselfOf(firstTenant), change); err != nil {
			t.Error(err)
		}
	})
	if got := b.head(t); got != head+1 {
		t.Errorf("at %d after %d", got, head)
	}
	if text := b.tables(t); !strings.Contains(text["staff.tenants"]+text["portal.tenants"], "Moved house") {
		t.Error("what was appended does not show")
	}
	if err := b.engine.Rebuild(t.Context(), groupNames()[0], func(uint64, uint64) {}); err != nil {
		t.Errorf("rebuild: %v", err)
	}
	b.healthy(t)
}

// refusesChange tries to change history as the program and as the owner.
func refusesChange(t *testing.T, s *settings) {
	t.Helper()
	app := pgtest.Open(t, s.databaseURL)
	owner, err := pgx.Connect(t.Context(), s.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(t.Context())
	for _, sql := range []string{
		"UPDATE es.events SET type = 'x'", "DELETE FROM es.events", "TRUNCATE es.events", "TRUNCATE es.events_1", "DELETE FROM es.events_1",
		"DELETE FROM es.streams", "DELETE FROM es.head", "TRUNCATE es.archives",
	} {
		if _, err := app.Exec(t.Context(), sql); err == nil {
			t.Errorf("the program may %s", sql)
		}
		if _, err := owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("the owner may %s", sql)
		}
	}
	if _, err := app.Exec(t.Context(), "INSERT INTO es.events SELECT pos + 1000, stream_no, version, $1, type, data, meta, at FROM es.events LIMIT 1", uuid.New()); err == nil {
		t.Error("the program may insert")
	}
}

// The backup of a private server, as the README has it, opens.
func TestAPrivateServersBackup(t *testing.T) {
	dir := dataDir(t)
	run(t, dir, "keys", "create", "--role", "auditor", "--name", "Kay")
	server, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(dir, "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	dump := filepath.Join(dir, "portico.dump")
	shell(t, "pg_dump", "--format=custom", "--file="+dump, "--host="+filepath.Join(dir, "postgres", "run"), "--username=postgres", "portico")
	if info, err := os.Stat(dump); err != nil || info.Size() < 10_000 {
		t.Errorf("%v, %v", info, err)
	}
}
