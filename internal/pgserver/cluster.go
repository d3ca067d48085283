package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
)

// prepare makes the directory, owned by the account that the server runs as.
func (s *Server) prepare() error {
	dir, err := filepath.Abs(s.opt.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	// Without symbolic links, so that processes that came by different ones agree.
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return err
	}
	s.dir = filepath.Join(parent, filepath.Base(dir))
	if s.as, err = choose(s.dir); err != nil {
		return err
	}
	if err := s.as.own(s.dir); err != nil {
		return err
	}
	if err := s.as.canEnter(s.dir); err != nil {
		return err
	}
	s.socket = s.socketDir()
	return nil
}

// create runs initdb beside the cluster's place and moves the result there: a cluster
// that exists is complete, and what an interrupted initdb left is thrown away. Each
// attempt has a place of its own, for the initdb of a process that was killed may still
// be at work, and clears up after itself.
func (s *Server) create(ctx context.Context, bin string) error {
	s.say("creating a database cluster in %s", s.path("cluster"))
	left, err := filepath.Glob(s.path("cluster.new-*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		_ = os.RemoveAll(dir) // its initdb may be writing to it: then the next start tries again
	}
	fresh := fmt.Sprintf("%s-%d-%d", s.path("cluster.new"), os.Getpid(), time.Now().UnixNano())
	args := []string{"-D", fresh, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"}
	if s.opt.Fast {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.dir, environment(), s.as.attr()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, s.path("cluster")); err != nil {
		return err
	}
	return syncDir(s.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// environment leaves out PGDATA, PGPORT and whatever else is meant for other servers.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// The longest path of a socket that every system takes is 103 bytes.
const maxSocketPath = 100

// socketDir is run/ in our directory, or, if that path is too long, a directory named by
// a hash of ours. It is in /tmp whatever TMPDIR says: all users must find the same.
func (s *Server) socketDir() string {
	if dir := s.path("run"); len(filepath.Join(dir, ".s.PGSQL.5432")) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(s.dir))
	return "/tmp/portico-" + hex.EncodeToString(sum[:6])
}

const (
	sqlRoleExists     = `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1)`
	sqlDatabaseExists = `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1)`
)

// bootstrap makes the roles and the database. The owner is no superuser and may not make
// roles, so the program's roles are made here and not by the migrations.
func (s *Server) bootstrap(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.AdminURL("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	steps := []struct{ exists, name, sql string }{{sqlRoleExists, Database, "CREATE ROLE " + Database + " LOGIN"}}
	for _, role := range pg.SetUpRoles(Database) {
		steps = append(steps, struct{ exists, name, sql string }{sqlRoleExists, role.Role, role.SQL})
	}
	steps = append(steps, struct{ exists, name, sql string }{sqlDatabaseExists, Database, "CREATE DATABASE " + Database + " OWNER " + Database})
	for _, step := range steps {
		var exists bool
		if err := c.QueryRow(ctx, step.exists, step.name).Scan(&exists); err != nil {
			return err
		}
		if exists {
			continue
		}
		if _, err := c.Exec(ctx, step.sql); err != nil {
			return fmt.Errorf("%s: %w", step.sql, err)
		}
	}
	return nil
}
