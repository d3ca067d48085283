package keyring

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

// What is derived is the same each time, and another for each purpose, subject and tenant.
func TestDerivedKeys(t *testing.T) {
	var ring Memory
	derived := func(tenant string, subject byte, purpose string) []byte {
		key, err := ring.Current(t.Context(), tenant, uuid.UUID{subject})
		if err != nil {
			t.Fatal(err)
		}
		return key.Derive(purpose)
	}
	first := derived("main", 1, "names")
	if len(first) != keySize || !bytes.Equal(first, derived("main", 1, "names")) {
		t.Errorf("%d bytes, or another each time", len(first))
	}
	for _, other := range [][]byte{derived("main", 1, "mails"), derived("main", 2, "names"), derived("other", 1, "names")} {
		if bytes.Equal(first, other) {
			t.Error("two are the same")
		}
	}
}
