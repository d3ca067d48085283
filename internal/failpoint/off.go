//go:build !failpoints

// Package failpoint names the places where the fault suite kills the program. In an
// ordinary build they are empty; with the build tag failpoints, the environment variable
// PORTICO_FAILPOINT says at which of them the process dies.
package failpoint

// On tells whether this is a build for the fault suite.
const On = false

// At is a place where the program may be killed.
func At(string) {}

// Broken tells whether the fault suite has asked for a mistake to be made, to see that
// it is caught. An ordinary build makes none.
func Broken(string) bool { return false }
