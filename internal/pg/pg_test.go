package pg_test

import (
	"bytes"
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
