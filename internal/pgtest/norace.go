//go:build !race

package pgtest

// Racing tells that the race detector watches: all takes several times as long.
const Racing = false
