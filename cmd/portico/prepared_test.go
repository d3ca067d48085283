package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// prepared is a data directory that is filled for the first test that asks for it; each
// gets a copy. Whoever fills it leaves no server on it.
type prepared struct {
	fill func(t *testing.T, dir string)
	once sync.Once
	dir  string // "" if it could not be filled
}

var (
	sampleServed = &prepared{fill: func(t *testing.T, dir string) { serveSample(t, dir).settleAndEnd(t) }}
	salesLoaded  = &prepared{fill: func(t *testing.T, dir string) {
		run(t, dir, "import", "retail", "../../internal/sample/online-retail-sample-2-days.csv.gz", "--rejects", filepath.Join(dir, "rejects.csv"))
	}}
)

// copy is a directory of the test's own, as it was left.
func (p *prepared) copy(t *testing.T) (dir string) {
	t.Helper()
	p.once.Do(func() {
		path, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		filled, err := os.MkdirTemp(filepath.Dir(path), "data-") // goes with the binary
		if err == nil {
			err = os.Chmod(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.Chmod(filled, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.fill(t, filled)
		p.dir = filled
	})
	if p.dir == "" {
		t.Fatal("the data directory could not be filled: see the first test that asked for it")
	}
	dir = dataDir(t)
	if out, err := exec.Command("cp", "-a", p.dir+"/.", dir).CombinedOutput(); err != nil { // with its owners
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// settleAndEnd waits until the server has nothing left to do, and stops it.
func (s *served) settleAndEnd(t *testing.T) {
	t.Helper()
	waitUntil(t, func() bool {
		for line := range strings.Lines(s.metrics(t)) {
			if strings.HasPrefix(line, "portico_lag_events{") && !strings.HasSuffix(line, "} 0\n") {
				return false
			}
		}
		return true
	})
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
}
