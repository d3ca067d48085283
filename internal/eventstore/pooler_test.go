package eventstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/eventstore/storetest"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

// behindPooler starts PgBouncer in transaction mode in front of a database and answers a
// pool of connections to it. Each of its statements may run in another session.
func behindPooler(t *testing.T, database string) *pgxpool.Pool {
	t.Helper()
	return behindPoolerAs(t, database, pg.AppRole)
}

// behindPoolerAs is behindPooler whose sessions have taken another role.
func behindPoolerAs(t *testing.T, database, role string) *pgxpool.Pool {
	t.Helper()
	to, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	return pgtest.Open(t, pgtest.Pooler(t, database, map[string]string{to.Database: "SET ROLE " + role})(to.Database))
}

// ENGINE §7, 12: nothing that the store does needs a session.
func TestBehindATransactionPoolerTheContractIsKept(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		s := eventstore.OpenPostgres(behindPooler(t, pgtest.New(t)))
		t.Cleanup(s.Close)
		return s
	})
}

// The control: this pooler does hand statements to other sessions, and the store notices
// it by a prepared one that is not there, at no harm.
func TestAPoolerIsNoticed(t *testing.T) {
	t.Parallel()
	pool := behindPooler(t, pgtest.New(t))
	s := eventstore.OpenPostgres(pool)
	t.Cleanup(s.Close)
	others, err := pgxpool.NewWithConfig(t.Context(), pool.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(others.Close)
	name := stream()
	mustAppend(t, s, name, -1, event())
	for v := range int64(3) { // each transaction takes a session away, the one that was used last first
		tx, err := others.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.Background())
		mustAppend(t, s, name, v, event())
	}
	if !s.Pooled() {
		t.Error("no statement came to another session: this pooler proves nothing")
	}
	if log := readDense(t, s); len(log) != 4 {
		t.Errorf("%d events", len(log))
	}
}

// Behind a pooler that hands each transaction to another session, requests of two tenants
// see their own rows: the setting goes with the transaction (ADR 0013). Without prepared
// statements of a session's own, as docs/isolation.md says.
func TestBehindATransactionPoolerTenantsStayApart(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pgtest.Exec(t, url, `insert into portico.mail_blocks (tenant, address, bounce, text)
		select tenant, n::text, gen_random_uuid(), '' from unnest('{one,two}'::text[]) tenant, generate_series(1, 3) n`)
	config := behindPoolerAs(t, url, pg.APIRole).Config()
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var running sync.WaitGroup
	for c, tenant := range []string{"one", "two", "", "one", "two", ""} {
		running.Go(func() {
			ctx, db, want := pg.InTenant(t.Context(), tenant), pg.Tenants(pool), 3
			if tenant == "" {
				want = 0
			}
			for n := range 100 {
				var mine, all int
				ask := func(q interface {
					QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
				}) error {
					return q.QueryRow(ctx, "select count(*) filter (where tenant = $1), count(*) from portico.mail_blocks", tenant).Scan(&mine, &all)
				}
				err := ask(db)
				if n%2 == c%2 {
					err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error { return ask(tx) })
				}
				if err != nil || mine != want || all != want {
					t.Errorf("%q sees %d of its own and %d in all, %v", tenant, mine, all, err)
					return
				}
			}
		})
	}
	running.Wait()
}
