package eventstoredb_test

import (
	"testing"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
	"portico/internal/eventstore/storetest"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

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
	s, err := eventstoredb.Open(address, nil)
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

// A log that others write to as well, as a real server's is: its tests see a view of it.
func TestKeepsTheContractBesideOthers(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	n.Write("$stats-127.0.0.1:2113", 3000)
	storetest.Run(t, func(t *testing.T) eventstore.Store { return view(t, s) })
}

func view(t *testing.T, s eventstore.Store) eventstore.Store {
	t.Helper()
	v, err := storetest.View(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
