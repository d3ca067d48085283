package eventstore_test

import (
	"testing"

	"portico/internal/eventstore"
	"portico/internal/eventstore/storetest"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) eventstore.Store { return eventstore.NewMemory() })
}
