//go:build linux

package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
	"portico/internal/pgserver"
)

// cluster is a PostgreSQL of a test's own, which it may do anything to. It is durable:
// what a commit has said is on disk.
type cluster struct {
	t        *testing.T
	dir      string // PGDATA, and the socket's place
	port     int    // on the loopback interface
	settings []string
	env      []string
	process  *exec.Cmd
	gone     chan struct{}
}

// blank is a cluster as initdb makes it, copied for each test.
var blank = sync.OnceValues(func() (string, error) {
	dir, err := place()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "blank")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := own(dir); err != nil {
		return "", err
	}
	cmd := exec.Command(program("initdb"), "-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
		"--data-checksums", "--no-instructions", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = dir, unprivileged()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	return dir, nil
})

// newCluster starts a server with an empty database of ours.
func newCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	c := prepareCluster(t, settings...)
	c.start()
	return c
}

// prepareCluster is newCluster before the start.
func prepareCluster(t *testing.T, settings ...string) *cluster {
	t.Helper()
	from, err := blank()
	must(t, err)
	c := &cluster{t: t, port: freePort(t), settings: settings}
	c.dir, err = os.MkdirTemp(filepath.Dir(from), "pg")
	must(t, err)
	must(t, os.Remove(c.dir))
	if out, err := exec.Command("cp", "-a", from, c.dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if c.process != nil {
			_ = c.process.Process.Signal(syscall.SIGQUIT)
			<-c.gone
		}
		os.RemoveAll(c.dir)
	})
	return c
}

// start starts the server, and makes roles and database if they are missing.
func (c *cluster) start() {
	c.t.Helper()
	for try := 0; ; try++ { // remains of a killed server may hold its memory for a moment
		err := c.launch()
		if err == nil {
			break
		}
		if try == 50 {
			c.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.bootstrap()
}

func (c *cluster) launch() error {
	args := []string{"-D", c.dir}
	for _, s := range append([]string{"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(c.port), "unix_socket_directories=" + c.dir,
		"max_connections=120", "shared_buffers=64MB", "timezone=UTC", "client_connection_check_interval=5s", "log_line_prefix=%m [%p] %a ",
		"checkpoint_timeout=30s"}, c.settings...) {
		args = append(args, "-c", s)
	}
	log, err := os.OpenFile(c.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program("postgres"), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}, c.env...), log, log
	cmd.SysProcAttr = unprivileged()
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	c.process, c.gone = cmd, gone
	go func() { _ = cmd.Wait(); close(gone) }()
	for {
		conn, err := pgx.Connect(context.Background(), c.admin("postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		select {
		case <-gone:
			c.process = nil
			said, _ := os.ReadFile(c.dir + ".log")
			return fmt.Errorf("PostgreSQL did not start: %s", said[max(0, len(said)-2000):])
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *cluster) bootstrap() {
	c.t.Helper()
	all := []string{"CREATE ROLE " + pgserver.Database + " LOGIN"}
	for _, role := range pg.SetUpRoles(pgserver.Database) {
		all = append(all, role.SQL)
	}
	for _, sql := range append(all, "CREATE DATABASE "+pgserver.Database+" OWNER "+pgserver.Database) {
		if err := c.try("postgres", sql); err != nil && !strings.Contains(err.Error(), "already exists") {
			c.t.Fatal(err)
		}
	}
}

// url is how Portico connects; admin is a superuser.
func (c *cluster) url() string {
	return pg.URL(c.dir, pgserver.Database, pgserver.Database) + c.portOf()
}

func (c *cluster) admin(database string) string {
	return pg.URL(c.dir, "postgres", database) + c.portOf()
}

func (c *cluster) portOf() string { return "&port=" + strconv.Itoa(c.port) }

// tcpURL is how Portico connects by way of an address, which may be a proxy's.
func tcpURL(address string) string {
	return "postgres://" + pgserver.Database + "@" + address + "/" + pgserver.Database + "?sslmode=disable&connect_timeout=2"
}

func (c *cluster) address() string { return "127.0.0.1:" + strconv.Itoa(c.port) }

// exec runs statements as a superuser.
func (c *cluster) exec(database string, statements ...string) {
	c.t.Helper()
	must(c.t, c.try(database, statements...))
}

func (c *cluster) try(database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.admin(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// number asks a superuser's question.
func (c *cluster) number(sql string, args ...any) (n int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.admin(pgserver.Database))
	must(c.t, err)
	defer conn.Close(ctx)
	must(c.t, conn.QueryRow(ctx, sql, args...).Scan(&n))
	return n
}

// kill kills the server with all its processes, at once.
func (c *cluster) kill() {
	c.t.Helper()
	pid := c.process.Process.Pid
	must(c.t, syscall.Kill(pid, syscall.SIGSTOP)) // else it has new children as soon as one is killed
	all := append(childrenOf(pid), pid)
	for _, p := range all {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
	<-c.gone
	for _, p := range all {
		eventually(c.t, 10*time.Second, "process "+strconv.Itoa(p)+" is gone", func() bool { return errors.Is(syscall.Kill(p, 0), syscall.ESRCH) })
	}
	c.process = nil
}

// freeze stops one of the server's own processes.
func (c *cluster) freeze(kind string) {
	c.t.Helper()
	pid := c.number("SELECT pid FROM pg_stat_activity WHERE backend_type = $1", kind)
	must(c.t, syscall.Kill(int(pid), syscall.SIGSTOP))
}

// immediate ends the server as pg_ctl stop -m immediate does.
func (c *cluster) immediate() {
	c.t.Helper()
	must(c.t, c.process.Process.Signal(syscall.SIGQUIT))
	<-c.gone
	c.process = nil
}

func childrenOf(parent int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		after := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(after) > 1 && after[1] == strconv.Itoa(parent) {
			all = append(all, pid)
		}
	}
	return all
}

// program finds one of PostgreSQL's.
func program(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if path, err := exec.LookPath(name); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return name
	}
	return slices.Max(found)
}

// unprivileged runs a process as a user whom PostgreSQL accepts, and ends it with us.
func unprivileged() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGQUIT}
	if uid, gid, other := server(); other {
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return attr
}

// server is who PostgreSQL runs as, if we are root.
func server() (uid, gid uint32, other bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			id, _ := strconv.ParseUint(u.Uid, 10, 32)
			group, _ := strconv.ParseUint(u.Gid, 10, 32)
			return uint32(id), uint32(group), true
		}
	}
	return 0, 0, false
}

func own(path string) error {
	if uid, gid, other := server(); other {
		return os.Chown(path, int(uid), int(gid))
	}
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
