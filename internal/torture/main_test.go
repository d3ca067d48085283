//go:build linux

package torture

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// place is where all of a run's files are.
var place = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "portico-torture-") // short: sockets have paths of at most 100 bytes
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) // PostgreSQL may be another user
})

// build makes the binary with its failpoints; more is of go build.
func build(name string, more ...string) (string, error) {
	dir, err := place()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	args := append([]string{"build", "-tags", "failpoints", "-o", path}, more...)
	out, err := exec.Command("go", append(args, "portico/cmd/portico")...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, err
}

var binary = sync.OnceValues(func() (string, error) { return build("portico") })

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set("4") // they mostly wait
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics would tell of each packet
	code := m.Run()
	if dir, err := place(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// seed makes a run's choices; PORTICO_TORTURE_SEED repeats them, as far as the machine does.
var seed = sync.OnceValue(func() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("PORTICO_TORTURE_SEED"), 10, 64); err == nil {
		return n
	}
	return rand.Uint64()
})

// random is the choices of a test.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("PORTICO_TORTURE_SEED=%d", seed())
	return rand.New(rand.NewPCG(seed(), uint64(len(t.Name()))))
}

// thorough is how often a long run repeats each fault on the same database: 0 in the short one.
func thorough(t *testing.T) int {
	t.Helper()
	given := os.Getenv("PORTICO_TORTURE")
	if given == "" {
		return 0
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatalf("PORTICO_TORTURE: %v", err)
	}
	return n
}

// rounds runs a fault once, or as often as a long run wants it.
func rounds(t *testing.T, round func(n int)) {
	t.Helper()
	for n := range max(1, thorough(t)) {
		if !t.Failed() {
			round(n)
		}
	}
}

// fault is a test that shares the machine with the others.
func fault(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("faults take their time")
	}
	t.Parallel()
}

// eventually waits for something to become true.
func eventually(t *testing.T, limit time.Duration, what string, true func() bool) time.Duration {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if true() {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}
