// Package pgserver runs a private PostgreSQL under a data directory, for whoever has no
// other. It listens on a Unix socket only, in a directory that nobody but the server's
// user (and root) can enter; on that socket it trusts whoever gets there.
//
// Several processes may use one directory: the first starts the server, the others
// attach, the last one to stop takes it down. A server that outlived its starters
// (kill -9) is attached to by the next; one that died is started again.
//
// Layout of the directory: cluster/ (PGDATA), run/ (the socket), postgres.log,
// start.lock (held while starting or stopping), users.lock (shared by all users).
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"portico/internal/pg"
)

// Database is made if it is missing. Its owner, of the same name, is no superuser.
const Database = "portico"

const superuser = "postgres"

// Options of Start.
type Options struct {
	Dir string
	// Log receives a line on anything slow or unexpected; the server's own log is
	// postgres.log in Dir.
	Log io.Writer
	// Fast gives up fsync, for tests: a power cut loses everything, kill -9 nothing.
	Fast bool
}

// Server is this process's use of a running PostgreSQL.
type Server struct {
	opt     Options
	dir     string // absolute, without symbolic links
	as      account
	socket  string   // directory of the socket
	users   *os.File // a shared lock, held while we use the server
	cancel  context.CancelFunc
	watched chan struct{} // closed when the watch has ended
}

// Start attaches to the server of a data directory, or starts it, creating the cluster
// first if there is none. Until Stop it is started again whenever it dies.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Server{opt: o, watched: make(chan struct{})}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	starting, err := lock(ctx, s.path("start.lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("pgserver: another process is starting or stopping this server: %w", err)
	}
	defer starting.Close()
	if s.users, err = lock(ctx, s.path("users.lock"), syscall.LOCK_SH); err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	if err := s.ensure(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("pgserver: %w", err), s.leave())
	}
	var watching context.Context
	watching, s.cancel = context.WithCancel(context.Background())
	go s.watch(watching)
	return s, nil
}

// URL is the address of one of its databases for the owner of Database.
func (s *Server) URL(database string) string { return pg.URL(s.socket, Database, database) }

// AdminURL is the same for the superuser: backups, and test databases.
func (s *Server) AdminURL(database string) string { return pg.URL(s.socket, superuser, database) }

// PID is the server's process id, 0 if it is not running.
func (s *Server) PID() int {
	if p, ok := s.running(); ok {
		return p.pid
	}
	return 0
}

// Stop ends this process's use. If it was the last, the server is shut down: fast, which
// rolls back what is open, and by force if that takes longer than 30 s.
func (s *Server) Stop() error {
	s.cancel()
	<-s.watched
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	starting, err := lock(ctx, s.path("start.lock"), syscall.LOCK_EX)
	if err != nil {
		s.users.Close()
		return fmt.Errorf("pgserver: another process is starting or stopping this server: %w", err)
	}
	defer starting.Close()
	return s.leave()
}

// leave ends our use, and the server if nobody else uses it. The start lock is held.
func (s *Server) leave() error {
	defer s.users.Close()
	if syscall.Flock(int(s.users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // somebody else's shared lock
	}
	return s.shutdown()
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) say(format string, args ...any) {
	fmt.Fprintf(s.opt.Log, "postgres: "+format+"\n", args...)
}

// ensure makes the server run and our database exist. The start lock is held.
func (s *Server) ensure(ctx context.Context) error {
	if p, ok := s.running(); ok {
		err := s.answers(ctx, p.pid)
		if err == nil {
			return s.bootstrap(ctx)
		}
		if ctx.Err() != nil {
			return err
		}
	}
	if p, ok := s.running(); ok {
		return fmt.Errorf("process %d serves %s but does not answer", p.pid, s.dir)
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	return s.bootstrap(ctx)
}

// watch starts the server again if it dies.
func (s *Server) watch(ctx context.Context) {
	defer close(s.watched)
	const healthy, ailing = 500 * time.Millisecond, 5 * time.Second
	tick := time.NewTicker(healthy)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, ok := s.running(); ok {
			continue
		}
		s.say("the server has died, starting it again; see %s", s.path("postgres.log"))
		pause := healthy
		if err := s.restart(ctx); err != nil && ctx.Err() == nil {
			s.say("%v", err)
			pause = ailing
		}
		tick.Reset(pause)
	}
}

func (s *Server) restart(ctx context.Context) error {
	starting, err := lock(ctx, s.path("start.lock"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer starting.Close()
	return s.ensure(ctx)
}
