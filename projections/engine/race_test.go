//go:build race

package engine

// The race detector sees a change of time.Local as what it is.
const racing = true
