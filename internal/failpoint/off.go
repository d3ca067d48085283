//go:build !failpoints

// Package failpoint names the places where the fault suite kills the program. In an
// ordinary build they are empty; with the build tag failpoints, the environment variable
// PORTICO_FAILPOINT says at which of them the process dies.
package failpoint

// At is a place where the program may be killed.
func At(string) {}
