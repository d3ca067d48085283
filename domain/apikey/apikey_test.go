package apikey

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

func TestKey(t *testing.T) {
	jane, acme := uuid.UUID{1}, uuid.UUID{2}
	because := domain.Because{Reason: domain.Reason{Code: "lost"}}
	till := Issued{Name: "Till", Role: "integration"}
	spec.Run(t, Types, []spec.Case[Key]{
		{Name: "for a role", When: Issue{Name: " Till ", Role: "integration"}, Then: events{till}},
		{Name: "for a contact", When: Issue{"Jane", "contact", &jane, &acme}, Then: events{Issued{"Jane", "contact", &jane, &acme}}},
		{Name: "once", Given: events{till}, When: Issue{Name: "Till", Role: "integration"}},
		{Name: "for no role", When: Issue{Name: "Till", Role: "root"}, Code: "api_key.role"},
		{Name: "for the system", When: Issue{Name: "Till", Role: "system"}, Code: "api_key.role"},
		{Name: "for a contact of nobody", When: Issue{Name: "Jane", Role: "contact", ContactID: &jane}, Code: "api_key.contact"},
		{Name: "for nobody's contact", When: Issue{Name: "Jane", Role: "contact"}, Code: "api_key.contact"},
		{Name: "for a contact with a role", When: Issue{"Jane", "staff", &jane, &acme}, Code: "api_key.contact"},
		{Name: "without a name", When: Issue{Role: "staff"}, Code: "field.missing"},
		{Name: "revoke", Given: events{till}, When: Revoke{because}, Then: events{Revoked{}}},
		{Name: "revoke once", Given: events{till, Revoked{}}, When: Revoke{because}},
		{Name: "revoke without a reason", Given: events{till}, When: Revoke{}, Code: "reason.missing"},
		{Name: "revoke nothing", When: Revoke{because}, Code: "api_key.unknown"},
	})
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Key](t, Types) }
