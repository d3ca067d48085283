package pgtest

import (
	"flag"
	"strconv"
	"testing"
)

// Draws lets rapid check n cases in this test, a third of them under the race detector:
// for cases that are many round trips each. Who asked for a number gets that:
// go test -run Whatever -rapid.checks 500.
func Draws(t testing.TB, n int) {
	t.Helper()
	asked := flag.Lookup("rapid.checks")
	before := asked.Value.String()
	if before != asked.DefValue {
		return
	}
	if Racing {
		n /= 3
	}
	if err := asked.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = asked.Value.Set(before) }) // it was a number
}
