package pgserver_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgserver"
)

func start(t *testing.T, dir string) *pgserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var log bytes.Buffer
	s, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, Log: &log, Fast: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Cleanup(func() { s.Stop() }) // once more is harmless
	return s
}

// tempDir is one that another user may pass through.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stop(t *testing.T, s *pgserver.Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// query answers sql's one value as text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	got, err := try(t, url, sql)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func try(t *testing.T, url, sql string) (got string, err error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	return got, c.QueryRow(t.Context(), sql).Scan(&got)
}

// stranger is a process of a path's owner: the server could send it signals.
func stranger(t *testing.T, path string) (pid int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Uid, Gid: st.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	return cmd.Process.Pid
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
	}
	t.Fatalf("process %d is still there", pid)
}

// One cluster serves these steps in turn: making one takes a second.
func TestLifeOfAServer(t *testing.T) {
	dir := filepath.Join(tempDir(t), "data", "it's a \"database\"")
	s := start(t, dir)
	url := s.URL(pgserver.Database)

	t.Run("the owner of the database is no superuser, and the encoding is UTF8", func(t *testing.T) {
		got := query(t, url, `SELECT current_user || ' ' || rolsuper || ' ' || current_setting('server_encoding') || ' ' || current_setting('listen_addresses')
			FROM pg_roles WHERE rolname = current_user`)
		if got != "portico false UTF8 " {
			t.Errorf("got %q", got)
		}
	})
	t.Run("strangers cannot reach the socket", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(dir, "run"))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("run/ has mode %v, %v", info.Mode(), err)
		}
	})
	t.Run("an attacher shares the server and does not stop it", func(t *testing.T) {
		other := start(t, dir)
		if other.PID() != s.PID() {
			t.Errorf("two servers: %d and %d", s.PID(), other.PID())
		}
		stop(t, other)
		query(t, url, "SELECT 'there'")
	})
	t.Run("what was written outlives a killed server, which comes back by itself", func(t *testing.T) {
		if _, err := try(t, url, "CREATE TABLE public.kept AS SELECT 'yes'::text AS answer"); !errors.Is(err, pgx.ErrNoRows) {
			t.Fatal(err)
		}
		pid := s.PID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
		var got string
		var err error
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && got != "yes"; time.Sleep(50 * time.Millisecond) {
			got, err = try(t, url, "SELECT answer FROM public.kept")
		}
		if got != "yes" {
			t.Fatalf("not back: %v", err)
		}
	})
	t.Run("the last user to leave stops it", func(t *testing.T) {
		pid, other := s.PID(), start(t, dir)
		stop(t, s)
		query(t, url, "SELECT 'there'")
		stop(t, other)
		gone(t, pid)
		if other.PID() != 0 {
			t.Error("it says that it is running")
		}
	})
	t.Run("a stale postmaster.pid that names a living stranger is no obstacle", func(t *testing.T) {
		pidFile := filepath.Join(dir, "cluster", "postmaster.pid")
		stale := strconv.Itoa(stranger(t, filepath.Join(dir, "cluster"))) + "\n" + filepath.Join(dir, "cluster") + "\n1\n5432\n/nowhere\n\n1 1\nready\n"
		if err := os.WriteFile(pidFile, []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		again := start(t, dir)
		if got := query(t, again.URL(pgserver.Database), "SELECT answer FROM public.kept"); got != "yes" {
			t.Errorf("kept %q", got)
		}
		stop(t, again)
	})
}

func TestTwoStartersAtOnceAndAnInterruptedInitdb(t *testing.T) {
	dir := filepath.Join(tempDir(t), "d")
	// What a killed initdb leaves: some files, and no cluster.
	if err := os.MkdirAll(filepath.Join(dir, "cluster.new-1-1", "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // a directory with something in it is not given away
		if _, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Fatalf("a full directory of root's was taken: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	var both sync.WaitGroup
	servers := make([]*pgserver.Server, 2)
	for i := range servers {
		both.Go(func() { servers[i] = start(t, dir) })
	}
	both.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if servers[0].PID() == 0 || servers[0].PID() != servers[1].PID() {
		t.Errorf("two starters got %d and %d", servers[0].PID(), servers[1].PID())
	}
	if _, err := os.Stat(filepath.Join(dir, "cluster.new-1-1")); err == nil {
		t.Error("a half-made cluster was left")
	}
	stop(t, servers[0])
	stop(t, servers[1])
}

// The child of this test starts a server, prints its id and waits to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PGSERVER_CHILD"); dir != "" {
		s, err := pgserver.Start(context.Background(), pgserver.Options{Dir: dir, Fast: true, Log: os.Stderr})
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(strconv.Itoa(s.PID()) + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestAServerThatOutlivedItsStarterIsTakenOver(t *testing.T) {
	// Long enough that the socket cannot be under it.
	dir := filepath.Join(tempDir(t), strings.Repeat("long", 30), "d")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PGSERVER_CHILD="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var line [32]byte
	n, err := out.Read(line[:])
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed

	s := start(t, dir)
	if s.PID() != pid {
		t.Errorf("attached to %d, want the orphan %d", s.PID(), pid)
	}
	query(t, s.URL(pgserver.Database), "SELECT 'there'")
	stop(t, s)
	gone(t, pid)
	if left, _ := filepath.Glob(filepath.Join("/tmp", "portico-*")); slices.Contains(left, filepath.Dir(socketOf(t, s))) {
		t.Errorf("it left %v", left)
	}
}

func socketOf(t *testing.T, s *pgserver.Server) string {
	t.Helper()
	c, err := pgx.ParseConfig(s.URL("x"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(c.Host, ".s.PGSQL.5432")
}

func TestWithoutPostgreSQLTheErrorSaysWhatToInstall(t *testing.T) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) == 0 {
		t.Skip("binaries are elsewhere here")
	}
	dir := tempDir(t)
	cluster := filepath.Join(dir, "d", "cluster")
	if err := os.MkdirAll(cluster, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	give(t, filepath.Join(dir, "d"), cluster)
	_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(dir, "d")})
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql-99") {
		t.Errorf("error = %v", err)
	}
}

func TestADirectoryThatTheServersUserCannotEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as somebody else")
	}
	home := filepath.Join(tempDir(t), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(home, "d")})
	if err == nil || !strings.Contains(err.Error(), "chmod o+x "+home) {
		t.Errorf("error = %v", err)
	}
}

// give makes the server's user own paths, where that is not us.
func give(t *testing.T, paths ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, p := range paths {
		if err := os.Chown(p, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
}
