package eventstore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

const gapWriters, gapRows = 8, 40

// slowWriters run write in transactions that sleep at random before they commit.
func slowWriters(t *testing.T, url string, write func(context.Context, pgx.Tx) error) (finished chan struct{}) {
	t.Helper()
	var writers sync.WaitGroup
	for range gapWriters {
		c := connect(t, url)
		writers.Go(func() {
			for range gapRows {
				err := pgx.BeginFunc(t.Context(), c, func(tx pgx.Tx) error {
					if err := write(t.Context(), tx); err != nil {
						return err
					}
					time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	finished = make(chan struct{})
	go func() { writers.Wait(); close(finished) }()
	return finished
}

// ENGINE §7, 1. The control must lose rows: it shows that these writers would be noticed.
func TestATailingReaderSkipsNoLateCommit(t *testing.T) {
	t.Parallel()
	t.Run("the log loses nothing", func(t *testing.T) {
		url := pgtest.New(t)
		s := open(t, url)
		mustAppend(t, s, stream(), -1, event())
		finished := slowWriters(t, url, func(ctx context.Context, tx pgx.Tx) error { return appendIn(ctx, tx, stream(), -1) })
		seen := 0
		tail(finished, func() bool {
			p, err := s.ReadAll(t.Context(), eventstore.Position{Hi: uint64(seen)}, 100)
			if err != nil {
				t.Error(err)
				return true
			}
			for _, e := range p.Events {
				if seen++; e.Pos.Hi != uint64(seen) {
					t.Fatalf("position %v is the %dth", e.Pos, seen)
				}
			}
			return p.End
		})
		if seen != 1+gapWriters*gapRows {
			t.Errorf("saw %d events of %d", seen, 1+gapWriters*gapRows)
		}
	})
	t.Run("a naive identity column does", func(t *testing.T) {
		url := pgtest.New(t)
		pgtest.Exec(t, url, "CREATE TABLE public.naive (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
		reader := connect(t, url)
		finished := slowWriters(t, url, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO public.naive DEFAULT VALUES")
			return err
		})
		seen, last := 0, int64(0)
		tail(finished, func() bool {
			rows, err := reader.Query(t.Context(), "SELECT id FROM public.naive WHERE id > $1 ORDER BY id", last)
			if err != nil {
				t.Error(err)
				return true
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				t.Error(err)
			}
			if seen += len(ids); len(ids) > 0 {
				last = ids[len(ids)-1]
			}
			return len(ids) == 0
		})
		if seen == gapWriters*gapRows {
			t.Error("the control lost nothing: these writers prove nothing")
		}
		t.Logf("lost %d rows of %d", gapWriters*gapRows-seen, gapWriters*gapRows)
	})
}

// tail reads until a read that began after the writers had finished has reached the end.
func tail(finished <-chan struct{}, read func() (end bool)) {
	for {
		over := false
		select {
		case <-finished:
			over = true
		default:
		}
		if end := read(); end && over {
			return
		}
	}
}
