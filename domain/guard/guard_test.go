package guard

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/spec"
)

func TestWhatIsOverIsLeftOut(t *testing.T) {
	a := Step{Move, "customer", uuid.UUID{1}, 3, uuid.UUID{2}}
	b := Step{StopsManaging, "contact", uuid.UUID{3}, 0, uuid.Nil}
	type events = []Event
	spec.Run(t, Types, []spec.Case[Guard]{
		{Name: "the first", When: Announce{Step: a}, Then: events{Announced{[]Step{a}}}},
		{Name: "beside another", Given: events{Announced{[]Step{a}}}, When: Announce{Open: []Step{a}, Step: b}, Then: events{Announced{[]Step{a, b}}}},
		{Name: "after another", Given: events{Announced{[]Step{a}}}, When: Announce{Step: b}, Then: events{Announced{[]Step{b}}}},
		{Name: "the same again", Given: events{Announced{[]Step{a}}}, When: Announce{Open: []Step{a}, Step: a}},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Guard](t, Types) }
