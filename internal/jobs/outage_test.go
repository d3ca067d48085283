package jobs

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
)

// away is a database that does not answer while it is told not to.
type away struct {
	pg.DB
	gone atomic.Bool
}

func (a *away) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if a.gone.Load() {
		ended, end := context.WithCancel(ctx)
		end()
		ctx = ended
	}
	return a.DB.SendBatch(ctx, b)
}

// While the database was away every lease has run out. Who is first to be back waits for the
// others to renew theirs; what nobody renews is a dead process's.
func TestAfterAnOutageTheLivingRenewFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.insert("x.do", 2)
	for _, owner := range []string{"alive", "dead"} {
		if _, err := w.db.Exec(t.Context(), sqlClaim, []string{"x.do"}, []int{1}, 0, owner, uuid.New(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	db := &away{DB: w.db}
	db.gone.Store(true)
	q := w.queue("first", Kind{Name: "x.do", Do: func(context.Context, Attempt) error { return nil }})
	q.Store = &Store{DB: db}
	w.run(&Runner{Queue: q})
	time.Sleep(200 * time.Millisecond)
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set expires = clock_timestamp() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	db.gone.Store(false)
	back := time.Now()
	time.Sleep(1500 * time.Millisecond)
	if n := count(t, w.db, "attempts > 1"); n > 0 {
		t.Errorf("%d jobs were taken from others at once", n)
	}
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set expires = clock_timestamp() + interval '8 s' where owner = 'alive'`); err != nil {
		t.Fatal(err)
	}
	w.eventually("the dead one's is done", func() bool { return count(t, w.db, "state = 'done'") == 1 })
	if took := time.Since(back); took > 8*time.Second || count(t, w.db, "owner = 'alive' and attempts = 1") != 1 {
		t.Errorf("after %v%v", took, w.table())
	}
}
