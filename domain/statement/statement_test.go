package statement

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

func content(with ...func(*Content)) Content {
	gbp := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: "GBP"} }
	c := Content{CustomerID: uuid.UUID{1}, Number: "S-1", Currency: "GBP", From: "2026-03-01", To: "2026-03-31", KnownAt: "42.0",
		Opening: gbp(100), Closing: gbp(-5), ContentHash: "aa", Rendition: domain.Rendition{SHA256: "bb", Size: 3, Pages: 1, PaperHash: "cc"}}
	for _, f := range with {
		f(&c)
	}
	return c
}

func TestAStatementIsIssuedOnceAndNeverChanged(t *testing.T) {
	type events = []Event
	spec.Run(t, Types, []spec.Case[Statement]{
		{Name: "issue", When: Issue{Content: content()}, Then: events{Issued{content()}}},
		{Name: "once", Given: events{Issued{content()}}, When: Issue{Content: content(func(c *Content) { c.Number = "S-2" })}},
		{Name: "with a number", When: Issue{Content: content(func(c *Content) { c.Number = " " })}, Code: "field.missing"},
		{Name: "in a currency", When: Issue{Content: content(func(c *Content) { c.Currency = "" })}, Code: "money.unknown_currency"},
		{Name: "E12: in one", When: Issue{Content: content(func(c *Content) { c.Closing.Currency = "EUR" })}, Code: "statement.currency"},
	})
	if (Statement{}).Known() || !domain.Fold(Statement{}, Event(Issued{content()})).Known() {
		t.Error("known is what was issued")
	}
}
