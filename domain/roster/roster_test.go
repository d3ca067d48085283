package roster

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/spec"
)

func TestTheLastOwnerStays(t *testing.T) {
	a, b := uuid.UUID{1}, uuid.UUID{2}
	type events = []Event
	both := events{OwnerJoined{a}, OwnerJoined{b}}
	spec.Run(t, Types, []spec.Case[Roster]{
		{Name: "join", When: Join{a}, Then: events{OwnerJoined{a}}},
		{Name: "join again", Given: both, When: Join{a}},
		{Name: "leave", Given: both, When: Leave{StaffID: a}, Then: events{OwnerLeft{a}}},
		{Name: "the last one", Given: both[:1], When: Leave{StaffID: a}, Code: "staff.last_owner"},
		{Name: "the last one who is one", Given: both, When: Leave{StaffID: a, Gone: []uuid.UUID{b}}, Code: "staff.last_owner"},
		{Name: "who is none", Given: both[:1], When: Leave{StaffID: b}},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Roster](t, Types) }
