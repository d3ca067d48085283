//go:build failpoints

// Package failpoint names the places where the fault suite kills the program.
package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// On tells whether this is a build for the fault suite.
const On = true

// deadly is the place, and countdown how often it is passed before the process dies, as
// PORTICO_FAILPOINT says: "name" or "name=3" for the third time. "name=3:stop" freezes it
// there instead (SIGSTOP), until somebody sends SIGCONT. broken is the mistake to make, as
// PORTICO_BREAK says.
var (
	deadly    string
	countdown atomic.Int64
	signal    = syscall.SIGKILL
	broken    = os.Getenv("PORTICO_BREAK")
)

func init() {
	given, stop := strings.CutSuffix(os.Getenv("PORTICO_FAILPOINT"), ":stop")
	if stop {
		signal = syscall.SIGSTOP
	}
	name, times, found := strings.Cut(given, "=")
	deadly = name
	countdown.Store(1)
	if n, err := strconv.ParseInt(times, 10, 64); found && err == nil {
		countdown.Store(n)
	}
}

// At kills the process, as kill -9 does, if this is the place and the time for it.
func At(place string) {
	if place != deadly || countdown.Add(-1) != 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "failpoint:", place)
	_ = syscall.Kill(os.Getpid(), signal)
	if signal == syscall.SIGKILL {
		select {} // until it arrives
	}
}

// Broken tells whether the fault suite has asked for this mistake to be made.
func Broken(mistake string) bool { return mistake == broken }
