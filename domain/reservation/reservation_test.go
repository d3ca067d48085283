package reservation

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/spec"
)

// I6: a number is one thing's for good.
func TestI6Reserve(t *testing.T) {
	reserve := Reserve{"invoice", "INV-1", uuid.UUID{1}}
	spec.Run(t, Types, []spec.Case[Reservation]{
		{Name: "a free name", When: reserve, Then: []Event{Reserved(reserve)}},
		{Name: "one's own", Given: []Event{Reserved(reserve)}, When: reserve},
		{Name: "another's", Given: []Event{Reserved(reserve)}, When: Reserve{"invoice", "INV-1", uuid.UUID{2}}, Code: "invoice.number_taken"},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Reservation](t, Types) }
