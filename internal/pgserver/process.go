package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postmaster is what a running server writes about itself into postmaster.pid.
type postmaster struct {
	pid    int
	status string // starting, ready, standby or stopping
}

// running reads postmaster.pid and makes sure that the process is really the server of
// this directory: after a crash the id may be anybody's.
func (s *Server) running() (postmaster, bool) {
	cluster := s.path("cluster")
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return postmaster{}, false
	}
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 || !serves(pid, cluster) {
		return postmaster{}, false
	}
	p := postmaster{pid: pid}
	if len(lines) > 7 {
		p.status = strings.TrimSpace(lines[7])
	}
	return p, true
}

// serves tells whether a process is the server of a cluster. A server's working directory
// is its cluster; a zombie has none.
func serves(pid int, cluster string) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	if _, err := os.Stat("/proc/self/cwd"); err == nil {
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err == nil && cwd == cluster
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && bytes.Contains(out, []byte("postgres")) && bytes.Contains(out, []byte(cluster))
}

func (s *Server) settings() []string {
	set := []string{
		"listen_addresses=", "port=5432", "unix_socket_permissions=0700",
		`unix_socket_directories="` + strings.ReplaceAll(s.socket, `"`, `""`) + `"`,
		"max_connections=200", "shared_buffers=256MB", "timezone=UTC", "log_timezone=UTC",
		"log_line_prefix=%m [%p] %q%u@%d %a ",
	}
	if runtime.GOOS == "linux" {
		set = append(set, "client_connection_check_interval=5s") // a dead client's lock is not held for ever
	}
	if s.opt.Fast {
		// Each package's tests have a server, and a disk may be small: its log stays small, too.
		return append(set, "fsync=off", "full_page_writes=off", "min_wal_size=32MB", "max_wal_size=128MB")
	}
	return append(set, "log_connections=on", "log_statement=ddl") // SECURITY 10.2.1.2
}

// start runs the server and waits until it answers, which after a crash is when it has
// recovered. Remains of a killed server may hold its memory for a moment: it tries again.
func (s *Server) start(ctx context.Context) (err error) {
	bin, err := binaries(s.path("cluster"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.path("cluster")); errors.Is(err, os.ErrNotExist) {
		if err := s.create(ctx, bin); err != nil {
			return err
		}
	}
	if err := s.as.own(s.socket); err != nil {
		return err
	}
	// Nobody serves this cluster (running said so), but the ids in these files may since
	// belong to other processes, and PostgreSQL would believe them.
	for _, stale := range []string{s.path("cluster/postmaster.pid"), filepath.Join(s.socket, ".s.PGSQL.5432.lock")} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		remains, err := s.launch(ctx, bin)
		if err == nil || !remains || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// launch tries to start it once. Remains says that an earlier server is not quite gone.
func (s *Server) launch(ctx context.Context, bin string) (remains bool, err error) {
	args := []string{"-D", s.path("cluster")}
	for _, set := range s.settings() {
		args = append(args, "-c", set)
	}
	log, err := s.openLog()
	if err != nil {
		return false, err
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		return false, err
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...) // outlives ctx
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.dir, environment(), s.as.attr()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return false, err
	}
	waiting, died := context.WithCancel(ctx)
	go func() {
		_ = cmd.Wait() // reaps it; how it ended is in its log
		died()
	}()
	err = s.answers(waiting, cmd.Process.Pid)
	if err == nil || ctx.Err() != nil {
		return false, err
	}
	said, _ := os.ReadFile(log.Name()) // best effort: it explains an error that we report anyway
	said = bytes.TrimSpace(said[min(int(before.Size()), len(said)):])
	return bytes.Contains(said, []byte("is still in use")), fmt.Errorf("the server did not start:\n%s", said)
}

// openLog appends to postgres.log, which is set aside once it has 10 MB.
func (s *Server) openLog() (*os.File, error) {
	path := s.path("postgres.log")
	if info, err := os.Stat(path); err == nil && info.Size() > 10<<20 {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// answers waits until the server takes connections, or has gone, or ctx ends.
func (s *Server) answers(ctx context.Context, pid int) error {
	slow := time.Now().Add(3 * time.Second)
	for {
		if p, ok := s.running(); ok && p.pid == pid && (p.status == "ready" || p.status == "standby") {
			c, err := pgx.Connect(ctx, s.AdminURL("postgres"))
			if err == nil {
				return c.Close(ctx)
			}
			if time.Now().After(slow) {
				s.say("it does not answer yet: %v", err)
			}
		}
		if time.Now().After(slow) {
			s.say("waiting for it to recover; see %s", s.path("postgres.log"))
			slow = time.Now().Add(10 * time.Second)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the server: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return fmt.Errorf("the server has gone; see %s", s.path("postgres.log"))
		}
	}
}

// shutdown ends the server: politely, then at once, then by force.
func (s *Server) shutdown() error {
	p, ok := s.running()
	if !ok {
		return nil
	}
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := syscall.Kill(p.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("pgserver: stop: %w", err)
		}
		for end := time.Now().Add(step.wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if !serves(p.pid, s.path("cluster")) {
				_ = os.Remove(s.socket) // so that nothing stays in /tmp; a killed server's files stay, and it too
				return nil
			}
		}
		s.say("process %d did not end on signal %v", p.pid, step.signal)
	}
	return fmt.Errorf("pgserver: process %d does not end", p.pid)
}
