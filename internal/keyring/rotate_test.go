package keyring

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

func opened(t *testing.T, db pg.DB, file string) *Keyring {
	t.Helper()
	k, err := Open(db, file)
	if err != nil {
		t.Fatal(err)
	}
	return quick(k)
}

// wrappedOf is how a subject's key stands in the table, as a backup has it.
func wrappedOf(t *testing.T, db pg.DB, subject uuid.UUID) (epoch int, wrapped []byte) {
	t.Helper()
	err := db.QueryRow(t.Context(), "select kek_epoch, wrapped from portico.subject_keys where subject = $1", subject).Scan(&epoch, &wrapped)
	if err != nil {
		t.Fatal(err)
	}
	return epoch, wrapped
}

// SECURITY §3.5: keys are wrapped anew while they are in use, also by who has the old file
// in memory; and once the old epoch is destroyed, a copy from before an erasure is of no use.
func TestABackupFromBeforeAnErasureIsOfNoUse(t *testing.T) {
	db, file := pgtest.Pool(t), filepath.Join(t.TempDir(), "kek")
	here, there := opened(t, db, file), opened(t, db, file)
	no, sealed := seal(t, here, jane)
	_, theirs := seal(t, there, acme)
	_, backup := wrappedOf(t, db, jane)
	if err := here.Destroy(t.Context(), Person{"main", jane}); err != nil {
		t.Fatal(err)
	}
	if err := here.DestroyKEK(t.Context(), 1, 0); domain.CodeOf(err) != "kek.newest" {
		t.Errorf("the only one: %v", err)
	}
	to, n, err := here.Rotate(t.Context(), func(done, total int64) {})
	if err != nil || to != 2 || n != 1 {
		t.Fatalf("to %d, %d keys, %v", to, n, err)
	}
	if epoch, _ := wrappedOf(t, db, acme); epoch != 2 {
		t.Errorf("a live key is under %d", epoch)
	}
	there.cache.Purge()
	if !opens(t, there, acme, 1, theirs) {
		t.Error("a process with the old file does not open what was wrapped anew")
	}
	if _, err := there.Current(t.Context(), "main", uuid.UUID{9}); err != nil {
		t.Fatal(err)
	}
	if epoch, _ := wrappedOf(t, db, uuid.UUID{9}); epoch != 2 {
		t.Errorf("it makes new keys under %d", epoch)
	}
	if err := here.DestroyKEK(t.Context(), 1, time.Hour); domain.CodeOf(err) != "kek.needed" {
		t.Errorf("while backups need it: %v", err)
	}
	if err := here.DestroyKEK(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(file)
	if all, err := parseKEKs(text); err != nil || all[0].key != nil || all[1].key == nil {
		t.Errorf("%s: %v", text, err)
	}
	// The backup is restored: nothing in it opens.
	restored := opened(t, pgtest.Pool(t), file)
	if _, err := restored.db.Exec(t.Context(), "insert into portico.subject_keys values ('main', $1, 1, 1, $2, 'live')", jane, backup); err != nil {
		t.Fatal(err)
	}
	if key, err := restored.Numbered(t.Context(), "main", jane, no); err == nil {
		_, err = key.AEAD.Open(nil, nil, sealed, nil)
		t.Errorf("she is read out of a backup: %v", err)
	}
	if !opens(t, opened(t, db, file), acme, 1, theirs) {
		t.Error("who is live is lost")
	}
}

// A rotation that was cut off goes on where it was, and makes no further epoch; one that
// was prepared is used.
func TestARotationGoesOn(t *testing.T) {
	db, file := pgtest.Pool(t), filepath.Join(t.TempDir(), "kek")
	k := opened(t, db, file)
	for n := range 3 {
		seal(t, k, uuid.UUID{byte(n + 1)})
	}
	if no, err := k.Prepare(); err != nil || no != 2 {
		t.Fatalf("%d, %v", no, err)
	}
	if _, err := k.Current(t.Context(), "main", uuid.UUID{20}); err != nil {
		t.Fatal(err)
	}
	if epoch, _ := wrappedOf(t, db, uuid.UUID{20}); epoch != 1 {
		t.Errorf("what is only prepared is used: %d", epoch)
	}
	if to, err := k.target(t.Context()); err != nil || to != 2 {
		t.Errorf("to %d, %v", to, err)
	}
	if _, err := db.Exec(t.Context(), string(sqlBegun), 2); err != nil { // and there it died
		t.Fatal(err)
	}
	if to, n, err := opened(t, db, file).Rotate(t.Context(), func(done, total int64) {}); err != nil || to != 2 || n != 4 {
		t.Errorf("to %d, %d keys, %v", to, n, err)
	}
	if to, err := k.target(t.Context()); err != nil || to != 3 {
		t.Errorf("the next is %d, %v", to, err)
	}
	if err := k.DestroyKEK(t.Context(), 9, 0); domain.CodeOf(err) != "kek.unknown" {
		t.Errorf("%v", err)
	}
	if _, err := db.Exec(t.Context(), "update portico.subject_keys set kek_epoch = 1 where subject = $1", uuid.UUID{20}); err != nil {
		t.Fatal(err)
	}
	if err := k.DestroyKEK(t.Context(), 1, 0); domain.CodeOf(err) != "kek.in_use" {
		t.Errorf("while a key needs it: %v", err)
	}
}

func TestOlderKeyFilesAreTheFirstEpoch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kek")
	if err := makeKEK(file); err != nil {
		t.Fatal(err)
	}
	was, err := readKEKs(file)
	if err != nil || len(was) != 1 || was[0].no != 1 {
		t.Fatalf("%v, %v", was, err)
	}
	if no, err := addKEK(file, time.Now()); err != nil || no != 2 {
		t.Errorf("%d, %v", no, err)
	}
	now, err := readKEKs(file)
	if err != nil || len(now) != 2 || !bytes.Equal(now[0].key, was[0].key) || bytes.Equal(now[1].key, was[0].key) {
		t.Errorf("%v, %v", now, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := dropKEK(file, 1); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(file); !strings.HasPrefix(string(text), "1 ") || !strings.Contains(string(text), destroyed) {
		t.Errorf("%s", text)
	}
	for _, bad := range []string{"2 2026-01-01T00:00:00Z x\n", "1 yesterday " + destroyed + "\n", "1 2026-01-01T00:00:00Z " + destroyed + "\n", "a b c d\n"} {
		if all, err := parseKEKs([]byte(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, all)
		}
	}
}
