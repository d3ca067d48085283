package archive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/archive"
	"portico/internal/eventstore"
	"portico/internal/invariant"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// db is a log in a database of its own, in partitions of 100.
type db struct {
	*archive.Log
	url, super string
}

func newDB(t *testing.T) db {
	t.Helper()
	owner, super := pgtest.Superuser(t)
	pgtest.Exec(t, super, "UPDATE es.settings SET partition_size = 100")
	return open(t, owner, super)
}

// fresh is a database as a migration leaves it.
func fresh(t *testing.T) (owner, super string) { return pgtest.Superuser(t) }

func open(t *testing.T, owner, super string) db {
	t.Helper()
	pool := pgtest.Open(t, owner)
	store := eventstore.OpenPostgres(pool)
	t.Cleanup(store.Close)
	return db{&archive.Log{Store: store, DB: pool, Software: "test"}, owner, super}
}

// bodies are bytes that a line could get wrong.
var bodies = []string{`{}`, ``, ` {"a":1}`, "{\"a\":\n1}", "\x00\xff", `null`, `"x"`, `{"a":1,"a":2}`, "\"\xff\"", "\"\u2028\"", `9007199254740993`, `{"a": 1.50}`,
	"{} ", `{"data64":"eA=="}`, strings.Repeat("x", 9000), "\r", `"<&>"`, `[1,`, `-0.0e+1`}

// write appends n events to 7 streams, from 7 writers.
func (d db) write(t *testing.T, n int) {
	t.Helper()
	var writers sync.WaitGroup
	for w := range min(n, 7) {
		writers.Go(func() {
			stream := eventstore.Stream("main", "test", fmt.Sprint(w))
			there, err := d.Store.ReadStream(t.Context(), stream, 0, 10_000)
			if err != nil {
				t.Error(err)
			}
			body := func() []byte { return []byte(bodies[rand.IntN(len(bodies))]) }
			for i := range (n - w + 6) / 7 {
				_, err := d.Store.Append(t.Context(), stream, int64(len(there)+i-1), eventstore.Event{ID: uuid.New(), Type: "test.done", Data: body(), Meta: body()})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

func (d db) all(t *testing.T) (all []eventstore.Recorded) {
	t.Helper()
	for after := (eventstore.Position{}); ; {
		page, err := d.Store.ReadAll(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if all, after = append(all, page.Events...), page.Next; len(page.Events) == 0 {
			return all
		}
	}
}

func texts(t *testing.T, pool *pgxpool.Pool, query string) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// same are queries that a restored log answers as the original does.
var same = []string{
	`select format('%s %s %s %s', name, version, first_pos, last_pos) from es.streams order by name`,
	`select format('%s %s', pos, extract(epoch from at)) from es.head`,
	`select format('%s %s %s', no, first_pos, last_pos) from es.partitions order by no`,
	`select format('%s %s.%s %s.%s', name, low_hi, low_lo, emitted_hi, emitted_lo) from portico.consumers`,
	`select format('%s', r) from portico.policy_refusals r`,
	`select format('%s', k) from portico.subject_keys k order by subject`,
}

func (d db) equals(t *testing.T, original db) {
	t.Helper()
	if diff := cmp.Diff(original.all(t), d.all(t)); diff != "" {
		t.Error(diff)
	}
	for _, query := range same {
		if diff := cmp.Diff(texts(t, original.DB, query), texts(t, d.DB, query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	found, err := invariant.Log(t.Context(), d.DB, nil)
	if err != nil || len(found) > 0 {
		t.Errorf("invariants: %v, %v", found, err)
	}
}

func (d db) export(t *testing.T, dir string) *archive.Manifest {
	t.Helper()
	m, err := d.Export(t.Context(), dir, archive.ExportOptions{Bytes: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// verify answers the rules that do not hold.
func (d db) verify(t *testing.T, dir string) (rules []string) {
	t.Helper()
	_, found, err := d.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		rules = append(rules, f.Rule)
		t.Log(f)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// What comes since is added; nothing that was written is written again.
func TestALaterExportAddsWhatHasComeSince(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 150)
	first := d.export(t, dir)
	if len(first.Segments) < 2 || first.Last != 150 || first.Complete != 150 {
		t.Fatalf("%+v", first)
	}
	again := d.export(t, dir)
	if diff := cmp.Diff(first.Segments, again.Segments); diff != "" {
		t.Error(diff)
	}
	d.write(t, 30)
	more := d.export(t, dir)
	if diff := cmp.Diff(first.Segments, more.Segments[:len(first.Segments)]); diff != "" || more.Last != 180 || more.Count != 180 {
		t.Errorf("%s %+v", diff, more)
	}
	if broken := d.verify(t, dir); broken != nil {
		t.Error(broken)
	}
}

// The files do not depend on where a run was interrupted.
func TestAnInterruptedExportGoesOn(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.write(t, 150)
	whole, dir := d.export(t, t.TempDir()), t.TempDir()
	for runs := 0; ; runs++ {
		ctx, cancel := context.WithCancel(t.Context())
		d.Progress = func(done, total int64) { cancel() }
		m, err := d.Export(ctx, dir, archive.ExportOptions{Bytes: 20_000})
		cancel()
		if err == nil {
			if m.Chain != whole.Chain || runs < 2 {
				t.Errorf("after %d interruptions the chain is %s, not %s", runs, m.Chain, whole.Chain)
			}
			break
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".incomplete-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestADirectoryBelongsToOneLog(t *testing.T) {
	t.Parallel()
	d, other, dir := newDB(t), newDB(t), t.TempDir()
	d.write(t, 150)
	other.write(t, 180)
	d.export(t, dir)
	if _, err := other.Export(t.Context(), dir, archive.ExportOptions{}); code(err) != "archive.other_log" {
		t.Errorf("another log: %v", err)
	}
	if _, err := d.Archive(t.Context(), dir); code(err) != "archive.kind" {
		t.Errorf("an archive over an export: %v", err)
	}
	if _, err := d.Export(t.Context(), dir, archive.ExportOptions{After: 7}); code(err) != "archive.begins_elsewhere" {
		t.Errorf("another beginning: %v", err)
	}
	tail := t.TempDir()
	m, err := d.Export(t.Context(), tail, archive.ExportOptions{After: 100})
	if err != nil || m.First != 101 || m.Count != 50 {
		t.Errorf("%+v, %v", m, err)
	}
	if broken := d.verify(t, tail); broken != nil {
		t.Error(broken)
	}
	owner, _ := fresh(t)
	if _, err := archive.Restore(t.Context(), owner, tail, archive.RestoreOptions{}); code(err) != "log.export_partial" {
		t.Errorf("restoring a part: %v", err)
	}
}

// A log that lost an event must not become an export that looks whole.
func TestAGapIsNotExported(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.write(t, 50)
	pgtest.Exec(t, d.super, "SET session_replication_role = replica; DELETE FROM es.events WHERE pos = 20")
	if _, err := d.Export(t.Context(), t.TempDir(), archive.ExportOptions{}); err == nil || !strings.Contains(err.Error(), "no event at 20") {
		t.Errorf("%v", err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
