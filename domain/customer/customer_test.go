package customer

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

var (
	self, parent, other = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	because             = domain.Because{Reason: domain.Reason{Code: "test"}}
	acme                = Details{LegalName: "Acme", Kind: "account", Country: "UK", Currency: "GBP", TermsDays: 30, AsOf: "2026-01-02"}
	registered          = Registered{Number: "7", Details: acme}
)

// but is Acme with a change.
func but(f func(*Details)) Details {
	d := acme
	f(&d)
	return d
}

func named(name string, asOf domain.Date) Details {
	return but(func(d *Details) { d.LegalName, d.AsOf = name, asOf })
}

func TestRegister(t *testing.T) {
	register := Register{Number: " 7 ", Details: acme}
	details := func(f func(*Details)) Register { return Register{Number: "7", Details: but(f)} }
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "a customer", When: register, Then: events{registered}},
		{Name: "an account unless it says otherwise", When: details(func(d *Details) { d.Kind = "" }), Then: events{registered}},
		{Name: "under another", When: Register{"7", acme, &parent, 1}, Then: events{Registered{"7", acme, &parent}}},
		{Name: "E37: not too deep", When: Register{"7", acme, &parent, MaxDepth}, Code: "customer.too_deep"},
		{Name: "the same again", Given: events{registered}, When: register},
		{Name: "another under its id", Given: events{registered}, When: Register{Number: "8", Details: acme}, Code: "customer.registered"},
		{Name: "without a number", When: Register{Details: acme}, Code: "field.missing"},
		{Name: "without a name", When: details(func(d *Details) { d.LegalName = " " }), Code: "field.missing"},
		{Name: "without a currency", When: details(func(d *Details) { d.Currency = "" }), Code: "money.unknown_currency"},
		{Name: "of an unknown kind", When: details(func(d *Details) { d.Kind = "friend" }), Code: "customer.kind"},
		{Name: "with endless terms", When: details(func(d *Details) { d.TermsDays = 366 }), Code: "customer.terms"},
		{Name: "with terms in the past", When: details(func(d *Details) { d.TermsDays = -1 }), Code: "customer.terms"},
		{Name: "as of no date", When: details(func(d *Details) { d.AsOf = "May" }), Code: "date.malformed"},
	})
}

func TestDetails(t *testing.T) {
	renamed := DetailsChanged{named("Acme Ltd", acme.AsOf)}
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "change", Given: events{registered}, When: ChangeDetails{named("Acme Ltd", "")}, Then: events{renamed}},
		{Name: "change nothing", Given: events{registered}, When: ChangeDetails{named("Acme", "")}},
		{Name: "change what is not there", When: ChangeDetails{acme}, Code: "customer.unknown"},
		{Name: "change what is closed", Given: events{registered, Closed{}}, When: ChangeDetails{acme}, Code: "customer.not_active"},
		{Name: "change to nonsense", Given: events{registered}, When: ChangeDetails{named("", "")}, Code: "field.missing"},
		{Name: "import a new one", When: Import{"7", acme}, Then: events{registered}},
		{Name: "import it again", Given: events{registered}, When: Import{"7", acme}},
		{Name: "import a newer record", Given: events{registered}, When: Import{"7", named("Acme Ltd", "2026-01-03")}, Then: events{DetailsChanged{named("Acme Ltd", "2026-01-03")}}},
		{Name: "import a newer record of the same", Given: events{registered}, When: Import{"7", named("Acme", "2026-01-03")}},
		{Name: "import an older record", Given: events{registered}, When: Import{"7", named("Old Acme", "2026-01-01")}},
		{Name: "import one of the same day", Given: events{registered}, When: Import{"7", named("Old Acme", acme.AsOf)}},
		{Name: "import one without a date", Given: events{registered}, When: Import{"7", named("Acme Ltd", "")}, Then: events{renamed}},
		{Name: "import does not undo what staff changed since", Given: events{registered, renamed}, When: Import{"7", acme}},
		{Name: "import leaves what it does not know", Given: events{registered}, When: Import{"7", Details{LegalName: "Acme Ltd", AsOf: "2026-02-01"}},
			Then: events{DetailsChanged{named("Acme Ltd", "2026-02-01")}}},
		{Name: "import nonsense", Given: events{registered}, When: Import{"7", but(func(d *Details) { d.AsOf, d.TermsDays = "2027-01-01", 999 })}, Code: "customer.terms"},
		{Name: "import a new one without a name", When: Import{"7", named("", "")}, Code: "field.missing"},
	})
}

// E37: customers are a tree of at most MaxDepth.
func TestE37Move(t *testing.T) {
	chain := func(n int) []uuid.UUID { return make([]uuid.UUID, n) }
	child := Registered{"7", acme, &parent}
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "under another", Given: events{registered}, When: Move{&parent, self, []uuid.UUID{parent}, because}, Then: events{Reparented{nil, &parent}}},
		{Name: "to a third", Given: events{child}, When: Move{&other, self, []uuid.UUID{other}, because}, Then: events{Reparented{&parent, &other}}},
		{Name: "to the top", Given: events{child}, When: Move{nil, self, nil, because}, Then: events{Reparented{&parent, nil}}},
		{Name: "where it is", Given: events{child}, When: Move{&parent, self, []uuid.UUID{parent}, because}},
		{Name: "at the top, where it is", Given: events{registered}, When: Move{nil, self, nil, because}},
		{Name: "under itself", Given: events{registered}, When: Move{&self, self, []uuid.UUID{self}, because}, Code: "customer.circle"},
		{Name: "under its own child", Given: events{registered}, When: Move{&other, self, []uuid.UUID{other, parent, self}, because}, Code: "customer.circle"},
		{Name: "as deep as may be", Given: events{registered}, When: Move{&parent, self, chain(MaxDepth - 1), because}, Then: events{Reparented{nil, &parent}}},
		{Name: "too deep", Given: events{registered}, When: Move{&parent, self, chain(MaxDepth), because}, Code: "customer.too_deep"},
		{Name: "without a reason", Given: events{registered}, When: Move{ParentID: &parent, Self: self}, Code: "reason.missing"},
		{Name: "what is not there", When: Move{&parent, self, chain(1), because}, Code: "customer.unknown"},
	})
}

func TestPortalMergeClose(t *testing.T) {
	merge := Merge{other, self, because}
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "shut the portal", Given: events{registered}, When: SwitchPortal{false, because}, Then: events{PortalSwitched{false}}},
		{Name: "it is open at first", Given: events{registered}, When: SwitchPortal{true, because}},
		{Name: "open it again", Given: events{registered, PortalSwitched{false}}, When: SwitchPortal{true, because}, Then: events{PortalSwitched{true}}},
		{Name: "not without a reason", Given: events{registered}, When: SwitchPortal{}, Code: "reason.missing"},
		{Name: "not of a closed customer", Given: events{registered, Closed{}}, When: SwitchPortal{false, because}, Code: "customer.not_active"},

		{Name: "E17: merge", Given: events{registered}, When: merge, Then: events{Merged{other}}},
		{Name: "E17: merge once", Given: events{registered, Merged{other}}, When: merge},
		{Name: "E17: not into a third", Given: events{registered, Merged{parent}}, When: merge, Code: "customer.not_active"},
		{Name: "E17: not into itself", Given: events{registered}, When: Merge{self, self, because}, Code: "customer.circle"},
		{Name: "E17: not without a reason", Given: events{registered}, When: Merge{SurvivorID: other}, Code: "reason.missing"},
		{Name: "E17: not nothing", When: merge, Code: "customer.unknown"},

		{Name: "close", Given: events{registered}, When: Close{because}, Then: events{Closed{}}},
		{Name: "close once", Given: events{registered, Closed{}}, When: Close{because}},
		{Name: "not what is merged", Given: events{registered, Merged{other}}, When: Close{because}, Code: "customer.not_active"},
		{Name: "not without a reason, either", Given: events{registered}, When: Close{}, Code: "reason.missing"},
		{Name: "not nothing, either", When: Close{because}, Code: "customer.unknown"},
	})
}

func TestWhatOthersAskOfACustomer(t *testing.T) {
	s := domain.Fold(Customer{}, Event(Registered{"7", acme, &parent}))
	if !s.Known() || !s.Active() || s.Parent() != parent || s.TermsDays() != 30 || s.Currency() != "GBP" {
		t.Errorf("%+v", s)
	}
	if s = (Reparented{&parent, nil}).Evolve(s); s.Parent() != uuid.Nil {
		t.Errorf("at the top: %+v", s)
	}
	if s = (Closed{}).Evolve(s); !s.Known() || s.Active() {
		t.Errorf("closed: %+v", s)
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Customer](t, Types) }

// Documents are addressed to the customer, in its language.
func TestAddressAndLanguage(t *testing.T) {
	with := func(address, language string) Details {
		d := acme
		d.Address, d.Language = address, language
		return d
	}
	there := DetailsChanged{with("1 Mill Lane\nLeeds", "de")}
	later := with("", "")
	later.AsOf = "2026-02-01"
	kept := there.Details
	kept.AsOf = later.AsOf
	spec.Run(t, Types, []spec.Case[Customer]{
		{Name: "change", Given: events{registered}, When: ChangeDetails{with(" 1 Mill Lane\r\nLeeds ", "de")}, Then: events{there}},
		{Name: "change nothing", Given: events{registered, there}, When: ChangeDetails{there.Details}},
		{Name: "an import that knows neither keeps both", Given: events{registered, there}, When: Import{"7", later}},
		{Name: "an import that knows another", Given: events{registered, there}, When: Import{"7", Details{LegalName: "Acme", AsOf: later.AsOf, Address: "2 Mill Lane\nLeeds"}},
			Then: events{DetailsChanged{Details: func() Details { d := kept; d.Address = "2 Mill Lane\nLeeds"; return d }()}}},
		{Name: "not a page", Given: events{registered}, When: ChangeDetails{with("1\n2\n3\n4\n5\n6\n7\n8\n9", "")}, Code: "field.too_many_lines"},
		{Name: "in a language", Given: events{registered}, When: ChangeDetails{with("", "german!")}, Code: "language.malformed"},
	})
}
