package pgserver

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Standby starts a streaming replica of a server in a directory of its own: for tests, and to
// try one. The server keeps for it what it has not taken yet, however long it is away.
func (s *Server) Standby(ctx context.Context, o Options) (*Server, error) {
	copied := &Server{opt: o}
	if err := copied.prepare(); err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	bin, err := binaries(s.path("cluster"))
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "pg_basebackup"), "-D", copied.path("cluster"), "-h", s.socket, "-U", superuser,
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--create-slot", "--slot=standby")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = copied.dir, environment(), copied.as.attr()
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgserver: pg_basebackup: %w\n%s", err, out)
	}
	return Start(ctx, o)
}
