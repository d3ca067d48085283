package creditmemo

import (
	"testing"

	"portico/domain"
	"portico/domain/spec"
)

// S0.9: a credit memo is drawn as it is, and again when it is restated.
func TestS09CreditMemosAreDrawn(t *testing.T) {
	a, b := domain.Rendition{SHA256: "a", Size: 3, Pages: 1, PaperHash: "aa"}, domain.Rendition{SHA256: "b", Size: 4, Pages: 2, PaperHash: "bb"}
	first, second := document(source("a")), document(source("b"), costing("6"))
	loose := document(nobodys)
	rendered := func(d Document, version int, r domain.Rendition) Rendered {
		return Rendered{d.CustomerID, version, d.Hash(), r}
	}
	spec.Run(t, Types, []spec.Case[CreditMemo]{
		{Name: "issued and drawn at once", When: Issue{content(), &a}, Then: events{Issued{document()}, rendered(document(), 1, a)}},
		{Name: "not again", Given: events{Issued{first}, rendered(first, 1, a)}, When: Render{1, b}},
		{Name: "drawn later", Given: events{Issued{first}}, When: Render{1, a}, Then: events{rendered(first, 1, a)}},
		{Name: "restated: drawn anew", Given: events{Issued{first}, rendered(first, 1, a), Restated{second}}, When: Render{2, b}, Then: events{rendered(second, 2, b)}},
		{Name: "not as it was", Given: events{Issued{first}, Restated{second}}, When: Render{1, a}},
		{Name: "not what is void", Given: events{Issued{first}, Voided{}}, When: Render{1, a}},
		{Name: "not what is nobody's", Given: events{Issued{loose}}, When: Render{1, a}},
		{Name: "until it is somebody's", Given: events{Issued{loose}, Assigned{document()}}, When: Render{1, a}, Then: events{rendered(document(), 1, a)}},
		{Name: "not nothing", When: Render{1, a}},
	})
}
