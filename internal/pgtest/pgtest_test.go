package pgtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgtest"
	"portico/migrations"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			pgtest.Exec(t, url, "CREATE TABLE public.mine (a int)")
			current, newest, err := migrations.Versions(t.Context(), url)
			if err != nil || current != newest || newest < 1 {
				t.Errorf("at version %d of %d, %v", current, newest, err)
			}
		})
	}
}

func TestPoolsAreTheApplicationsRole(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	var user, session string
	var super bool
	err := pool.QueryRow(t.Context(), `SELECT current_user, session_user, rolsuper FROM pg_roles WHERE rolname = current_user`).
		Scan(&user, &session, &super)
	if err != nil || user != "portico_app" || super || session == user {
		t.Errorf("we are %s (session %s, superuser %v), %v", user, session, super, err)
	}
	// Builds of read models are schemas of its own.
	if _, err := pool.Exec(t.Context(), "CREATE SCHEMA p_x"); err != nil {
		t.Error(err)
	}
}

// The child makes a database, prints its server's process id and waits to be killed.
func TestAKilledTestProcessLeavesNothing(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") != "" {
		var dir string
		_, super := pgtest.Superuser(t)
		c, err := pgx.Connect(t.Context(), super)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.QueryRow(t.Context(), "SHOW data_directory").Scan(&dir); err != nil {
			t.Fatal(err)
		}
		fmt.Println(dir)
		select {}
	}
	if os.Getenv("PORTICO_TEST_DATABASE_URL") != "" {
		t.Skip("the server is not ours")
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir = strings.TrimSpace(dir)
	pidFile, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(string(pidFile), "\n")
	dir = filepath.Dir(filepath.Dir(dir))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) { // the guard removes it last
			if exec.Command("ps", "-o", "command=", "-p", pid).Run() == nil {
				t.Errorf("process %s is still there", pid)
			}
			return
		}
	}
	t.Errorf("%s is still there", dir)
}
