// Package torture does to Portico what production does: it kills, freezes, starves and
// cuts off the real binary and a real PostgreSQL under load, and then has
// internal/invariant check everything (SECURITY §6). Each fault comes with a control: the
// same check on an arrangement that is broken on purpose, which must be found.
// docs/faults.md lists them.
//
// The short run is part of the tests; `make torture DURATION=30m` runs the suite again and
// again until the time is over, with more rounds and other random choices each time.
package torture
