// Package teststore is the store of tests that do not care which: memory, or with
// PORTICO_TEST_STORE=node EventStoreDB's adapter over a node within the process, so that the same
// tests run over both.
package teststore

import (
	"os"
	"testing"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
)

// New is an empty store, for as long as the test runs.
func New(t testing.TB) eventstore.Store {
	t.Helper()
	if os.Getenv("PORTICO_TEST_STORE") != "node" {
		return eventstore.NewMemory()
	}
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	s, err := eventstoredb.Open(n.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
