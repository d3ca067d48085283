package pg_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pg"
	"portico/internal/pgtest"
)

// hosted are two tenants' rows, and a pool of as many connections of the requests' role.
func hosted(t *testing.T, conns int32) (url string, pool *pgxpool.Pool) {
	t.Helper()
	url = pgtest.New(t)
	for _, tenant := range []string{"one", "two"} {
		pgtest.Exec(t, url, fmt.Sprintf(`insert into portico.mail_blocks (tenant, address, bounce, text)
			select '%[1]s', n || '@%[1]s.example', gen_random_uuid(), '' from generate_series(1, 3) n`, tenant))
	}
	pool, err := pg.Open(t.Context(), url, pg.Options{Role: pg.APIRole, MaxConns: conns})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return url, pool
}

const sqlBlocks = `select tenant from portico.mail_blocks where $1::int >= 0`

// seen are the tenants whose rows show, each once a row.
func seen(ctx context.Context, db pg.DB) (string, error) {
	rows, err := db.Query(ctx, sqlBlocks, 1)
	if err != nil {
		return "", err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(all, " "), err
}

func TestWithoutATenantNothingShows(t *testing.T) {
	t.Parallel()
	_, pool := hosted(t, 1)
	db := pg.Tenants(pool)
	for name, ask := range map[string]func() (string, error){
		"by the pool itself": func() (string, error) { return seen(t.Context(), pool) },
		"without a tenant":   func() (string, error) { return seen(t.Context(), db) },
		"across":             func() (string, error) { return seen(pg.Across(t.Context()), db) },
		"after a tenant": func() (string, error) {
			if got, err := seen(pg.InTenant(t.Context(), "one"), db); err != nil || got != "one one one" {
				t.Errorf("its own: %q, %v", got, err)
			}
			return seen(t.Context(), pool)
		},
	} {
		if got, err := ask(); err != nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The control: a setting of the session is found by whoever has the connection next.
func TestControlASettingOfTheSessionLeaks(t *testing.T) {
	t.Parallel()
	_, pool := hosted(t, 1)
	if _, err := pool.Exec(t.Context(), "select set_config('portico.tenant', 'one', false)"); err != nil {
		t.Fatal(err)
	}
	if got, err := seen(t.Context(), pool); err != nil || got != "one one one" {
		t.Errorf("%q, %v: this test could not find a leak", got, err)
	}
}

// Every way of asking shows the tenant's rows, changes no others, and answers as the pool
// itself would have.
func TestEveryWayOfAskingIsWithinTheTenant(t *testing.T) {
	t.Parallel()
	_, pool := hosted(t, 1)
	db, ctx := pg.Tenants(pool), pg.InTenant(t.Context(), "one")
	var n int
	if err := db.QueryRow(ctx, "select count(*) from portico.mail_blocks").Scan(&n); err != nil || n != 3 {
		t.Errorf("QueryRow: %d, %v", n, err)
	}
	if err := db.QueryRow(ctx, "select 1 from portico.mail_blocks where tenant = $1", "two").Scan(&n); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("QueryRow of another's: %v", err)
	}
	tag, err := db.Exec(ctx, "update portico.mail_blocks set text = 'x' where tenant like $1", "%")
	if err != nil || tag.RowsAffected() != 3 {
		t.Errorf("Exec: %v, %v", tag, err)
	}
	for name, err := range map[string]error{
		"Exec for another": second(db.Exec(ctx, "insert into portico.mail_blocks (tenant, address, bounce, text) values ($1, 'a', gen_random_uuid(), '')", "two")),
		"Exec moves":       second(db.Exec(ctx, "update portico.mail_blocks set tenant = $1", "two")),
	} {
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "42501" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rows, err := db.Query(ctx, "select 1 / $1::int", 0); err == nil {
		if _, err = pgx.CollectRows(rows, pgx.RowTo[int]); err == nil {
			t.Error("a query that fails succeeded")
		}
	}
	var first, last int
	var b pgx.Batch
	b.Queue("select count(*) from portico.mail_blocks").QueryRow(func(r pgx.Row) error { return r.Scan(&first) })
	b.Queue("select count(*) from portico.mail_blocks where tenant = $1", "two").QueryRow(func(r pgx.Row) error { return r.Scan(&last) })
	if err := db.SendBatch(ctx, &b).Close(); err != nil || first != 3 || last != 0 {
		t.Errorf("SendBatch: %d, %d, %v", first, last, err)
	}
	var by pgx.Batch
	by.Queue("begin isolation level repeatable read read only")
	by.Queue("select count(*) from portico.mail_blocks")
	by.Queue("commit")
	br := db.SendBatch(ctx, &by)
	if _, err := br.Exec(); err != nil {
		t.Error(err)
	}
	if err := br.QueryRow().Scan(&n); err != nil || n != 3 {
		t.Errorf("a batch that begins a transaction: %d, %v", n, err)
	}
	if err := br.Close(); err != nil {
		t.Error(err)
	}
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		var level string
		err := tx.QueryRow(ctx, "select count(*), current_setting('transaction_isolation') from portico.mail_blocks").Scan(&n, &level)
		if level != "repeatable read" {
			t.Errorf("the transaction is %s", level)
		}
		return err
	})
	if err != nil || n != 3 {
		t.Errorf("BeginTx: %d, %v", n, err)
	}
	if got, err := seen(t.Context(), pool); err != nil || got != "" || pool.Stat().AcquiredConns() != 0 {
		t.Errorf("afterwards: %q, %v, %d connections are out", got, err, pool.Stat().AcquiredConns())
	}
}

func second[A any](_ A, err error) error { return err }

// One connection, two tenants, requests that panic and are cancelled in every place: no
// foreign row shows to anybody (SECURITY §4).
func TestOneConnectionForTwoTenants(t *testing.T) {
	t.Parallel()
	_, pool := hosted(t, 1)
	db := pg.Tenants(pool)
	const callers, each = 8, 400
	var asked, foreign, cut atomic.Int64
	var running sync.WaitGroup
	for c := range callers {
		running.Go(func() {
			for n := range each {
				tenant := []string{"one", "two", ""}[(c+n)%3]
				ctx, cancel := pg.InTenant(t.Context(), tenant), context.CancelFunc(func() {})
				if n%50 == 7 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(n)*time.Microsecond)
				}
				got, err := ask(ctx, db, n)
				cancel()
				asked.Add(1)
				switch {
				case err == nil:
				case errors.Is(err, errPanicked), errors.Is(err, context.DeadlineExceeded):
					cut.Add(1)
				default:
					t.Error(err)
				}
				for _, g := range got {
					if g != tenant {
						foreign.Add(1)
					}
				}
				if err == nil && tenant != "" && len(got) == 0 {
					t.Errorf("request %d of %q saw nothing", n, tenant)
				}
			}
		})
	}
	running.Wait()
	t.Logf("%d requests on one connection, %d of them cut off or panicked: %d foreign rows", asked.Load(), cut.Load(), foreign.Load())
	if foreign.Load() > 0 || cut.Load() == 0 {
		t.Errorf("%d foreign rows, %d cut off", foreign.Load(), cut.Load())
	}
	if got, err := seen(pg.InTenant(t.Context(), "two"), db); err != nil || got != "two two two" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

var errPanicked = errors.New("panicked")

// ask asks in one of several ways, some of which panic half way.
func ask(ctx context.Context, db pg.DB, n int) (got []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanicked, p)
		}
	}()
	fail := n%11 == 3
	collect := func(rows pgx.Rows) (err error) {
		defer rows.Close()
		for rows.Next() {
			if fail && len(got) > 0 {
				panic("in the middle of the rows")
			}
			var tenant string
			if err := rows.Scan(&tenant); err != nil {
				return err
			}
			got = append(got, tenant)
		}
		return rows.Err()
	}
	switch n % 4 {
	case 0:
		rows, err := db.Query(ctx, sqlBlocks, n)
		if err != nil {
			return got, err
		}
		return got, collect(rows)
	case 1:
		var b pgx.Batch
		b.Queue("select pg_sleep(0)")
		b.Queue(sqlBlocks, n).Query(collect)
		return got, db.SendBatch(ctx, &b).Close()
	case 2:
		return got, pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, sqlBlocks, n)
			if err != nil {
				return err
			}
			return collect(rows)
		})
	}
	if _, err := db.Exec(ctx, "update portico.mail_blocks set text = $1", fmt.Sprint(n)); err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, "select tenant from portico.mail_blocks where text <> $1", "y")
	if err != nil {
		return got, err
	}
	return got, collect(rows)
}

// Workers' contexts get the workers' pool, and nobody else's do.
func TestOnlyWorkersSeeAcross(t *testing.T) {
	t.Parallel()
	url, pool := hosted(t, 1)
	db := pg.Split(pg.Tenants(pool), pgtest.Open(t, url))
	for want, ctx := range map[string]context.Context{
		"": t.Context(), "two two two": pg.InTenant(pg.Across(t.Context()), "two"), "one one one two two two": pg.Across(t.Context()),
	} {
		if got, err := seen(ctx, db); err != nil || got != want {
			t.Errorf("%q shows, want %q, %v", got, want, err)
		}
	}
}
