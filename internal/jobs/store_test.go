package jobs

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// some are n jobs of a kind.
func some(kind string, n int) []Job {
	made := make([]Job, n)
	for i := range made {
		made[i] = Job{ID: uuid.New(), Tenant: "main", Kind: kind, Payload: encoded(i), Pos: eventstore.Position{Hi: uint64(i + 1)}, Correlation: uuid.New(), Causation: uuid.New()}
	}
	return made
}

func count(t *testing.T, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, where string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "select count(*) from portico.jobs where "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestInsertingAgainIsNothing(t *testing.T) {
	t.Parallel()
	s := &Store{DB: pgtest.Pool(t)}
	made := some("x.do", 3)
	made[1].NotBefore = time.Now().Add(time.Hour)
	for range 2 {
		if err := s.Insert(t.Context(), append(made, made[0])...); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s.DB, "state = 'queued'"); n != 3 {
		t.Errorf("%d jobs, want 3", n)
	}
	if n := count(t, s.DB, "due > now() + interval '59 min'"); n != 1 {
		t.Errorf("%d wait for an hour, want 1", n)
	}
}

func TestJobsRollBackWithTheirTransaction(t *testing.T) {
	t.Parallel()
	s := &Store{DB: pgtest.Pool(t)}
	tx, err := s.DB.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.InsertIn(t.Context(), tx, some("x.do", 2)...); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s.DB, "true"); n != 0 {
		t.Errorf("%d jobs of a transaction that was undone", n)
	}
}
