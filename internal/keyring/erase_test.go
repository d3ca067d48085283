package keyring

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/pgtest"
)

const soon = 200 * time.Millisecond

// quick looks more often, so that tests need not wait.
func quick(k *Keyring) *Keyring {
	k.every = soon
	return k
}

// SECURITY §3.4: from the request on nobody decrypts, in whichever process, although both
// have had the key in memory; before it everybody does, announced or not.
func TestAnAnnouncedErasureReachesEveryProcess(t *testing.T) {
	db := pgtest.Pool(t)
	here, there := quick(ring(t, db, kek)), quick(ring(t, db, kek))
	var requested atomic.Bool
	history := func(context.Context, string, uuid.UUID) (bool, error) { return requested.Load(), nil }
	here.Requested, there.Requested = history, history
	told := 0
	there.OnErasure = []func(){func() { told++ }}
	no, sealed := seal(t, here, jane)
	_, theirs := seal(t, here, acme)
	if !opens(t, there, jane, no, sealed) {
		t.Fatal("the other process does not open it")
	}
	p := Person{"main", jane}
	began := time.Now()
	if err := here.Announce(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < soon {
		t.Errorf("it waited for %v only: the other process may not have looked", waited)
	}
	if !opens(t, there, jane, no, sealed) || !opens(t, here, jane, no, sealed) {
		t.Error("announced is not requested")
	}
	requested.Store(true)
	for name, k := range map[string]*Keyring{"here": here, "there": there} {
		if _, err := k.Numbered(t.Context(), "main", jane, no); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("%s it opens although erasure was requested: %v", name, err)
		}
		if _, err := k.Current(t.Context(), "main", jane); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("%s it seals although erasure was requested: %v", name, err)
		}
		if !opens(t, k, acme, 1, theirs) {
			t.Errorf("%s somebody else's key went with it", name)
		}
	}
	if told != 1 {
		t.Errorf("the other process was told %d times", told)
	}
	requested.Store(false) // whatever history says: the keys are gone
	for range 2 {
		if err := here.Destroy(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := there.Numbered(t.Context(), "main", jane, no); !errors.Is(err, envelope.ErrErased) {
		t.Errorf("a destroyed key: %v", err)
	}
	if erased, err := here.Erased(t.Context(), p); err != nil || !erased {
		t.Errorf("%v, %v", erased, err)
	}
}

// A process that heard of nothing, because the keys were destroyed without announcement by
// another that was restored, stops at its next look.
func TestADestroyedKeyLeavesMemoryAfterOneLook(t *testing.T) {
	db := pgtest.Pool(t)
	here, there := quick(ring(t, db, kek)), quick(ring(t, db, kek))
	no, _ := seal(t, there, jane)
	if there.cache.Len() == 0 {
		t.Error("it is not in memory: nothing is shown by this")
	}
	if err := here.Destroy(t.Context(), Person{"main", jane}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(soon)
	if _, err := there.Numbered(t.Context(), "main", jane, no); !errors.Is(err, envelope.ErrErased) {
		t.Errorf("%v", err)
	}
}

// Who never had a key gets none once erased; an announcement that led to nothing is taken
// back; and what is open is listed until it has ended.
func TestErasuresAreFollowedUp(t *testing.T) {
	db := pgtest.Pool(t)
	k := quick(ring(t, db, kek))
	nobody, p := Person{"main", uuid.UUID{7}}, Person{"main", jane}
	if err := k.Destroy(t.Context(), nobody); err != nil {
		t.Fatal(err)
	}
	if _, err := ring(t, db, kek).Current(t.Context(), "main", nobody.Subject); !errors.Is(err, envelope.ErrErased) {
		t.Errorf("a first key for who is erased: %v", err)
	}
	if err := k.Announce(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if open, err := k.Unfinished(t.Context()); err != nil || len(open) != 2 {
		t.Errorf("%v, %v", open, err)
	}
	if ago, err := k.Announced(t.Context(), p); err != nil || ago < soon {
		t.Errorf("%v, %v", ago, err)
	}
	if err := k.Ended(t.Context(), nobody); err != nil {
		t.Fatal(err)
	}
	for _, who := range []Person{p, nobody} { // of whom keys were destroyed nothing is taken back
		if err := k.Withdraw(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := db.QueryRow(t.Context(), "select count(*) from portico.erasures").Scan(&left); err != nil || left != 1 {
		t.Errorf("%d, %v", left, err)
	}
	if tenants, err := k.Tenants(t.Context()); err != nil || len(tenants) != 1 || tenants[0] != "main" {
		t.Errorf("%v, %v", tenants, err)
	}
}
