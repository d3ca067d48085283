package pgtest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pg"
	"portico/internal/pgserver"
	"portico/migrations"
)

// host is the server that this process's tests use.
type host struct {
	admin              *pgxpool.Pool // of a superuser
	ownerURL, adminURL func(database string) string
	owner              string   // the role that owns test databases
	template           string   // the migrated database that others are copies of
	kept               []string // what Once made
	outlives           bool     // us: what we made has to be dropped
	close              func()
}

var (
	sharedOnce sync.Once
	sharedHost *host
	sharedErr  error
)

func shared() (*host, error) {
	sharedOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if sharedHost, sharedErr = find(ctx); sharedErr == nil && sharedHost.template == "" {
			sharedErr = sharedHost.makeTemplate(ctx)
		}
		if sharedErr != nil {
			sharedErr = fmt.Errorf("pgtest: %w", sharedErr)
		}
	})
	return sharedHost, sharedErr
}

// stop takes down what shared made, if it was called.
func stop() {
	if sharedHost == nil {
		return
	}
	if sharedHost.outlives {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, name := range append(sharedHost.kept, sharedHost.template) {
			if name == "" {
				continue // it was not made
			}
			if _, err := sharedHost.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
				fmt.Fprintln(os.Stderr, "pgtest:", err)
			}
		}
	}
	sharedHost.admin.Close()
	sharedHost.close()
}

func find(ctx context.Context) (h *host, err error) {
	if given := os.Getenv("PORTICO_TEST_DATABASE_URL"); given != "" {
		h, err = external(given)
	} else {
		h, err = private(ctx)
	}
	if err != nil {
		return nil, err
	}
	h.admin, err = pgxpool.New(ctx, h.adminURL("postgres"))
	return h, err
}

func external(given string) (*host, error) {
	u, err := url.Parse(given)
	if err != nil || u.User == nil {
		return nil, fmt.Errorf("PORTICO_TEST_DATABASE_URL must be a postgres:// URL that names a superuser: %w", err)
	}
	at := func(database string) string {
		v := *u
		v.Path = "/" + database
		return v.String()
	}
	return &host{ownerURL: at, adminURL: at, owner: u.User.Username(), outlives: true, close: func() {}}, nil
}

// private starts a server for this process in a temporary directory.
func private(ctx context.Context) (*host, error) {
	dir, err := os.MkdirTemp("", "portico-test-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server may be another user
		return nil, err
	}
	alive, err := guard(dir)
	if err != nil {
		return nil, err
	}
	template, err := prepare(ctx, filepath.Join(dir, "pg"))
	if err != nil {
		alive()
		return nil, err
	}
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: filepath.Join(dir, "pg"), Log: os.Stderr, Fast: true})
	if err != nil {
		alive()
		return nil, err
	}
	return &host{ownerURL: server.URL, adminURL: server.AdminURL, owner: pgserver.Database, template: template, close: func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
		}
		alive()
	}}, nil
}

// guard starts a process that takes the server down and its directory away when we end,
// in whatever way: its standard input then ends too. The function it returns ends it.
func guard(dir string) (func(), error) {
	const script = `cat >/dev/null
pid=$(head -n 1 "$0/pg/cluster/postmaster.pid" 2>/dev/null)
case "$(readlink "/proc/$pid/cwd" 2>/dev/null || echo "$0/pg/cluster")" in "$0"/*) ;; *) pid= ;; esac
if [ -n "$pid" ]; then
	kill -QUIT "$pid"
	for i in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
fi
rm -rf "$0"`
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, real)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of a Ctrl-C
	var in io.WriteCloser
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		in.Close()
		_ = cmd.Wait() // it has done what it could
	}, nil
}

const namePrefix = "portico_test_"

// makeTemplate migrates a database once, to be copied for each test.
func (h *host) makeTemplate(ctx context.Context) error {
	h.dropStale(ctx)
	name := fmt.Sprintf("%s%d_%06x", namePrefix, time.Now().Unix(), rand.IntN(1<<24))
	if _, err := h.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER %q", name, h.owner)); err != nil {
		return err
	}
	h.template = name
	_, err := migrations.Up(ctx, h.ownerURL(name))
	return err
}

// dropStale drops what killed test processes left on a server that outlives them.
func (h *host) dropStale(ctx context.Context) {
	rows, err := h.admin.Query(ctx, "SELECT datname FROM pg_catalog.pg_database WHERE starts_with(datname, $1)", namePrefix)
	if err != nil {
		return
	}
	var stale []string
	for rows.Next() {
		var name string
		if rows.Scan(&name) != nil {
			continue
		}
		made, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "_")
		if at, err := strconv.ParseInt(made, 10, 64); err == nil && time.Since(time.Unix(at, 0)) > 2*time.Hour {
			stale = append(stale, name)
		}
	}
	rows.Close()
	for _, name := range stale {
		_, _ = h.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") // another process may be faster
	}
}

// clone makes a copy of a database to which nobody is connected. A copy does not get the
// rights on the database itself.
func (h *host) clone(ctx context.Context, name, of string) error {
	if _, err := h.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %q", name, of, h.owner)); err != nil {
		return err
	}
	_, err := h.admin.Exec(ctx, "GRANT CREATE ON DATABASE "+name+" TO "+pg.AppRole+", "+pg.ProjectRole+", "+pg.OwnerRole)
	return err
}
