package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/archive"
	"portico/internal/pgtest"
)

// business is a database with the sample in it, whose read models and policies have come
// to the end. The sample is loaded once: each test gets a copy.
func business(t *testing.T) (*app, *settings) {
	t.Helper()
	s := emptyBusiness(t)
	s.databaseURL = sampled(t)
	if err := os.CopyFS(s.dataDir, os.DirFS(sampleDir)); err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return a, s
}

// sampleDir has the files and the key of the database that sampled copies.
var sampleDir = filepath.Join(os.TempDir(), fmt.Sprintf("portico-sample-%d", os.Getpid()))

var sampled = pgtest.Once(func(t testing.TB, url string) {
	s := &settings{databaseURL: url, dataDir: sampleDir, keyFile: filepath.Join(sampleDir, "kek"), timeZone: "UTC", currency: "GBP"}
	a, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	err = loadedSample(t.Context(), a)
	if err := errors.Join(err, a.close()); err != nil {
		t.Fatal(err)
	}
})

func loadedSample(ctx context.Context, a *app) error {
	stop := a.run(allRoles)
	defer stop()
	if err := a.engine.Ensure(ctx); err != nil {
		return err
	}
	return errors.Join(a.loadSample(ctx, "", &samplePeople{}, io.Discard), a.settle(ctx))
}

// emptyBusiness is a database with nothing in it.
func emptyBusiness(t *testing.T) *settings {
	dir := t.TempDir()
	return &settings{databaseURL: pgtest.New(t), dataDir: dir, keyFile: filepath.Join(dir, "kek"), timeZone: "UTC", currency: "GBP"}
}

// freshBusiness is business in a database of its own, where statements come before
// anything else.
func freshBusiness(t *testing.T, before ...string) (*app, *settings) {
	t.Helper()
	s := emptyBusiness(t)
	pgtest.Exec(t, s.databaseURL, before...)
	a := started(t, s, func(a *app) {
		if err := a.loadSample(t.Context(), "", &samplePeople{}, io.Discard); err != nil {
			t.Fatal(err)
		}
	})
	return a, s
}

// started opens an app, lets it run while do does something and until all has settled,
// and stops what runs.
func started(t *testing.T, s *settings, do func(a *app)) *app {
	t.Helper()
	a, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	stop := a.run(allRoles)
	defer stop()
	if err := a.engine.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(a)
	if err := a.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

const sqlTables = `select format('%I', c.relname) from pg_catalog.pg_class c where c.relnamespace = $1::text::regnamespace and c.relkind = 'r' order by 1`

// tables are the rows of all active read models as text.
func (a *app) tables(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, g := range groupNames() {
		schema, err := a.engine.ActiveSchema(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := a.pool.Query(t.Context(), sqlTables, schema)
		if err != nil {
			t.Fatal(err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			var text string
			err := a.pool.QueryRow(t.Context(), "select coalesce(string_agg(r::text, E'\\n' order by r::text collate \"C\"), '') from "+pgx.Identifier{schema}.Sanitize()+"."+name+" r").Scan(&text)
			if err != nil {
				t.Fatal(err)
			}
			all[g+"."+name] = text
		}
	}
	return all
}

func (a *app) healthy(t *testing.T) {
	t.Helper()
	found, events, err := a.logFindings(t.Context(), func(string, int64, int64) {})
	if err != nil || len(found) > 0 || events == 0 {
		t.Errorf("log verify: %d events, %v, %v", events, found, err)
	}
	verified, err := a.engine.Verify(t.Context(), nil, nil)
	if err != nil {
		t.Error(err)
	}
	for _, v := range verified {
		if v.Differences > 0 {
			t.Errorf("projections verify: %+v", v)
		}
	}
}

func (a *app) head(t *testing.T) uint64 {
	t.Helper()
	head, err := a.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head.Hi
}

// run does a command in this process.
func (s *settings) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(append(args, "--database-url", s.databaseURL, "--key-file", s.keyFile))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func (s *settings) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.run(t, args...)
	if err != nil {
		t.Fatalf("portico %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// The whole way: a business is exported, restored elsewhere and goes on there. Read models
// are byte for byte what they were, and policies append nothing, whether their
// checkpoint came along or was lost.
func TestABusinessGoesOnWhereItIsRestored(t *testing.T) {
	a, s := business(t)
	dir := filepath.Join(t.TempDir(), "log")
	if out := s.must(t, "log", "export", dir); !strings.Contains(out, "chain ") {
		t.Error(out)
	}
	want, head := a.tables(t), a.head(t)
	for _, checkpoint := range []string{"carried", "lost"} {
		copied := *s
		copied.databaseURL = pgtest.New(t)
		if out := copied.must(t, "log", "restore", dir); !strings.Contains(out, "keys create") || strings.Contains(out, "before you serve") {
			t.Error(out)
		}
		if checkpoint == "lost" {
			pgtest.Exec(t, copied.databaseURL, "UPDATE portico.consumers SET low_hi = 0, emitted_hi = 0")
		}
		if out := copied.must(t, "log", "verify", "--archive", dir); !strings.Contains(out, ", 0 findings") {
			t.Error(out)
		}
		b := started(t, &copied, func(*app) {})
		if got := b.head(t); got != head {
			t.Errorf("checkpoint %s: %d events became %d", checkpoint, head, got)
		}
		if diff := cmp.Diff(want, b.tables(t)); diff != "" {
			t.Errorf("checkpoint %s: %s", checkpoint, diff)
		}
		b.healthy(t)
		if _, err := copied.run(t, "log", "restore", dir); domain.CodeOf(err) != "log.not_empty" {
			t.Errorf("a second restore: %v", err)
		}
	}
}

// What was once refused to a policy is not asked for again after a restore.
func TestARestoreDoesNotReopenWhatWasRefused(t *testing.T) {
	a, s := business(t)
	dir := t.TempDir()
	pgtest.Exec(t, s.databaseURL, `INSERT INTO portico.policy_refusals (consumer, event_id, stream, pos, code, message) SELECT 'policies', id, 's', pos || '.0', 'c', 'm' FROM es.events WHERE pos = 5`)
	s.must(t, "log", "export", dir)
	copied := *s
	copied.databaseURL = pgtest.New(t)
	copied.must(t, "log", "restore", dir)
	for _, query := range []string{
		"select low_hi || ' ' || emitted_hi from portico.consumers where name = 'policies'",
		"select r::text from portico.policy_refusals r",
	} {
		var was, is string
		if err := a.pool.QueryRow(t.Context(), query).Scan(&was); err != nil {
			t.Fatal(err)
		}
		b := pgtest.Open(t, copied.databaseURL)
		if err := b.QueryRow(t.Context(), query).Scan(&is); err != nil || is != was || was == "0 0" {
			t.Errorf("%s: %q became %q, %v", query, was, is, err)
		}
	}
}

// Half a log is served by nobody, and finished by the same command.
func TestHalfALogIsNotServed(t *testing.T) {
	_, s := business(t)
	dir := t.TempDir()
	s.must(t, "log", "export", dir)
	copied := *s
	copied.databaseURL = pgtest.New(t)
	m, err := archive.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, copied.databaseURL, "INSERT INTO es.restore (chain, last_pos, pos) VALUES ('"+m.Chain+"', 100, 0)")
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0"}, {"keys", "list"}, {"log", "export", t.TempDir()}, {"log", "verify"}, {"projections", "verify"}} {
		if _, err := copied.run(t, args...); domain.CodeOf(err) != "log.restore_unfinished" {
			t.Errorf("portico %v: %v", args, err)
		}
	}
	copied.must(t, "log", "restore", dir)
	copied.must(t, "log", "verify")
}

func TestAWrongKeyFileIsSaidAtOnce(t *testing.T) {
	_, s := business(t)
	dir := t.TempDir()
	s.must(t, "log", "export", dir)
	for file, want := range map[string]string{filepath.Join(t.TempDir(), "none"): "put the key file", otherKey(t): "is this the right key file"} {
		copied := *s
		copied.databaseURL, copied.keyFile = pgtest.New(t), file
		if out := copied.must(t, "log", "restore", dir); !strings.Contains(out, want) {
			t.Errorf("%s: %s", file, out)
		}
	}
}

func otherKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kek")
	if err := os.WriteFile(file, []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// As an operator does it each month, the second time with nothing new.
func TestArchivingFromTheCommandLine(t *testing.T) {
	a, s := freshBusiness(t, "UPDATE es.settings SET partition_size = 500")
	dir, want := t.TempDir(), int(a.head(t)-1)/500
	if out := s.must(t, "log", "archive", dir); want < 2 || strings.Count(out, "verified now") != want || !strings.Contains(out, "chain ") {
		t.Errorf("%d partitions: %s", want, out)
	}
	if out := s.must(t, "log", "archive", dir, "--verify"); strings.Contains(out, "verified now") || !strings.Contains(out, ", 0 findings") {
		t.Error(out)
	}
	var all []archive.Archived
	if err := json.Unmarshal([]byte(s.must(t, "log", "archive", dir, "--json")), &all); err != nil || len(all) != want || all[0].No != 1 || all[0].Last != 500 || all[0].New {
		t.Errorf("%+v, %v", all, err)
	}
	if err := os.Truncate(filepath.Join(dir, all[1].File), 1000); err != nil {
		t.Fatal(err)
	}
	if out, err := s.run(t, "log", "archive", dir, "--verify"); exitStatus(err) != 1 || !strings.Contains(out, "archive.file at "+all[1].File) {
		t.Errorf("status %d, %s", exitStatus(err), out)
	}
}

// What log verify finds ends with status 1 and is said for people and for machines.
func TestVerifyEndsWithStatusOne(t *testing.T) {
	_, s := business(t)
	dir := t.TempDir()
	s.must(t, "log", "export", dir)
	s.must(t, "log", "verify")
	if out := s.must(t, "log", "archive", t.TempDir()); !strings.Contains(out, "nothing to archive") {
		t.Error(out)
	}
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, bytes.Replace(text, []byte(`"chain": "`), []byte(`"chain": "0`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := s.run(t, "log", "verify", "--archive", dir, "--json")
	var answer struct {
		Events   int
		Findings []struct{ Rule string }
	}
	if exitStatus(err) != 1 || json.Unmarshal([]byte(out), &answer) != nil || answer.Events == 0 || len(answer.Findings) != 1 || answer.Findings[0].Rule != archive.RuleManifest {
		t.Errorf("status %d, %s", exitStatus(err), out)
	}
	pgtest.Exec(t, s.databaseURL, "ALTER TABLE es.streams DISABLE TRIGGER ALL; UPDATE es.streams SET version = version + 1 WHERE first_pos = 1")
	out, err = s.run(t, "log", "verify")
	if exitStatus(err) != 1 || !strings.Contains(out, "log.stream at ") || !strings.Contains(out, "log.guard at es.streams") || !strings.Contains(out, ", 2 findings") {
		t.Errorf("status %d, %s", exitStatus(err), out)
	}
	if out, err := s.run(t, "journal", "list"); err == nil || strings.Contains(err.Error()+out, "repeat the request") {
		t.Errorf("a stream that has lost events is read: %v %s", err, out)
	}
	pgtest.Exec(t, s.databaseURL, "UPDATE es.streams SET version = version - 1 WHERE first_pos = 1; ALTER TABLE es.streams ENABLE TRIGGER ALL")
	// What came of them is on record, for auditors.
	told := ""
	for _, kind := range []string{"log.verified", "archive.verified"} {
		told += s.must(t, "journal", "list", "--kind", kind)
	}
	for _, want := range []string{"log.verified success", "log.verified failure", "archive.verified failure", "findings:2", "checked:" + strconv.Itoa(answer.Events)} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %s", want, told)
		}
	}
	if s.must(t, "journal", "verify"); !strings.Contains(s.must(t, "journal", "list", "--kind", "journal.verified"), "findings:0") {
		t.Error("what came of verifying the journal is not on record")
	}
}
