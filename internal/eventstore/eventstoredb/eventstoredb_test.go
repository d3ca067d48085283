package eventstoredb_test

import (
	"os"
	"testing"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
	"portico/internal/eventstore/storetest"
)

// started is a node, and a store that talks to it.
func started(t *testing.T) (*node.Node, *eventstoredb.Store) {
	t.Helper()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n, open(t, n.URL())
}

func open(t *testing.T, address string) *eventstoredb.Store {
	t.Helper()
	s, err := eventstoredb.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		_, s := started(t)
		return s
	})
}

// As several processes of Portico have it.
func TestSeveralStoresKeepTheContractTogether(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		n, s := started(t)
		return storetest.Turns(s, open(t, n.URL()), open(t, n.URL()))
	})
}

// A real server, which PORTICO_TEST_ESDB names: it is not empty, and so a test at a time.
func TestARealServerKeepsTheContract(t *testing.T) {
	address := os.Getenv("PORTICO_TEST_ESDB")
	if address == "" {
		t.Skip("PORTICO_TEST_ESDB names no server")
	}
	storetest.Run(t, func(t *testing.T) eventstore.Store { return open(t, address) })
}
