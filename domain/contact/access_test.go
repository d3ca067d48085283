package contact

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/spec"
)

var (
	see  = access.Grants{{Module: access.Invoices, Actions: []access.Action{access.View}}}
	both = append(access.Grants{{Module: access.Jobs, Actions: []access.Action{access.View}}}, see...)
)

// S2.4-S2.8: access is given, changed, and taken away, all or a module of it.
func TestAccess(t *testing.T) {
	acme, because := uuid.UUID{1}, domain.Because{Reason: domain.Reason{Code: "left"}}
	added, granted := Added{CustomerID: acme, Details: Details{Name: "Jane"}}, AccessGranted{CustomerID: acme, Grants: both}
	change := func(g access.Grants, preset string) ChangeAccess {
		return ChangeAccess{Grants: g, Preset: preset, Because: because}
	}
	clerk, _ := access.Preset("accounts_payable")
	spec.Run(t, Types, []spec.Case[Contact]{
		{Name: "give", Given: events{added}, When: change(both, ""), Then: events{granted}},
		{Name: "give the same", Given: events{added, granted}, When: change(both, "")},
		{Name: "change", Given: events{added, granted}, When: change(see, ""), Then: events{AccessChanged{CustomerID: acme, Grants: see}}},
		{Name: "by a name", Given: events{added}, When: change(nil, "accounts_payable"), Then: events{AccessGranted{CustomerID: acme, Grants: clerk, Preset: "accounts_payable"}}},
		{Name: "by no name that there is", Given: events{added}, When: change(nil, "boss"), Code: "access.preset"},
		{Name: "nothing", Given: events{added}, When: change(nil, ""), Code: "access.empty"},
		{Name: "two things", Given: events{added}, When: change(see, "buyer"), Code: "access.empty"},
		{Name: "no such action", Given: events{added}, When: change(access.Grants{{Module: access.Jobs, Actions: []access.Action{access.Pay}}}, ""), Code: "access.action"},
		{Name: "to who was removed", Given: events{added, Removed{acme}}, When: change(see, ""), Code: "contact.removed"},
		{Name: "to nobody", When: change(see, ""), Code: "contact.unknown"},
		{Name: "take a module", Given: events{added, granted}, When: RevokeModule{access.Jobs, because}, Then: events{ModuleRevoked{acme, access.Jobs}}},
		{Name: "take what is not there", Given: events{added, granted}, When: RevokeModule{access.Diary, because}},
		{Name: "take no module", Given: events{added, granted}, When: RevokeModule{"gossip", because}, Code: "access.module"},
		{Name: "take a module without a reason", Given: events{added, granted}, When: RevokeModule{Module: access.Jobs}, Code: "reason.missing"},
		{Name: "take all", Given: events{added, granted}, When: RevokeAccess{because}, Then: events{AccessRevoked{acme}}},
		{Name: "take all again", Given: events{added, granted, AccessRevoked{acme}}, When: RevokeAccess{because}},
		{Name: "take all without a reason", Given: events{added, granted}, When: RevokeAccess{}, Code: "reason.missing"},
		{Name: "give again", Given: events{added, granted, AccessRevoked{acme}}, When: change(see, ""), Then: events{AccessGranted{CustomerID: acme, Grants: see}}},
	})
}

// Whatever is done in whatever order, a contact may do what was last given, less what was
// taken away since; and nothing once it was removed.
func TestAnyHistoryOfAccess(t *testing.T) {
	because := domain.Because{Reason: domain.Reason{Code: "test"}}
	rapid.Check(t, func(t *rapid.T) {
		s, want, there := domain.Fold(Contact{}, Event(Added{CustomerID: uuid.UUID{1}, Details: Details{Name: "J"}})), access.Grants(nil), true
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			var cmd domain.Command[Contact]
			var next access.Grants
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				cmd = Remove{because}
			case 1, 2:
				m := rapid.SampledFrom([]access.Module{access.Invoices, access.Jobs, access.Diary}).Draw(t, "module")
				cmd, next = RevokeModule{m, because}, want.Without(m)
			case 3:
				cmd = RevokeAccess{because}
			default:
				next = rapid.SampledFrom([]access.Grants{see, both, access.BeforeGrants()}).Draw(t, "grants")
				cmd = ChangeAccess{Grants: next, Because: because}
			}
			did, err := cmd.Decide(s)
			if _, ends := cmd.(Remove); (err != nil) != (!there && !ends) {
				t.Fatalf("%T: %v", cmd, err)
			} else if there {
				there, want = there && !ends, next
			}
			s = domain.Fold(s, did...)
			for _, m := range access.Modules() {
				if got, may := s.Grants().Any(m, access.View), there && want.Any(m, access.View); got != may {
					t.Fatalf("%s: %t, want %t", m, got, may)
				}
			}
		}
	})
}
