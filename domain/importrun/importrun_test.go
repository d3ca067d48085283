package importrun

import (
	"testing"

	"portico/domain/spec"
)

func TestRun(t *testing.T) {
	start, finish := Start{"retail", "abc", "ledger.csv"}, Finish{4, 2, 1, 7}
	spec.Run(t, Types, []spec.Case[Run]{
		{Name: "start", When: start, Then: []Event{Started(start)}},
		{Name: "resume", Given: []Event{Started(start)}, When: start},
		{Name: "finish", Given: []Event{Started(start)}, When: finish, Then: []Event{Finished(finish)}},
		{Name: "finish once", Given: []Event{Started(start), Finished(finish)}, When: finish},
		{Name: "finish nothing", When: finish},
		{Name: "start again", Given: []Event{Started(start), Finished(finish)}, When: start, Then: []Event{Started(start)}},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Run](t, Types) }
