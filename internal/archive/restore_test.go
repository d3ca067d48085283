package archive_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/archive"
	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

func code(err error) string { return domain.CodeOf(err) }

func restore(t *testing.T, owner, dir string) {
	t.Helper()
	if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestARestoredLogIsTheOriginal(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 430)
	d.addKeys(t)
	pgtest.Exec(t, d.super, `INSERT INTO portico.consumers (name, low_hi, emitted_hi, owner) VALUES ('policies', 400, 410, 'somebody')`,
		`INSERT INTO portico.policy_refusals (consumer, event_id, stream, pos, code, message) VALUES ('policies', gen_random_uuid(), 's', '7.0', 'c', 'm "<')`)
	d.export(t, dir)
	owner, super := fresh(t)
	restore(t, owner, dir)
	r := open(t, owner, super)
	r.equals(t, d)
	if broken := r.verify(t, dir); broken != nil {
		t.Error(broken)
	}
	// Both go on alike.
	before := r.all(t)[429].At
	for _, log := range []db{d, r} {
		a, err := log.Store.Append(t.Context(), eventstore.Stream("main", "test", "0"), 61, eventstore.Event{ID: uuid.New(), Type: "test.done"})
		if err != nil || a.Pos.Hi != 431 {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if last := r.all(t)[430]; last.At.Before(before) {
		t.Errorf("time runs from %v to %v", before, last.At)
	}
}

// The clock of the new machine may be behind.
func TestTimeDoesNotRunBackwardsAfterARestore(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 3)
	pgtest.Exec(t, d.super, "SET session_replication_role = replica; UPDATE es.events SET at = at + interval '1 day' WHERE pos = 3; UPDATE es.head SET at = at + interval '1 day'")
	d.export(t, dir)
	owner, super := fresh(t)
	restore(t, owner, dir)
	r := open(t, owner, super)
	r.write(t, 1)
	if all := r.all(t); all[3].At.Before(all[2].At) || time.Until(all[3].At) < 23*time.Hour {
		t.Errorf("%v after %v", all[3].At, all[2].At)
	}
}

func TestOnlyAnEmptyLogIsRestored(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 20)
	d.export(t, dir)
	if _, err := archive.Restore(t.Context(), d.url, dir, archive.RestoreOptions{}); code(err) != "log.not_empty" {
		t.Errorf("over itself: %v", err)
	}
	owner, _ := fresh(t)
	restore(t, owner, dir)
	if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{}); code(err) != "log.not_empty" {
		t.Errorf("twice: %v", err)
	}
	owner, super := fresh(t)
	pgtest.Exec(t, super, "INSERT INTO es.streams (name, version, first_pos, last_pos) VALUES ('main.x-1', 0, 1, 1)")
	if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{}); code(err) != "log.not_empty" {
		t.Errorf("over streams: %v", err)
	}
}

// Interrupted after each batch. Until it is whole, nothing can be appended, even by a
// program that does not ask.
func TestAnInterruptedRestoreGoesOn(t *testing.T) {
	t.Parallel()
	d, dir, otherDir := newDB(t), t.TempDir(), t.TempDir()
	d.write(t, 250)
	d.export(t, dir)
	other := newDB(t)
	other.write(t, 20)
	other.export(t, otherDir)
	owner, super := fresh(t)
	r := open(t, owner, super)
	interruptions := 0
	for ; ; interruptions++ {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := archive.Restore(ctx, owner, dir, archive.RestoreOptions{Progress: func(int64, int64) { cancel() }})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := archive.Unfinished(t.Context(), r.DB); code(err) != "log.restore_unfinished" {
			t.Fatalf("half a log is no obstacle: %v", err)
		}
		if _, err := r.Store.Append(t.Context(), eventstore.Stream("main", "new", "1"), -1, eventstore.Event{ID: uuid.New(), Type: "test.done"}); err == nil {
			t.Fatal("half a log took an event")
		}
		if _, err := archive.Restore(t.Context(), owner, otherDir, archive.RestoreOptions{}); code(err) != "log.restore_other" {
			t.Fatalf("another export went on: %v", err)
		}
	}
	if interruptions < 3 {
		t.Errorf("only %d interruptions", interruptions)
	}
	if err := archive.Unfinished(t.Context(), r.DB); err != nil {
		t.Error(err)
	}
	r.equals(t, d)
}

// Two at once write nothing twice: one of them, or in the end none, goes on.
func TestTwoRestoresAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 250)
	d.export(t, dir)
	owner, super := fresh(t)
	results := make(chan error)
	for range 2 {
		go func() {
			_, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{Progress: func(int64, int64) { time.Sleep(5 * time.Millisecond) }})
			results <- err
		}()
	}
	for range 2 {
		if err := <-results; err != nil && code(err) != "log.restore_other" && code(err) != "log.not_empty" {
			t.Error(err)
		}
	}
	r := open(t, owner, super)
	if archive.Unfinished(t.Context(), r.DB) != nil {
		restore(t, owner, dir)
	}
	r.equals(t, d)
}

// An interrupted later run leaves an export from which the earlier state can be restored.
func TestWhatALaterRunBeganIsNotRestored(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 40)
	d.export(t, dir)
	d.write(t, 120)
	ctx, cancel := context.WithCancel(t.Context())
	d.Progress = func(int64, int64) { cancel() }
	if _, err := d.Export(ctx, dir, archive.ExportOptions{Bytes: 20_000}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	m, err := archive.ReadManifest(dir)
	if err != nil || m.Complete != 40 || m.Last <= 40 {
		t.Fatalf("%+v, %v", m, err)
	}
	owner, super := fresh(t)
	restore(t, owner, dir)
	if r := open(t, owner, super); len(r.all(t)) != 40 {
		t.Errorf("%d events", len(r.all(t)))
	}
}

func TestADamagedExportIsNotRestored(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 150)
	m := d.export(t, dir)
	second := filepath.Join(dir, m.Segments[1].File)
	whole := read(t, second)
	owner, super := fresh(t)
	for name, bytes := range map[string][]byte{
		"truncated": whole[:len(whole)-9], "empty": {}, "another": read(t, filepath.Join(dir, m.Segments[0].File)), "longer": append(append([]byte{}, whole...), 0),
	} {
		put(t, second, bytes)
		if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{}); code(err) != "archive.file" {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, second, whole)
	restore(t, owner, dir)
	open(t, owner, super).equals(t, d)
}

// The application's role may not write to the log but through es.append.
func TestTheApplicationCannotRestore(t *testing.T) {
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 5)
	d.export(t, dir)
	owner, _ := fresh(t)
	if _, err := archive.Restore(t.Context(), owner+"&options=-c%20role%3Dportico_app", dir, archive.RestoreOptions{}); code(err) != "log.not_owner" {
		t.Errorf("%v", err)
	}
}

// addKeys makes a live and an erased one.
func (d db) addKeys(t *testing.T) {
	t.Helper()
	pgtest.Exec(t, d.super, `INSERT INTO portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state)
		VALUES ('main', '00000000-0000-0000-0000-000000000001', 1, 1, '\x0102', 'live'), ('main', '00000000-0000-0000-0000-000000000002', 1, 1, NULL, 'erased'),
		('main', '00000000-0000-0000-0000-000000000003', 1, 1, '\x0304', 'live')`)
}

func (d db) erase(t *testing.T, n int) {
	t.Helper()
	if _, err := d.DB.Exec(t.Context(), "UPDATE portico.subject_keys SET state = 'erased', wrapped = NULL WHERE subject = ('00000000-0000-0000-0000-' || lpad($1::int::text, 12, '0'))::uuid", n); err != nil {
		t.Fatal(err)
	}
}

const sqlStates = `select right(subject::text, 1) || ' ' || state from portico.subject_keys order by subject`

// A key that was erased since is not brought back where anything says so: a newer file of
// keys, or the database that is restored into.
func TestAnErasedKeyStaysErased(t *testing.T) {
	t.Parallel()
	d, old, newer := newDB(t), t.TempDir(), t.TempDir()
	d.write(t, 5)
	d.addKeys(t)
	d.export(t, old)
	d.erase(t, 1)
	d.export(t, newer)
	oldKeys, newKeys := filepath.Join(old, archive.DefaultKeysFile), filepath.Join(newer, archive.DefaultKeysFile)
	for name, c := range map[string]struct {
		keys   []string
		before func(db)
		want   string
	}{
		"the export alone does not know": {nil, func(db) {}, "1 live"},
		"a newer file says so":           {[]string{newKeys}, func(db) {}, "1 erased"},
		"newest first":                   {[]string{newKeys, oldKeys}, func(db) {}, "1 erased"},
		"newest last":                    {[]string{oldKeys, newKeys}, func(db) {}, "1 erased"},
		"the target says so":             {nil, func(r db) { r.addKeys(t); r.erase(t, 1) }, "1 erased"},
	} {
		owner, super := fresh(t)
		r := open(t, owner, super)
		c.before(r)
		if _, err := archive.Restore(t.Context(), owner, old, archive.RestoreOptions{Keys: c.keys}); err != nil {
			t.Fatal(err)
		}
		if got := texts(t, r.DB, sqlStates); len(got) != 3 || got[0] != c.want || got[1] != "2 erased" || got[2] != "3 live" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKeysCanBeKeptApartButMustBeThere(t *testing.T) {
	t.Parallel()
	d, dir, apart := newDB(t), t.TempDir(), filepath.Join(t.TempDir(), "keys.gz")
	d.write(t, 5)
	d.export(t, t.TempDir()) // before there are keys
	few, err := d.Export(t.Context(), filepath.Join(dir, "few"), archive.ExportOptions{})
	if err != nil || few.Keys.Count != 0 {
		t.Fatal(few, err)
	}
	d.addKeys(t)
	m, err := d.Export(t.Context(), dir, archive.ExportOptions{Keys: apart})
	if err != nil || m.Keys.Count != 3 || m.Keys.Erased != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	if info, err := os.Stat(apart); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	owner, _ := fresh(t)
	for name, keys := range map[string][]string{"none": nil, "too few": {filepath.Join(dir, "few", archive.DefaultKeysFile)}, "another path": {apart + "x"}} {
		if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{Keys: keys}); code(err) != "log.keys_missing" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := archive.Restore(t.Context(), owner, dir, archive.RestoreOptions{Keys: []string{apart}}); err != nil {
		t.Error(err)
	}
}

// kill -9 after each batch that is committed: the next run finds what is there.
func TestAKilledRestoreGoesOn(t *testing.T) {
	if target := os.Getenv("ARCHIVE_CHILD"); target != "" {
		url, dir, _ := strings.Cut(target, "|")
		_, err := archive.Restore(t.Context(), url, dir, archive.RestoreOptions{Progress: func(int64, int64) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		}})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	d, dir := newDB(t), t.TempDir()
	d.write(t, 150)
	d.addKeys(t)
	m := d.export(t, dir)
	owner, super := fresh(t)
	kills := 0
	for ; ; kills++ {
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		child.Env = append(os.Environ(), "ARCHIVE_CHILD="+owner+"|"+dir)
		out, err := child.CombinedOutput()
		if err == nil {
			break
		}
		if child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if kills != len(m.Segments) {
		t.Errorf("killed %d times, for %d files", kills, len(m.Segments))
	}
	open(t, owner, super).equals(t, d)
}
