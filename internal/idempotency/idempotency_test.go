package idempotency

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var (
	ask   = Request{Tenant: "main", Actor: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Key: "k", Hash: [32]byte{1}}
	other = Request{Tenant: ask.Tenant, Actor: ask.Actor, Key: ask.Key, Hash: [32]byte{2}}
	said  = Answer{Status: 201, Header: http.Header{"Portico-Position": {"s1.1.0"}}, Body: []byte(`{"id": 1}`)}
)

type world struct {
	*testing.T
	s *Store
}

func (w world) claim(r Request, want error) *Answer {
	w.Helper()
	a, err := w.s.Claim(w.Context(), r)
	if !errors.Is(err, want) {
		w.Fatalf("claim: %v, want %v", err, want)
	}
	return a
}

func (w world) do(f func(context.Context, Request) error, r Request) {
	w.Helper()
	if err := f(w.Context(), r); err != nil {
		w.Fatal(err)
	}
}

func (w world) exec(sql string) {
	w.Helper()
	if _, err := w.s.DB.Exec(w.Context(), sql); err != nil {
		w.Fatal(err)
	}
}

func newWorld(t *testing.T) world { return world{t, &Store{DB: pgtest.Pool(t)}} }

func TestAClaimIsOneCallersUntilItIsSettled(t *testing.T) {
	w := newWorld(t)
	if w.claim(ask, nil) != nil {
		t.Error("a new request has an answer")
	}
	w.claim(ask, ErrRunning)
	w.claim(other, ErrReused)
	if err := w.s.Finish(t.Context(), ask, said); err != nil {
		t.Fatal(err)
	}
	if got := w.claim(ask, nil); got == nil || got.Status != 201 || !bytes.Equal(got.Body, said.Body) || got.Header.Get("Portico-Position") != "s1.1.0" {
		t.Errorf("answer %+v", got)
	}
	w.claim(other, ErrReused)
	// The first answer stays, whatever comes late.
	if err := w.s.Finish(t.Context(), ask, Answer{Status: 500}); err != nil {
		t.Fatal(err)
	}
	w.do(w.s.Forget, ask)
	w.do(w.s.Yield, ask)
	if got := w.claim(ask, nil); got == nil || got.Status != 201 {
		t.Errorf("answer %+v", got)
	}
}

func TestWhatWasForgottenNeverWas(t *testing.T) {
	w := newWorld(t)
	w.claim(ask, nil)
	w.do(w.s.Forget, other) // not theirs
	w.claim(other, ErrReused)
	w.do(w.s.Forget, ask)
	if w.claim(other, nil) != nil {
		t.Error("another request has an answer")
	}
}

func TestWhatWasYieldedIsTakenOverByTheSameRequestOnly(t *testing.T) {
	w := newWorld(t)
	w.claim(ask, nil)
	w.do(w.s.Yield, ask)
	w.claim(other, ErrReused)
	if w.claim(ask, nil) != nil {
		t.Error("it has an answer")
	}
	w.claim(ask, ErrRunning)
	w.exec(`update portico.idempotency set lease_until = clock_timestamp() - interval '1 second'`)
	w.claim(ask, nil)
	w.claim(ask, ErrRunning)
}

func TestTheCommandIsTheSameForTheSameRequestAlone(t *testing.T) {
	ids := map[uuid.UUID]bool{ask.CommandID(): true}
	for _, r := range []Request{other, {"test", ask.Actor, ask.Key, ask.Hash}, {ask.Tenant, uuid.New(), ask.Key, ask.Hash}, {ask.Tenant, ask.Actor, "l", ask.Hash}} {
		if ids[r.CommandID()] {
			t.Errorf("%+v has another's id", r)
		}
		ids[r.CommandID()] = true
	}
	if again := ask; !ids[again.CommandID()] {
		t.Error("the same request has another id")
	}
}

func TestAnswersAreForgottenAfterSevenDays(t *testing.T) {
	w := newWorld(t)
	w.exec(`insert into portico.idempotency (tenant, actor, key, request_hash, state, status, header, body, created_at)
		select 'main', gen_random_uuid(), 'k', '\x01', 'done', 200, '{}', '', clock_timestamp() - interval '169 hours' from generate_series(1, 1201)`)
	w.exec(`insert into portico.idempotency (tenant, actor, key, request_hash, state, status, header, body, created_at)
		select 'main', gen_random_uuid(), 'k', '\x01', 'done', 200, '{}', '', clock_timestamp() - interval '167 hours' from generate_series(1, 3)`)
	if n, err := w.s.Purge(t.Context()); n != 1201 || err != nil {
		t.Errorf("purged %d %v", n, err)
	}
	var left int
	if err := w.s.DB.QueryRow(t.Context(), `select count(*) from portico.idempotency`).Scan(&left); left != 3 || err != nil {
		t.Errorf("left %d %v", left, err)
	}
}

func TestClaimsOfADeadProcessAreGivenUp(t *testing.T) {
	w := newWorld(t)
	w.s.Node = "here/1"
	w.claim(ask, nil)
	next := &Store{DB: w.s.DB, Node: "here/2"}
	if err := next.Inherit(t.Context(), func(node string) bool { return node == "elsewhere/1" }); err != nil {
		t.Fatal(err)
	}
	w.claim(ask, ErrRunning)
	if err := next.Inherit(t.Context(), func(node string) bool { return node == "here/1" }); err != nil {
		t.Fatal(err)
	}
	w.claim(other, ErrReused)
	w.claim(ask, nil)
}

// The database's clock was put back since.
func TestAClaimThatWouldLastTooLongIsTakenOver(t *testing.T) {
	w := newWorld(t)
	w.claim(ask, nil)
	w.exec("update portico.idempotency set lease_until = clock_timestamp() + interval '2 hours'")
	w.claim(ask, nil)
	w.claim(ask, ErrRunning)
}
