package tenant

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

var (
	branch, contractor = uuid.UUID{1}, uuid.UUID{2}
	because            = domain.Because{Reason: domain.Reason{Code: "test"}}
	settings           = Settings{"Portico Ltd", "Europe/London", "GBP", "en-GB"}
	registered         = Registered{settings}
	leeds              = BranchAdded{branch, "LS", "Leeds"}
)

func but(f func(*Settings)) Settings {
	s := settings
	f(&s)
	return s
}

func TestSettings(t *testing.T) {
	zone := func(z string) Register { return Register{but(func(s *Settings) { s.TimeZone = z })} }
	euro := but(func(s *Settings) { s.Currency = "EUR" })
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "register", When: Register{settings}, Then: events{registered}},
		{Name: "register once", Given: events{registered}, When: Register{settings}, Code: "tenant.registered"},
		{Name: "not without a name", When: Register{but(func(s *Settings) { s.Name = " " })}, Code: "field.missing"},
		{Name: "not without a currency", When: Register{but(func(s *Settings) { s.Currency = "" })}, Code: "money.unknown_currency"},
		{Name: "not in an unknown currency", When: Register{but(func(s *Settings) { s.Currency = "GPB" })}, Code: "money.unknown_currency"},
		{Name: "not without a zone", When: zone(""), Code: "tenant.time_zone"},
		{Name: "not in this machine's zone", When: zone("Local"), Code: "tenant.time_zone"},
		{Name: "not in an unknown zone", When: zone("Europe/Atlantis"), Code: "tenant.time_zone"},
		{Name: "not in a file", When: zone("../../etc/passwd"), Code: "tenant.time_zone"},
		{Name: "change", Given: events{registered}, When: ChangeSettings{euro}, Then: events{SettingsChanged{euro}}},
		{Name: "change nothing", Given: events{registered}, When: ChangeSettings{settings}},
		{Name: "change nobody", When: ChangeSettings{settings}, Code: "tenant.unknown"},
	})
}

func TestBranchesAndContractors(t *testing.T) {
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "add a branch", Given: events{registered}, When: AddBranch{branch, " LS ", "Leeds"}, Then: events{leeds}},
		{Name: "add it again", Given: events{registered, leeds}, When: AddBranch{branch, "LS", "Leeds"}},
		{Name: "its code is its own", Given: events{registered, leeds}, When: AddBranch{contractor, "LS", "Lisbon"}, Code: "tenant.branch_code"},
		{Name: "until it closes", Given: events{registered, leeds, BranchClosed{branch}}, When: AddBranch{contractor, "LS", "Lisbon"},
			Then: events{BranchAdded{contractor, "LS", "Lisbon"}}},
		{Name: "a branch has a code", Given: events{registered}, When: AddBranch{branch, " ", "Leeds"}, Code: "field.missing"},
		{Name: "and a name", Given: events{registered}, When: AddBranch{branch, "LS", ""}, Code: "field.missing"},
		{Name: "of a tenant", When: AddBranch{branch, "LS", "Leeds"}, Code: "tenant.unknown"},
		{Name: "close a branch", Given: events{registered, leeds}, When: CloseBranch{branch, because}, Then: events{BranchClosed{branch}}},
		{Name: "close it again", Given: events{registered, leeds, BranchClosed{branch}}, When: CloseBranch{branch, because}},
		{Name: "close it without a reason", Given: events{registered, leeds}, When: CloseBranch{BranchID: branch}, Code: "reason.missing"},
		{Name: "close what is not there", Given: events{registered}, When: CloseBranch{branch, because}, Code: "tenant.unknown_branch"},
		{Name: "add a contractor", Given: events{registered}, When: AddContractor{contractor, "Sub"}, Then: events{ContractorAdded{contractor, "Sub"}}},
		{Name: "add it again, too", Given: events{registered, ContractorAdded{contractor, "Sub"}}, When: AddContractor{contractor, "Sub"}},
		{Name: "a contractor has a name", Given: events{registered}, When: AddContractor{contractor, " "}, Code: "field.missing"},
		{Name: "and is of a tenant", When: AddContractor{contractor, "Sub"}, Code: "tenant.unknown"},
	})
}

// E1, E2: whole invoices and no more than is owed, until a policy says otherwise.
func TestPaymentPolicy(t *testing.T) {
	first := domain.PaymentPolicy{Part: "off", Over: "refuse"}
	parts := domain.PaymentPolicy{Part: "any", Minimum: 500, Over: "credit"}
	change := func(p domain.PaymentPolicy, code string) spec.Case[Tenant] {
		return spec.Case[Tenant]{Name: "not " + p.Part + p.Over, Given: events{registered}, When: ChangePaymentPolicy{p}, Code: code}
	}
	spec.Run(t, Types, []spec.Case[Tenant]{
		{Name: "change", Given: events{registered}, When: ChangePaymentPolicy{parts}, Then: events{PaymentPolicyChanged{parts}}},
		{Name: "change to what it is at first", Given: events{registered}, When: ChangePaymentPolicy{first}},
		{Name: "change nobody's", When: ChangePaymentPolicy{parts}, Code: "tenant.unknown"},
		change(domain.PaymentPolicy{Part: "some", Over: "refuse"}, "tenant.payment_policy"),
		change(domain.PaymentPolicy{Part: "any", Over: "keep"}, "tenant.payment_policy"),
		change(domain.PaymentPolicy{Part: "any", Minimum: -1, Over: "refuse"}, "tenant.payment_policy"),
	})
	if s := registered.Evolve(Tenant{}); s.PaymentPolicy() != first {
		t.Errorf("the first policy is %+v", s.PaymentPolicy())
	}
}

func TestWhatOthersAskOfATenant(t *testing.T) {
	s := domain.Fold(Tenant{}, events{registered, leeds, ContractorAdded{contractor, "Sub"}}...)
	for name, c := range map[string]struct {
		party domain.Party
		code  string
	}{
		"nobody": {domain.Party{}, ""}, "both": {domain.Party{BranchID: &branch, ContractorID: &contractor}, ""},
		"no branch": {domain.Party{BranchID: &contractor}, "tenant.unknown_branch"}, "no contractor": {domain.Party{ContractorID: &branch}, "tenant.unknown_contractor"},
		"a site": {domain.Party{SiteID: &branch}, ""}, "no site": {domain.Party{SiteID: new(uuid.UUID)}, "document.site"},
	} {
		if err := s.CheckParty(c.party); domain.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed := (BranchClosed{branch}).Evolve(s)
	if closed.CheckParty(domain.Party{BranchID: &branch}) == nil || s.CheckParty(domain.Party{BranchID: &branch}) != nil {
		t.Error("closing a branch must close it, and not in the state before")
	}
	if s.Zone().String() != "Europe/London" || (Tenant{}).Zone() != time.UTC || !s.Known() || (Tenant{}).Known() || s.Settings() != settings {
		t.Error("the settings are not as given")
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Tenant](t, Types) }
