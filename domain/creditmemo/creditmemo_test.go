package creditmemo

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

var (
	acme, other, invoice1 = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	because               = domain.Because{Reason: domain.Reason{Code: "test"}}
)

// content is of a credit memo over £5; with changes it.
func content(with ...func(*Content)) Content {
	c := Content{
		Number: "CM-1", Party: domain.Party{CustomerID: &acme}, Calculation: domain.Calculation{Currency: "GBP"},
		IssuedOn: "2026-03-01", AgainstInvoice: &invoice1, Lines: []domain.LineInput{{Text: "Return", Quantity: "1", UnitPrice: "5"}},
	}
	for _, f := range with {
		f(&c)
	}
	return c
}

func document(with ...func(*Content)) Document {
	d, err := content(with...).Document()
	if err != nil {
		panic(err)
	}
	return d
}

func nobodys(c *Content)                   { c.CustomerID = nil }
func of(customer uuid.UUID) func(*Content) { return func(c *Content) { c.CustomerID = &customer } }
func costing(price domain.Decimal) func(*Content) {
	return func(c *Content) { c.Lines[0].UnitPrice = price }
}
func numbered(number string) func(*Content) { return func(c *Content) { c.Number = number } }
func in(currency string) func(*Content)     { return func(c *Content) { c.Currency = currency } }
func source(hash string) func(*Content) {
	return func(c *Content) { c.Source = &domain.Source{System: "x", ExternalID: "1", Hash: hash} }
}

func at(site uuid.UUID) func(*Content) { return func(c *Content) { c.SiteID = &site } }

func TestIssue(t *testing.T) {
	spec.Run(t, Types, []spec.Case[CreditMemo]{
		{Name: "a credit memo", When: Issue{Content: content()}, Then: events{Issued{document()}}},
		{Name: "I6: once", Given: events{Issued{document()}}, When: Issue{Content: content()}, Code: "credit_memo.already_issued"},
		{Name: "with a number", When: Issue{Content: content(numbered(""))}, Code: "field.missing"},
		{Name: "of a known kind", When: Issue{Content: content(func(c *Content) { c.Kind = "refund" })}, Code: "credit_memo.kind"},
		{Name: "with a date", When: Issue{Content: content(func(c *Content) { c.IssuedOn = "" })}, Code: "date.malformed"},
		{Name: "with lines", When: Issue{Content: content(func(c *Content) { c.Lines = nil })}, Code: "document.lines"},
		{Name: "E15: not below zero", When: Issue{Content: content(costing("-5"))}, Code: "credit_memo.negative"},
		{Name: "E15: of nothing", When: Issue{Content: content(costing("0"))}, Then: events{Issued{document(costing("0"))}}},
	})
	if a := document().Amount(); a != (domain.Money{Minor: 500, Currency: "GBP"}) {
		t.Errorf("it credits %v", a)
	}
}

func TestImport(t *testing.T) {
	first, nobody, moved := document(source("a")), document(source("a"), nobodys), document(source("a"))
	spec.Run(t, Types, []spec.Case[CreditMemo]{
		{Name: "new", When: Import{content(source("a"))}, Then: events{Issued{first}}},
		{Name: "unchanged", Given: events{Issued{first}}, When: Import{content(source("a"), costing("9"))}},
		{Name: "changed", Given: events{Issued{first}}, When: Import{content(source("b"), costing("9"))}, Then: events{Restated{document(source("b"), costing("9"))}}},
		{Name: "found its customer", Given: events{Issued{nobody}}, When: Import{content(source("b"))}, Then: events{Assigned{moved}, Restated{document(source("b"))}}},
		{Name: "assigned here", Given: events{Issued{first}}, When: Import{content(source("b"), nobodys)}, Then: events{Restated{document(source("b"))}}},
		{Name: "nobody's still", Given: events{Issued{nobody}}, When: Import{content(source("b"), nobodys)}, Then: events{Restated{document(source("b"), nobodys)}}},
		{Name: "at a site, said here", Given: events{Issued{document(source("a"), at(invoice1))}}, When: Import{content(source("b"))},
			Then: events{Restated{document(source("b"), at(invoice1))}}},
		{Name: "another's", Given: events{Issued{first}}, When: Import{content(source("b"), of(other))}, Code: "credit_memo.customer_changed"},
		{Name: "E12: in another currency", Given: events{Issued{first}}, When: Import{content(source("b"), in("EUR"))}, Code: "credit_memo.currency_changed"},
		{Name: "I6: under another number", Given: events{Issued{first}}, When: Import{content(source("b"), numbered("CM-2"))}, Code: "credit_memo.number_changed"},
		{Name: "void here", Given: events{Issued{first}, Voided{}}, When: Import{content(source("b"))}, Code: "credit_memo.void"},
		{Name: "from nowhere", When: Import{content()}, Code: "credit_memo.no_source"},
		{Name: "incomplete", When: Import{content(source("a"), numbered(""))}, Code: "field.missing"},
	})
}

func TestAssignAndVoid(t *testing.T) {
	nobody := document(nobodys)
	spec.Run(t, Types, []spec.Case[CreditMemo]{
		{Name: "assign what is nobody's", Given: events{Issued{nobody}}, When: Assign{acme, because}, Then: events{Assigned{document()}}},
		{Name: "assign again", Given: events{Issued{document()}}, When: Assign{acme, because}},
		{Name: "assign what is another's", Given: events{Issued{document()}}, When: Assign{other, because}, Code: "credit_memo.assigned"},
		{Name: "assign nothing", When: Assign{acme, because}, Code: "credit_memo.unknown"},
		{Name: "assign what is void", Given: events{Issued{nobody}, Voided{}}, When: Assign{acme, because}, Code: "credit_memo.void"},
		{Name: "assign without a reason", Given: events{Issued{nobody}}, When: Assign{CustomerID: acme}, Code: "reason.missing"},
		{Name: "E8: void after its account has reversed it", Given: events{Issued{document()}}, When: Void{Because: because, Reversed: true}, Then: events{Voided{}}},
		{Name: "E8: not before", Given: events{Issued{document()}}, When: Void{Because: because}, Code: "credit_memo.on_account"},
		{Name: "void what is on nobody's account", Given: events{Issued{nobody}}, When: Void{Because: because}, Then: events{Voided{}}},
		{Name: "void once", Given: events{Issued{document()}, Voided{}}, When: Void{Because: because}},
		{Name: "void nothing", When: Void{Because: because}, Code: "credit_memo.unknown"},
		{Name: "void without a reason", Given: events{Issued{nobody}}, When: Void{}, Code: "reason.missing"},
	})
}

func TestWhatOthersAskOfACreditMemo(t *testing.T) {
	for _, c := range []struct {
		name                     string
		history                  events
		posted, numbered, voided bool
		customer                 uuid.UUID
	}{
		{"nothing", nil, false, false, false, uuid.Nil},
		{"an issued one", events{Issued{document()}}, true, true, false, acme},
		{"nobody's", events{Issued{document(nobodys)}}, false, true, false, uuid.Nil},
		{"a void one", events{Issued{document()}, Voided{}}, false, true, true, acme},
	} {
		s := domain.Fold(CreditMemo{}, c.history...)
		if _, posted := s.Posted(); posted != c.posted || s.Numbered() != c.numbered || s.Voided() != c.voided || s.CustomerID() != c.customer {
			t.Errorf("%s: posted %v, numbered %v, void %v, of %s", c.name, posted, s.Numbered(), s.Voided(), s.CustomerID())
		}
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[CreditMemo](t, Types) }
