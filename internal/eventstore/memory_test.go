package eventstore_test

import (
	"testing"

	"portico/internal/eventstore"
	"portico/internal/eventstore/storetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) eventstore.Store { return eventstore.NewMemory() })
}
