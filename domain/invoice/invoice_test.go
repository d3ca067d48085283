package invoice

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

type events = []Event

var (
	acme    = uuid.UUID{1}
	other   = uuid.UUID{2}
	because = domain.Because{Reason: domain.Reason{Code: "test"}}

	north, south, pat, sam = uuid.UUID{'n'}, uuid.UUID{'s'}, uuid.UUID{'p'}, uuid.UUID{'q'}
)

// content is of an invoice over £19.99 plus 20 % VAT; with changes it.
func content(with ...func(*Content)) Content {
	c := Content{
		Number: "INV-1", Party: domain.Party{CustomerID: &acme}, Calculation: domain.Calculation{Currency: "GBP"},
		IssuedOn: "2026-03-01", DueOn: "2026-03-31", Description: "Boiler", Reference: "PO 7",
		Lines: []domain.LineInput{{Text: "Service", Quantity: "1", UnitPrice: "19.99", TaxRate: "20"}},
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

func nobodys(c *Content) { c.CustomerID = nil }
func source(hash string) func(*Content) {
	return func(c *Content) { c.Source = &domain.Source{System: "x", ExternalID: "1", Hash: hash} }
}
func costing(price domain.Decimal) func(*Content) {
	return func(c *Content) { c.Lines[0].UnitPrice = price }
}
func of(customer uuid.UUID) func(*Content) { return func(c *Content) { c.CustomerID = &customer } }
func published(d Document, version int) Published {
	return Published{d.CustomerID, version, d.Hash(), nil}
}
func dated(issued, due domain.Date) func(*Content) {
	return func(c *Content) { c.IssuedOn, c.DueOn = issued, due }
}
func kept(withheld, retained int64) func(*Content) {
	return func(c *Content) { c.Withheld, c.Retained = withheld, retained }
}
func restated(on domain.Date, d Document) Document { d.RestatedOn = on; return d }
func numbered(number string) func(*Content)        { return func(c *Content) { c.Number = number } }
func in(currency string) func(*Content)            { return func(c *Content) { c.Currency = currency } }

func at(site, main uuid.UUID) func(*Content) {
	return func(c *Content) { c.SiteID, c.PrimaryContactID = &site, &main }
}

func TestDraftAndIssue(t *testing.T) {
	issue := Issue{Content: content()}
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "a draft need not be complete", When: Draft{Content{Number: "1"}}, Then: events{Drafted{Content{Number: "1"}}}},
		{Name: "a draft is written again", Given: events{Drafted{}}, When: Draft{content()}, Then: events{Drafted{content()}}},
		{Name: "an issued invoice is no draft", Given: events{Issued{document()}}, When: Draft{content()}, Code: "invoice.already_issued"},
		{Name: "a draft in no currency is refused", When: Draft{Content{Calculation: domain.Calculation{Currency: "XXZ"}}}, Code: "money.unknown_currency"},
		{Name: "a draft of no date is refused", When: Draft{Content{DueOn: "tomorrow"}}, Code: "date.malformed"},
		{Name: "a draft with too many lines is refused", When: Draft{Content{Lines: make([]domain.LineInput, domain.MaxLines+1)}}, Code: "document.lines"},

		{Name: "S0.8: issuing shows nothing", When: issue, Then: events{Issued{document()}}},
		{Name: "a draft is issued", Given: events{Drafted{content()}}, When: issue, Then: events{Issued{document()}}},
		{Name: "issuing may publish", When: Issue{Content: content(), Publish: true}, Then: events{Issued{document()}, published(document(), 1)}},
		{Name: "I6: an invoice is issued once", Given: events{Issued{document()}}, When: issue, Code: "invoice.already_issued"},
		{Name: "a void one is not issued again", Given: events{Issued{document()}, Voided{true}}, When: issue, Code: "invoice.already_issued"},
		{Name: "an invoice has a number", When: Issue{Content: content(numbered(" "))}, Code: "field.missing"},
		{Name: "an invoice has lines", When: Issue{Content: content(func(c *Content) { c.Lines = nil })}, Code: "document.lines"},
		{Name: "its kind is known", When: Issue{Content: content(func(c *Content) { c.Kind = "bill" })}, Code: "invoice.kind"},
		{Name: "its date is a date", When: Issue{Content: content(dated("1/3/2026", "2026-03-31"))}, Code: "date.malformed"},
		{Name: "its due date is a date", When: Issue{Content: content(dated("2026-03-01", "2026-02-30"))}, Code: "date.malformed"},
		{Name: "it is not due before it is issued", When: Issue{Content: content(dated("2026-03-01", "2026-02-28"))}, Code: "invoice.due_before_issue"},
		{Name: "E16: it may be dated back", When: Issue{Content: content(dated("2019-01-01", "2019-01-31"))}, Then: events{Issued{document(dated("2019-01-01", "2019-01-31"))}}},
		{Name: "E13: its rules are known", When: Issue{Content: content(func(c *Content) { c.Rounding = "down" })}, Code: "money.unknown_rounding"},
	})
	if d := document(); d.Net != 1999 || d.Gross != 2399 || d.Rounding != "half_up" || d.TaxRounding != "per_document" {
		t.Errorf("%+v: want 1999 + 400, and the rules by name", d)
	}
}

// E14: what is withheld and retained is not payable now.
func TestE14WithholdingAndRetention(t *testing.T) {
	if p := document(kept(200, 99)).Payable(); p != (domain.Money{Minor: 2100, Currency: "GBP"}) {
		t.Errorf("payable is %v", p)
	}
	refuse := func(name string, withheld, retained int64) spec.Case[Invoice] {
		return spec.Case[Invoice]{Name: name, When: Issue{Content: content(kept(withheld, retained))}, Code: "invoice.withheld_too_much"}
	}
	const huge = 1 << 62
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "all of it", When: Issue{Content: content(kept(2000, 399))}, Then: events{Issued{document(kept(2000, 399))}}},
		refuse("not more than there is", 2000, 400), refuse("not less than nothing", -1, 0), refuse("nor retained", 0, -1),
		refuse("not by overflow", huge, huge), refuse("nor by one's overflow", 2399, huge),
	})
}

// E15: a zero invoice is issued; one below zero is a credit memo.
func TestE15ZeroAndNegative(t *testing.T) {
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "zero", When: Issue{Content: content(costing("0"))}, Then: events{Issued{document(costing("0"))}}},
		{Name: "below zero", When: Issue{Content: content(costing("-0.01"))}, Code: "invoice.negative"},
	})
}

func TestPublish(t *testing.T) {
	first, corrected := document(), document()
	corrected.Reference, corrected.Description = "PO 8", "Boiler 2"
	correct := CorrectReference{Reference: "PO 8", Description: "Boiler 2", Because: because}
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "S0.8: publishing shows it", Given: events{Issued{first}}, When: Publish{}, Then: events{published(first, 1)}},
		{Name: "once", Given: events{Issued{first}, published(first, 1)}, When: Publish{}},
		{Name: "not a draft", Given: events{Drafted{}}, When: Publish{}, Code: "invoice.not_issued"},
		{Name: "not nothing", When: Publish{}, Code: "invoice.unknown"},
		{Name: "I6: references are corrected", Given: events{Issued{first}}, When: correct, Then: events{ReferenceCorrected{Reference: "PO 8", Description: "Boiler 2"}}},
		{Name: "correcting nothing is nothing", Given: events{Issued{corrected}}, When: correct},
		{Name: "correcting needs a reason", Given: events{Issued{first}}, When: CorrectReference{Reference: "x"}, Code: "reason.missing"},
		{Name: "a draft is not corrected", Given: events{Drafted{}}, When: correct, Code: "invoice.not_issued"},
		{Name: "S0.9: what was corrected is a version to publish",
			Given: events{Issued{first}, published(first, 1), ReferenceCorrected{Reference: "PO 8", Description: "Boiler 2"}}, When: Publish{}, Then: events{published(corrected, 2)}},
	})
}

// E34: the site and the main contact of an issued invoice may change, and be taken away.
func TestE34CorrectSiteAndMainContact(t *testing.T) {
	correct := func(site, main *uuid.UUID) CorrectReference {
		return CorrectReference{"PO 7", "Boiler", site, main, because}
	}
	corrected := func(site, main *uuid.UUID) events { return events{ReferenceCorrected{"PO 7", "Boiler", site, main}} }
	placed, none := events{Issued{document(at(north, pat))}}, uuid.Nil
	moved := document(at(south, sam))
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "given", Given: events{Issued{document()}}, When: correct(&north, &pat), Then: corrected(&north, &pat)},
		{Name: "changed", Given: placed, When: correct(&south, &sam), Then: corrected(&south, &sam)},
		{Name: "the contact only", Given: placed, When: correct(nil, &sam), Then: corrected(&north, &sam)},
		{Name: "the reference only", Given: placed, When: CorrectReference{Reference: "PO 8", Because: because}, Then: events{ReferenceCorrected{"PO 8", "", &north, &pat}}},
		{Name: "taken away", Given: placed, When: correct(&none, &none), Then: corrected(nil, nil)},
		{Name: "the same", Given: placed, When: correct(&north, &pat)},
		{Name: "what was not there taken away", Given: events{Issued{document()}}, When: correct(&none, &none)},
		{Name: "S0.9: a version to publish", Given: append(placed, corrected(&south, &sam)...), When: Publish{}, Then: events{published(moved, 2)}},
	})
}

func TestImport(t *testing.T) {
	first, changed := document(source("a")), document(source("b"), costing("21"))
	imported := events{Issued{first}, published(first, 1)}
	nobody, whose := document(source("a"), nobodys), document(source("b"))
	moved := nobody
	moved.CustomerID = &acme
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "new: issued and published", When: Import{content(source("a"))}, Then: imported},
		{Name: "unchanged: nothing", Given: imported, When: Import{content(source("a"), costing("5"))}},
		{Name: "changed: restated and published", Given: imported, When: Import{content(source("b"), costing("21"))},
			Then: events{Restated{2, changed}, published(changed, 2)}},
		{Name: "E16: the restatement has a date of its own", Given: imported, When: Import{content(source("b"), costing("21"), func(c *Content) { c.RestatedOn = "2026-05-01" })},
			Then: events{Restated{2, restated("2026-05-01", changed)}, published(restated("2026-05-01", changed), 2)}},
		{Name: "found its customer: assigned", Given: events{Issued{nobody}, published(nobody, 1)}, When: Import{content(source("b"))},
			Then: events{Assigned{Published: true, Document: moved}, Restated{2, whose}, published(whose, 2)}},
		{Name: "assigned here: the source does not take it back", Given: events{Issued{first}}, When: Import{content(source("b"), nobodys)},
			Then: events{Restated{2, document(source("b"))}, published(document(source("b")), 2)}},
		{Name: "at a site, said here: the source does not take it back", Given: events{Issued{document(source("a"), at(north, pat))}}, When: Import{content(source("b"))},
			Then: events{Restated{2, document(source("b"), at(north, pat))}, published(document(source("b"), at(north, pat)), 2)}},
		{Name: "at another site, says the source", Given: events{Issued{document(source("a"), at(north, pat))}}, When: Import{content(source("b"), at(south, sam))},
			Then: events{Restated{2, document(source("b"), at(south, sam))}, published(document(source("b"), at(south, sam)), 2)}},
		{Name: "another's already: refused", Given: imported, When: Import{content(source("b"), of(other))}, Code: "invoice.customer_changed"},
		{Name: "E12: another currency: refused", Given: imported, When: Import{content(source("b"), in("EUR"))}, Code: "invoice.currency_changed"},
		{Name: "I6: another number: refused", Given: imported, When: Import{content(source("b"), numbered("INV-2"))}, Code: "invoice.number_changed"},
		{Name: "voided here: refused", Given: with(imported, Voided{true}), When: Import{content(source("b"))}, Code: "invoice.void"},
		{Name: "voided here, unchanged there: nothing", Given: with(imported, Voided{true}), When: Import{content(source("a"))}},
		{Name: "a draft of one's own: refused", Given: events{Drafted{}}, When: Import{content(source("b"))}, Code: "invoice.not_issued"},
		{Name: "from nowhere: refused", When: Import{content()}, Code: "invoice.no_source"},
		{Name: "incomplete: refused", When: Import{content(source("a"), numbered(""))}, Code: "field.missing"},
	})
}

func with(history events, more ...Event) events {
	return append(history[:len(history):len(history)], more...)
}

func TestAssign(t *testing.T) {
	nobody, corrected, part := document(nobodys), document(), domain.Money{Minor: 100, Currency: "GBP"}
	corrected.Reference, corrected.Description = "PO 8", "Boiler 2"
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "what is nobody's", Given: events{Issued{nobody}}, When: Assign{acme, because}, Then: events{Assigned{Document: document()}}},
		{Name: "what its customer may see", Given: events{Issued{nobody}, published(nobody, 1)}, When: Assign{acme, because}, Then: events{Assigned{Published: true, Document: document()}}},
		{Name: "S0.9: not what was corrected since", Given: events{Issued{nobody}, published(nobody, 1), ReferenceCorrected{Reference: "PO 8", Description: "Boiler 2"}},
			When: Assign{acme, because}, Then: events{Assigned{Document: corrected}}},
		{Name: "with its dispute", Given: events{Issued{nobody}, DisputeOpened{Text: "too dear", Amount: &part}},
			When: Assign{acme, because}, Then: events{Assigned{Document: document(), Disputed: true, DisputeText: "too dear", DisputeAmount: &part}}},
		{Name: "not with a resolved one", Given: events{Issued{nobody}, DisputeOpened{Text: "too dear"}, DisputeResolved{Text: "agreed"}},
			When: Assign{acme, because}, Then: events{Assigned{Document: document()}}},
		{Name: "its dispute goes on", Given: events{Issued{nobody}, DisputeOpened{Text: "too dear"}, Assigned{Document: document(), Disputed: true, DisputeText: "too dear"}},
			When: ResolveDispute{"agreed"}, Then: events{DisputeResolved{"agreed", &acme}}},
		{Name: "again", Given: events{Issued{document()}}, When: Assign{acme, because}},
		{Name: "what is somebody's", Given: events{Issued{document()}}, When: Assign{other, because}, Code: "invoice.assigned"},
		{Name: "a draft", Given: events{Drafted{}}, When: Assign{acme, because}, Code: "invoice.not_issued"},
		{Name: "without a reason", Given: events{Issued{nobody}}, When: Assign{CustomerID: acme}, Code: "reason.missing"},
	})
}

func TestDisputes(t *testing.T) {
	part, tooMuch, euro := domain.Money{Minor: 2399, Currency: "GBP"}, domain.Money{Minor: 2400, Currency: "GBP"}, domain.Money{Minor: 1, Currency: "EUR"}
	issued, opened := events{Issued{document()}}, DisputeOpened{"too dear", nil, &acme}
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "all of it", Given: issued, When: OpenDispute{" too dear ", nil}, Then: events{opened}},
		{Name: "a part", Given: issued, When: OpenDispute{"too dear", &part}, Then: events{DisputeOpened{"too dear", &part, &acme}}},
		{Name: "no more than there is", Given: issued, When: OpenDispute{"too dear", &tooMuch}, Code: "invoice.dispute_amount"},
		{Name: "E12: in its currency", Given: issued, When: OpenDispute{"too dear", &euro}, Code: "invoice.dispute_amount"},
		{Name: "in words", Given: issued, When: OpenDispute{}, Code: "field.missing"},
		{Name: "one at a time", Given: with(issued, opened), When: OpenDispute{"more", nil}, Code: "invoice.disputed"},
		{Name: "not of a draft", Given: events{Drafted{}}, When: OpenDispute{"x", nil}, Code: "invoice.not_issued"},
		{Name: "resolved", Given: with(issued, opened), When: ResolveDispute{"agreed"}, Then: events{DisputeResolved{"agreed", &acme}}},
		{Name: "resolved once", Given: with(issued, opened, DisputeResolved{"agreed", &acme}), When: ResolveDispute{"agreed"}},
		{Name: "resolved in words", Given: with(issued, opened), When: ResolveDispute{" "}, Code: "field.missing"},
		{Name: "and opened again", Given: with(issued, opened, DisputeResolved{"agreed", &acme}), When: OpenDispute{"too dear", nil}, Then: events{opened}},
		{Name: "not resolved where there is no invoice", When: ResolveDispute{"agreed"}, Code: "invoice.unknown"},
	})
}

func TestVoid(t *testing.T) {
	void, followed := Void{Because: because}, Void{Because: because, Reversed: true}
	spec.Run(t, Types, []spec.Case[Invoice]{
		{Name: "a draft", Given: events{Drafted{}}, When: void, Then: events{Voided{false}}},
		{Name: "E9: an issued one only after its account", Given: events{Issued{document()}}, When: void, Code: "invoice.on_account"},
		{Name: "E9: which has reversed it", Given: events{Issued{document()}}, When: followed, Then: events{Voided{true}}},
		{Name: "one that is on nobody's account", Given: events{Issued{document(nobodys)}}, When: void, Then: events{Voided{true}}},
		{Name: "once", Given: events{Issued{document()}, Voided{true}}, When: void},
		{Name: "not what is not there", When: void, Code: "invoice.unknown"},
		{Name: "not without a reason", Given: events{Drafted{}}, When: Void{}, Code: "reason.missing"},
	})
}

func TestWhatOthersAskOfAnInvoice(t *testing.T) {
	for _, c := range []struct {
		name                     string
		history                  events
		posted, numbered, voided bool
		customer                 uuid.UUID
	}{
		{"nothing", nil, false, false, false, uuid.Nil},
		{"a draft", events{Drafted{content()}}, false, false, false, acme},
		{"an issued one", events{Drafted{content()}, Issued{document()}}, true, true, false, acme},
		{"nobody's", events{Issued{document(nobodys)}}, false, true, false, uuid.Nil},
		{"a void one", events{Issued{document()}, Voided{true}}, false, true, true, acme},
	} {
		s := domain.Fold(Invoice{}, c.history...)
		if _, posted := s.Posted(); posted != c.posted || s.Numbered() != c.numbered || s.Voided() != c.voided || s.CustomerID() != c.customer {
			t.Errorf("%s: posted %v, numbered %v, void %v, of %s", c.name, posted, s.Numbered(), s.Voided(), s.CustomerID())
		}
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Invoice](t, Types) }
