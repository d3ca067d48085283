//go:build failpoints

// Package failpoint names the places where the fault suite kills the program.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// deadly is the place, and countdown how often it is passed before the process dies, as
// PORTICO_FAILPOINT says: "name" or "name=3" for the third time.
var (
	deadly    string
	countdown atomic.Int64
)

func init() {
	name, times, found := strings.Cut(os.Getenv("PORTICO_FAILPOINT"), "=")
	deadly = name
	countdown.Store(1)
	if n, err := strconv.ParseInt(times, 10, 64); found && err == nil {
		countdown.Store(n)
	}
}

// At kills the process, as kill -9 does, if this is the place and the time for it.
func At(place string) {
	if place == deadly && countdown.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}
