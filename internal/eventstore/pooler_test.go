package eventstore_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

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
	bouncer, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("pgbouncer is not installed")
	}
	to, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "portico-pooler-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password := "" // an empty one would be a syntax error
	if to.Password != "" {
		password = fmt.Sprintf(" password='%s'", to.Password)
	}
	ini := fmt.Sprintf(`[databases]
%s = host=%s port=%d user=%s%s connect_query='SET ROLE %s'
[pgbouncer]
pool_mode = transaction
auth_type = any
listen_addr =
listen_port = 6432
unix_socket_dir = %s
default_pool_size = 4
ignore_startup_parameters = role,default_transaction_isolation,idle_in_transaction_session_timeout
`, to.Database, to.Host, to.Port, to.User, password, role, dir)
	if err := os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bouncer, "-q", filepath.Join(dir, "pgbouncer.ini"))
	cmd.Stderr = os.Stderr
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: nobody(t, dir)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for socket, begun := filepath.Join(dir, ".s.PGSQL.6432"), time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			break
		}
	}
	query := url.Values{"host": {dir}, "port": {"6432"}, "sslmode": {"disable"}}.Encode()
	return pgtest.Open(t, "postgres://"+url.PathEscape(to.User)+"@/"+to.Database+"?"+query)
}

// nobody is whom PgBouncer runs as if we are root, which it refuses to be: the account
// that PostgreSQL's package makes. The directory becomes its own.
func nobody(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
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
