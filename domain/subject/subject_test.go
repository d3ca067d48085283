package subject

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

// E44: erasure is requested once and never taken back; a hold and the tax rule refuse it,
// and the refusal is recorded.
func TestE44Erasure(t *testing.T) {
	because := domain.Because{Reason: domain.Reason{Code: "asked"}}
	ask := RequestErasure{Confirm: "Erase", Because: because, Kind: Contact, LoginID: uuid.UUID{9}}
	until := ask
	until.Retained = "2032-01-01"
	asked, held := ErasureRequested{Contact, uuid.UUID{9}}, LegalHoldPlaced{Contact, "CASE-7"}
	other := LegalHoldPlaced{Contact, "CASE-8"}
	done := Erased{Contact, []string{"keys"}}
	hold := PlaceLegalHold{Matter: " CASE-7 ", Because: because, Kind: Contact}
	release := ReleaseLegalHold{Matter: "CASE-7", Because: because}
	spec.Run(t, Types, []spec.Case[Subject]{
		{Name: "request", When: ask, Then: events{asked}},
		{Name: "request again", Given: events{asked}, When: ask},
		{Name: "request what is erased", Given: events{asked, done}, When: ask},
		{Name: "request without a reason", When: RequestErasure{Confirm: "Erase"}, Code: "reason.missing"},
		{Name: "request without the word", When: RequestErasure{Confirm: "erase", Because: because}, Code: "subject.unconfirmed"},
		{Name: "request what is held", Given: events{held}, When: ask, Then: events{ErasureRefused{Contact, RuleHold, ""}}},
		{Name: "request what one of two matters still holds", Given: events{held, other, LegalHoldReleased{"CASE-7"}}, When: ask,
			Then: events{ErasureRefused{Contact, RuleHold, ""}}},
		{Name: "request what was released", Given: events{held, LegalHoldReleased{"CASE-7"}}, When: ask, Then: events{asked}},
		{Name: "request whom documents name", When: until, Then: events{ErasureRefused{Contact, RuleRecords, "2032-01-01"}}},
		{Name: "finish", Given: events{asked}, When: FinishErasure{[]string{"keys"}}, Then: events{done}},
		{Name: "finish again", Given: events{asked, done}, When: FinishErasure{}},
		{Name: "finish what nobody asked for", When: FinishErasure{}, Code: "subject.not_requested"},
		{Name: "hold", When: hold, Then: events{held}},
		{Name: "hold again", Given: events{held}, When: hold},
		{Name: "hold what is to be erased", Given: events{asked}, When: hold, Code: "subject.erased"},
		{Name: "hold without a matter", When: PlaceLegalHold{Because: because}, Code: "field.missing"},
		{Name: "release", Given: events{held}, When: release, Then: events{LegalHoldReleased{"CASE-7"}}},
		{Name: "release nothing", When: release},
		{Name: "export", When: Export{because, Contact, []Part{{"events", 2}}}, Then: events{DataExported{Contact, []Part{{"events", 2}}}}},
		{Name: "export what is erased", Given: events{asked}, When: Export{Because: because}, Code: "subject.erased"},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Subject](t, Types) }
