package auth

import (
	"testing"

	"github.com/google/uuid"
)

// What is remembered of who asks is bounded, however many do (ASVS 15.1.3); who asks often is
// remembered longest, and who was forgotten is asked of history again.
func TestWhatIsRememberedOfWhoAsksIsBounded(t *testing.T) {
	var r Rights
	often := holder{"main", uuid.New()}
	r.known.Put(often, remembered{heads: []int64{7}})
	for range 3 * remembers {
		r.known.Put(holder{"main", uuid.New()}, remembered{})
		r.staff.Put(holder{"main", uuid.New()}, rememberedStaff{})
		r.known.Get(often)
	}
	if r.known.Len() != remembers || r.staff.Len() != remembers {
		t.Errorf("%d and %d are remembered, want %d", r.known.Len(), r.staff.Len(), remembers)
	}
	if was, ok := r.known.Get(often); !ok || was.heads[0] != 7 {
		t.Error("who asks often is forgotten")
	}
}
