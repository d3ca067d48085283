package keyring

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/envelope"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	kek        = bytes.Repeat([]byte{7}, keySize)
	jane, acme = uuid.UUID{1}, uuid.UUID{2}
)

// ring is a keyring as a newly started process has it.
func ring(t *testing.T, db *pgxpool.Pool, kek []byte) *Keyring {
	t.Helper()
	k, err := New(db, kek)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k envelope.Keys, subject uuid.UUID) (no int, sealed []byte) {
	t.Helper()
	key, err := k.Current(t.Context(), "main", subject)
	if err != nil {
		t.Fatal(err)
	}
	return key.No, key.AEAD.Seal(nil, nil, []byte("secret"), nil)
}

func opens(t *testing.T, k envelope.Keys, subject uuid.UUID, no int, sealed []byte) bool {
	t.Helper()
	key, err := k.Numbered(t.Context(), "main", subject, no)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := key.AEAD.Open(nil, nil, sealed, nil)
	return err == nil && string(plain) == "secret"
}

func TestKeysOutliveTheProcess(t *testing.T) {
	db := pgtest.Pool(t)
	first := ring(t, db, kek)
	no, sealed := seal(t, first, jane)
	_, theirs := seal(t, first, acme)
	for name, k := range map[string]*Keyring{"this process": first, "the next": ring(t, db, kek)} {
		if !opens(t, k, jane, no, sealed) || opens(t, k, jane, no, theirs) || opens(t, k, acme, no, sealed) {
			t.Errorf("%s does not open what is Jane's, or opens what is not", name)
		}
		again, more := seal(t, k, jane)
		if again != no || !opens(t, first, jane, no, more) {
			t.Errorf("%s has another key for her", name)
		}
	}
	var rows int
	if err := db.QueryRow(t.Context(), "select count(*) from portico.subject_keys").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d keys, %v", rows, err)
	}
}

func TestOneKeyHoweverManyAsk(t *testing.T) {
	db := pgtest.Pool(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var texts [][]byte
	for range 8 {
		k := ring(t, db, kek)
		all.Go(func() {
			_, sealed := seal(t, k, jane)
			mu.Lock()
			defer mu.Unlock()
			texts = append(texts, sealed)
		})
	}
	all.Wait()
	k := ring(t, db, kek)
	for i, sealed := range texts {
		if !opens(t, k, jane, 1, sealed) {
			t.Errorf("process %d wrote under a key that was lost", i)
		}
	}
}

// SECURITY §3.4: an erased subject's keys are gone, and no other is ever made.
func TestErasedKeys(t *testing.T) {
	url := pgtest.New(t)
	db := pgtest.Open(t, url)
	no, _ := seal(t, ring(t, db, kek), jane)
	pgtest.Exec(t, url, "update portico.subject_keys set wrapped = null, state = 'erased'")
	k := ring(t, db, kek)
	for range 2 {
		if _, err := k.Current(t.Context(), "main", jane); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("a new key for an erased subject: %v", err)
		}
		if _, err := k.Numbered(t.Context(), "main", jane, no); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("an erased key: %v", err)
		}
	}
}

// A key that cannot be had is an error of its own, never an erasure.
func TestLostKeys(t *testing.T) {
	url := pgtest.New(t)
	db := pgtest.Open(t, url)
	k := ring(t, db, kek)
	no, _ := seal(t, k, jane)
	seal(t, k, acme)
	fails := func(why string, k *Keyring, subject uuid.UUID, no int) {
		t.Helper()
		if _, err := k.Numbered(t.Context(), "main", subject, no); err == nil || errors.Is(err, envelope.ErrErased) {
			t.Errorf("%s: %v", why, err)
		}
	}
	fails("a number nobody had", k, jane, no+1)
	fails("a subject nobody knew", k, uuid.UUID{9}, 1)
	wrong := ring(t, db, bytes.Repeat([]byte{8}, keySize))
	fails("another key file", wrong, jane, no)
	if _, err := wrong.Current(t.Context(), "main", jane); err == nil {
		t.Error("another key file opens what it did not close")
	}
	pgtest.Exec(t, url, "update portico.subject_keys set wrapped = (select wrapped from portico.subject_keys where subject = '"+acme.String()+"')")
	fails("another subject's wrapped key", ring(t, db, kek), jane, no)
	if _, err := New(db, kek[:5]); err == nil {
		t.Error("a short key file is taken")
	}
}

// The program's role cannot take keys or API keys away, nor read around them.
func TestGrants(t *testing.T) {
	db := pgtest.Pool(t)
	for statement, allowed := range map[string]bool{
		"delete from portico.subject_keys": false, "delete from portico.api_keys": false, "truncate portico.subject_keys": false,
		"drop table portico.api_keys": false, "delete from portico.idempotency": true, "select * from portico.api_keys": true,
		"update portico.subject_keys set state = 'live' where false":                                                                                        true,
		"insert into portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state) values ('a', gen_random_uuid(), 1, 1, '', 'erased')":         false,
		"insert into portico.subject_keys (tenant, subject, key_no, kek_epoch, wrapped, state) values ('a', gen_random_uuid(), 1, 1, null, 'live')":         false,
		"insert into portico.api_keys (id, tenant, name, role, hash) values (gen_random_uuid(), 'a', 'b', 'root', '')":                                      false,
		"insert into portico.api_keys (id, tenant, name, role, hash) values (gen_random_uuid(), 'a', 'b', 'contact', '')":                                   false,
		"insert into portico.api_keys (id, tenant, name, role, hash) values (gen_random_uuid(), 'a', 'b', 'staff', '\\x01')":                                true,
		"insert into portico.idempotency (tenant, actor, key, request_hash, state) values ('a', gen_random_uuid(), 'k', '', 'done')":                        false,
		"insert into portico.idempotency (tenant, actor, key, request_hash, state, lease_until) values ('a', gen_random_uuid(), 'k', '', 'running', now())": true,
	} {
		_, err := db.Exec(t.Context(), statement)
		var refused *pgconn.PgError
		if (err == nil) != allowed || err != nil && (!errors.As(err, &refused) || refused.Code != "42501" && refused.Code != "23514") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestTheKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made", "kek")
	var all sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		all.Go(func() {
			all, err := readKEKs(file)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = string(all[0].key)
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] || len(key) != keySize {
			t.Fatal("two processes have two keys")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%d files beside the key", len(left)-1)
	}
	for _, bad := range []string{"", "short", strings.Repeat("!", 44), base64.StdEncoding.EncodeToString(kek[:31])} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := readKEKs(file); err == nil {
			t.Errorf("%q is taken for a key: %v", bad, key)
		}
	}
	if _, err := readKEKs(filepath.Join(file, "under-a-file")); err == nil {
		t.Error("a key was made under a file")
	}
}

func TestMemory(t *testing.T) {
	k := &Memory{}
	no, sealed := seal(t, k, jane)
	_, theirs := seal(t, k, acme)
	if !opens(t, k, jane, no, sealed) || opens(t, k, jane, no, theirs) {
		t.Error("keys are mixed up")
	}
	k.Erase("main", jane)
	for _, ask := range []func() (envelope.Key, error){
		func() (envelope.Key, error) { return k.Current(t.Context(), "main", jane) },
		func() (envelope.Key, error) { return k.Numbered(t.Context(), "main", jane, no) },
	} {
		if _, err := ask(); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("%v", err)
		}
	}
	if !opens(t, k, acme, no, theirs) {
		t.Error("somebody else's key went with it")
	}
}

func TestTheWrongKeyFileIsFoundOutAtTheStart(t *testing.T) {
	db := pgtest.Pool(t)
	right, wrong := ring(t, db, kek), ring(t, db, bytes.Repeat([]byte{8}, keySize))
	if err := wrong.Check(t.Context()); err != nil {
		t.Errorf("no keys yet: %v", err)
	}
	seal(t, right, jane)
	seal(t, right, acme)
	if err := right.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ring(t, db, bytes.Repeat([]byte{8}, keySize)).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "right key file") {
		t.Errorf("the wrong key: %v", err)
	}
	if _, err := db.Exec(t.Context(), `update portico.subject_keys set wrapped = '\x00' where subject = $1`, jane); err != nil {
		t.Fatal(err)
	}
	if err := ring(t, db, kek).Check(t.Context()); err != nil {
		t.Errorf("one damaged key is not the wrong key: %v", err)
	}
}
