package pg_test

import (
	"bytes"
	"cmp"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pg"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func one(t *testing.T, pool *pgxpool.Pool, sql string) (got string) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestConnectionsAreTheAppAndHaveBoundedPatience(t *testing.T) {
	t.Parallel()
	pool, err := pg.Open(t.Context(), pgtest.New(t), pg.Options{Name: "portico test"})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for setting, want := range map[string]string{
		"role": pg.AppRole, "application_name": "portico test", "TimeZone": "UTC",
		"idle_in_transaction_session_timeout": "10s", "transaction_isolation": "read committed",
	} {
		if got := one(t, pool, "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	if n := pool.Config().MaxConns; n != 16 {
		t.Errorf("%d connections", n)
	}
}

func TestAMissingRoleIsAWarning(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	pool, err := pg.Open(t.Context(), pgtest.New(t), pg.Options{Role: "no_such_role", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if got := one(t, pool, "SELECT current_user::text"); got != pg.AppRole {
		t.Errorf("it is %s", got)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "no_such_role") {
		t.Errorf("log: %s", log.String())
	}
}

// Running on as the connecting role would undo what somebody meant to restrict.
func TestAForbiddenRoleIsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	owner, superuser := pgtest.Superuser(t)
	if owner == superuser {
		t.Skip("a superuser may become anybody")
	}
	_, err := pg.Open(t.Context(), owner, pg.Options{Role: "pg_monitor"})
	if err == nil || !strings.Contains(err.Error(), "GRANT pg_monitor TO") {
		t.Errorf("error = %v", err)
	}
}

func TestTheURLsPoolSizeWins(t *testing.T) {
	t.Parallel()
	pool, err := pg.Open(t.Context(), pgtest.New(t)+"&pool_max_conns=3", pg.Options{MaxConns: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if n := pool.Config().MaxConns; n != 3 {
		t.Errorf("%d connections", n)
	}
}

// A pooler keeps from the database what the start of a connection asks for. With a database for
// each role its sessions are what they are to be, or nothing is opened.
func TestAPoolersDatabasesAreForRoles(t *testing.T) {
	t.Parallel()
	const oneMoment = "; SET default_transaction_isolation = 'repeatable read'"
	url := pgtest.Pooler(t, pgtest.New(t), map[string]string{
		pg.AppRole: "SET ROLE portico_app", pg.APIRole: "SET ROLE portico_app", pg.ReadRole: "SET ROLE portico_read" + oneMoment,
		pg.AppendRole: "SET ROLE portico_append",
	})("{role}")
	for _, c := range []struct {
		o    pg.Options
		fail string
	}{
		{pg.Options{}, ""},
		{pg.Options{Role: pg.ReadRole, Reads: true}, ""},
		{pg.Options{Role: pg.APIRole}, "has sessions of portico_app"},
		{pg.Options{Role: pg.AppendRole, Reads: true}, "are read committed"},
		{pg.Options{Role: pg.ProjectRole}, "failed to connect"},
	} {
		pool, err := pg.Open(t.Context(), url, c.o)
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%s: %v", c.o.Role, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.o.Role, err)
			continue
		}
		if got := one(t, pool, "SELECT current_user::text"); got != cmp.Or(c.o.Role, pg.AppRole) {
			t.Errorf("%s: it is %s", c.o.Role, got)
		}
		pool.Close()
	}
}
