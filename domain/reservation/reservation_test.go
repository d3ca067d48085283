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

// E27: what its owner gives back is free for others; nobody gives back another's.
func TestE27Release(t *testing.T) {
	reserved := Reserved{"login_email", "ab12", uuid.UUID{1}}
	release := Release(reserved)
	other := release
	other.Owner = uuid.UUID{2}
	again := Reserve{"login_email", "ab12", uuid.UUID{2}}
	spec.Run(t, Types, []spec.Case[Reservation]{
		{Name: "one's own", Given: []Event{reserved}, When: release, Then: []Event{Released(release)}},
		{Name: "another's", Given: []Event{reserved}, When: other},
		{Name: "nobody's", When: release},
		{Name: "by somebody else afterwards", Given: []Event{reserved, Released(release)}, When: again, Then: []Event{Reserved(again)}},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Reservation](t, Types) }
