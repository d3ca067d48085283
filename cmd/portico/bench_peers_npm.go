package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The peers that are npm packages, with all that they need, at exact versions.
var (
	//go:embed peers/package.json
	peersPackage []byte
	//go:embed peers/package-lock.json
	peersLock []byte
	//go:embed peers/emmett.mjs
	emmettProgram []byte
)

// missingError says that this machine lacks what a peer needs.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what }

// npm is a directory that packages are installed into, once they are asked for.
type npm struct {
	dir   string
	tried bool
	err   error
}

func newNPM() (*npm, error) {
	dir, err := os.MkdirTemp("", "portico-bench-npm-")
	return &npm{dir: dir}, err
}

func (n *npm) remove() { _ = os.RemoveAll(n.dir) }

// installed is the directory of the packages. What could not be had once is not tried again.
func (n *npm) installed(ctx context.Context) (string, error) {
	if !n.tried {
		n.tried, n.err = true, n.install(ctx)
	}
	return filepath.Join(n.dir, "node_modules"), n.err
}

func (n *npm) install(ctx context.Context) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return &missingError{"it needs " + program + ", which is not installed here"}
		}
	}
	for name, content := range map[string][]byte{"package.json": peersPackage, "package-lock.json": peersLock, "emmett.mjs": emmettProgram} {
		if err := os.WriteFile(filepath.Join(n.dir, name), content, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--prefix", n.dir, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error",
		"--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000") // without network it says so in seconds
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		why, _, _ := strings.Cut(string(out), "\n") // the rest is for npm's own maintainers
		return &missingError{fmt.Sprintf("npm could not install its packages: %v, %s", err, why)}
	}
	return nil
}
