package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/projections"
	"portico/projections/engine"
)

// mortal is the program that can be made to die at a named place.
var mortal = sync.OnceValues(func() (string, error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(path), "portico-mortal")
	out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", path, ".").CombinedOutput()
	return path, errors.Join(err, errText(err, out))
})

func errText(err error, out []byte) error {
	if err == nil {
		return nil
	}
	return errors.New(string(out))
}

// dying runs a command that dies at a place, as kill -9 does it.
func dying(t *testing.T, dir, place string, args ...string) {
	t.Helper()
	path, err := mortal()
	if err != nil {
		t.Fatal(err)
	}
	cmd := portico(t, dir, args...)
	cmd.Path, cmd.Env = path, append(cmd.Env, "PORTICO_FAILPOINT="+place)
	var ended *exec.ExitError
	if out, err := cmd.CombinedOutput(); !errors.As(err, &ended) || ended.ExitCode() != -1 {
		t.Fatalf("%v did not die at %s: %v\n%s", args, place, err, out)
	}
}

// salesDir is a data directory with two days of sales.
func salesDir(t *testing.T) (dir string) {
	t.Helper()
	return salesLoaded.copy(t)
}

// portalBuilds is the states of the builds of the group portal, by number.
func portalBuilds(t *testing.T, dir string) map[int]string {
	t.Helper()
	var builds []engine.Built
	if err := json.Unmarshal([]byte(run(t, dir, "projections", "list", "--json")), &builds); err != nil {
		t.Fatal(err)
	}
	states := map[int]string{}
	for _, b := range builds {
		if b.Group == "portal" {
			states[b.Build] = b.State
		}
	}
	return states
}

func mustBe(t *testing.T, dir string, want map[int]string) {
	t.Helper()
	if got := portalBuilds(t, dir); !maps.Equal(got, want) {
		t.Fatalf("builds of portal: %v, want %v", got, want)
	}
}

func mustVerify(t *testing.T, dir string) {
	t.Helper()
	var out string
	for range 10 { // a server beside it may be drawing documents, which are events
		if out = run(t, dir, "projections", "verify", "portal"); !strings.Contains(out, ", 0 differences") {
			break
		}
		if strings.Contains(out, "(0 behind, 0 parked)") {
			return
		}
		time.Sleep(time.Second)
	}
	t.Error(out)
}

// A rebuild that was killed leaves queries as they were. What it left is dropped by the
// next rebuild, or finished by the next server.
func TestARebuildThatIsKilled(t *testing.T) {
	dir := salesDir(t)
	dying(t, dir, "engine.indexes", "projections", "rebuild", "portal")
	mustBe(t, dir, map[int]string{1: "active", 2: "building"})
	run(t, dir, "projections", "rebuild", "portal")
	mustBe(t, dir, map[int]string{1: "retired", 3: "active"})
	dying(t, dir, "engine.after_switch", "projections", "rebuild", "portal")
	if got := portalBuilds(t, dir); got[3] != "retired" || got[4] != "active" {
		t.Fatalf("after the switch: %v", got)
	}
	mustVerify(t, dir)
	dying(t, dir, "engine.before_switch", "projections", "rebuild", "portal") // build 6: 5 was verify's
	serve := portico(t, dir, "serve", "--addr", "127.0.0.1:0")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = serve.Wait() }()
	defer func() { _ = serve.Process.Signal(syscall.SIGTERM) }()
	for end := time.Now().Add(60 * time.Second); portalBuilds(t, dir)[6] != "active"; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatalf("the server does not finish it: %v", portalBuilds(t, dir))
		}
	}
	mustVerify(t, dir)
}

func TestTwoRebuildsAtOnceAreOne(t *testing.T) {
	dir := salesDir(t)
	var both sync.WaitGroup
	for range 2 {
		cmd := portico(t, dir, "projections", "rebuild", "portal", "--json")
		both.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(`"switched":true`)) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	both.Wait()
	states := slices.Sorted(maps.Values(portalBuilds(t, dir)))
	if !slices.Equal(states, []string{"active", "retired"}) {
		t.Fatal(states)
	}
	mustVerify(t, dir)
}

// spoil changes the database behind Portico's back.
func spoil(t *testing.T, dir, sql string) {
	t.Helper()
	err := with(t.Context(), &settings{dataDir: dir, timeZone: "UTC", currency: "GBP"}, func(a *app) error {
		schema, err := a.engine.ActiveSchema(t.Context(), projections.Portal.Name)
		if err == nil {
			_, err = a.pool.Exec(t.Context(), engine.SQL(sql).In(schema))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What an operator does when a rebuild is refused, and when it was a mistake.
func TestARefusedRebuildSaysWhatToDo(t *testing.T) {
	dir := salesDir(t)
	spoil(t, dir, "update {s}.customers set name = 'Mallory Secret' where number = '17850'")
	refused := portico(t, dir, "projections", "rebuild", "portal")
	out, err := refused.CombinedOutput()
	for _, want := range []string{"build 2 is held back", "name differs", "portico projections verify portal", "rebuild portal --force", "projections.differs"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the answer does not say %q:\n%s", want, out)
		}
	}
	if err == nil || bytes.Contains(out, []byte("Mallory")) {
		t.Errorf("%v: %s", err, out)
	}
	mustBe(t, dir, map[int]string{1: "active", 2: "ready"})
	verify := portico(t, dir, "projections", "verify", "portal")
	if out, err := verify.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("1 differences")) || bytes.Contains(out, []byte("Mallory")) {
		t.Errorf("%v: %s", err, out)
	}
	run(t, dir, "projections", "rebuild", "portal", "--force")
	mustBe(t, dir, map[int]string{1: "retired", 2: "active"})
	mustVerify(t, dir)
	if out := run(t, dir, "projections", "rollback", "portal"); out != "portal rolled back from build 2 to build 1\n" {
		t.Error(out)
	}
	mustBe(t, dir, map[int]string{1: "active", 2: "retired"})
	run(t, dir, "projections", "rollback", "portal", "--build", "2")
	mustVerify(t, dir)
	nowhere, err := portico(t, dir, "projections", "rollback", "staff").CombinedOutput()
	if err == nil || !bytes.Contains(nowhere, []byte("projections.nothing_to_return_to")) {
		t.Errorf("%v: %s", err, nowhere)
	}
	if out := run(t, dir, "projections", "retry"); out != "nobody is parked\n" {
		t.Error(out)
	}
}

// everythingElse is a checksum of every table that is not the projections', nor the journal's:
// that a rebuild was asked for is on record.
func everythingElse(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := with(t.Context(), &settings{dataDir: dir, timeZone: "UTC", currency: "GBP"}, func(a *app) error {
		rows, err := a.pool.Query(t.Context(), `select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
			where schemaname not in ('pg_catalog', 'information_schema', 'pj', 'journal') and not starts_with(schemaname, 'p_')
			and tablename <> 'processes' -- this one is at work, and says so
			and has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), 'select')`)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range tables {
			var sum string
			if err == nil {
				err = a.pool.QueryRow(t.Context(), "select count(*) || ' ' || coalesce(md5(string_agg((x.*)::text, e'\\n' order by (x.*)::text)), '') from "+name+" as x").Scan(&sum)
			}
			sums[name] = sum
		}
		return err
	})
	if err != nil || len(sums) < 5 {
		t.Fatal(sums, err)
	}
	return sums
}

// ENGINE pitfall 19.
func TestRebuildsOfAllGroupsChangeNothingElse(t *testing.T) {
	dir := salesDir(t)
	before := everythingElse(t, dir)
	if out := run(t, dir, "projections", "rebuild"); strings.Count(out, " rebuilt\n") != len(groupNames()) {
		t.Fatal(out)
	}
	run(t, dir, "projections", "rollback", "portal")
	if after := everythingElse(t, dir); !maps.Equal(after, before) {
		t.Errorf("before %v\nafter %v", before, after)
	}
	run(t, dir, "keys", "create", "--role", "auditor", "--name", "Kay") // the control
	if maps.Equal(everythingElse(t, dir), before) {
		t.Error("the checksums do not notice a change")
	}
}
