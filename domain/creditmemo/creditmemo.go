// Package creditmemo decides what may happen to one credit memo as a document. What it
// pays is the account's business. Amounts are positive: a memo of 500 owes the customer 500.
package creditmemo

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Issued]("credit_memo.issued", domain.Unchanged),
	domain.TypeOf[Restated]("credit_memo.restated", domain.Unchanged),
	domain.TypeOf[Assigned]("credit_memo.assigned", domain.Unchanged),
	domain.TypeOf[Voided]("credit_memo.voided"),
	domain.TypeOf[Rendered]("credit_memo.rendered"),
}

// Event is one of the types above.
type Event = domain.Event[CreditMemo]

// CreditMemo holds what decisions need.
type CreditMemo struct {
	status   string // "", issued, void
	document Document
	version  int // of the content: 1 as issued, one more for each restatement
	rendered int // the latest version that was drawn
}

// CustomerID is whose credit memo it is: the nil UUID while it is nobody's.
func (s CreditMemo) CustomerID() uuid.UUID {
	if s.document.CustomerID == nil {
		return uuid.Nil
	}
	return *s.document.CustomerID
}

// Numbered tells whether the memo's number is reserved for it.
func (s CreditMemo) Numbered() bool { return s.status != "" }

// Voided tells whether it counts no more.
func (s CreditMemo) Voided() bool { return s.status == "void" }

// Posted is the document of a credit memo that belongs on its customer's account.
func (s CreditMemo) Posted() (Document, bool) {
	return s.document, s.status == "issued" && s.document.CustomerID != nil
}

// Document is a credit memo's whole content.
type Document struct {
	Number string `json:"number"`
	Kind   string `json:"kind"` // credit_memo, or adjustment
	domain.Party
	domain.Calculation
	IssuedOn       domain.Date   `json:"issued_on"`
	AgainstInvoice *uuid.UUID    `json:"against_invoice_id,omitempty"`
	Description    string        `json:"description,omitempty"`
	Lines          []domain.Line `json:"lines"`
	domain.Totals
	Source *domain.Source `json:"source,omitempty"`
}

// Amount is what it credits.
func (d Document) Amount() domain.Money { return domain.Money{Minor: d.Gross, Currency: d.Currency} }

// Issued says that the customer is owed the memo's amount. It is visible at once.
type Issued struct{ Document }

// Evolve issues.
func (e Issued) Evolve(s CreditMemo) CreditMemo {
	return CreditMemo{status: "issued", document: e.Document, version: 1}
}

// Restated says that the system it was imported from has changed it.
type Restated struct{ Document }

// Evolve replaces the content.
func (e Restated) Evolve(s CreditMemo) CreditMemo {
	s.document, s.version = e.Document, s.version+1
	return s
}

// Assigned says whose a credit memo is that was nobody's; it carries the document.
type Assigned struct{ Document }

// Evolve assigns.
func (e Assigned) Evolve(s CreditMemo) CreditMemo {
	s.document = e.Document
	return s
}

// Voided says that the credit memo counts no more.
type Voided struct{}

// Evolve ends it.
func (e Voided) Evolve(s CreditMemo) CreditMemo {
	s.status = "void"
	return s
}

// Content is what staff, or a source system, say of a credit memo.
type Content struct {
	Number string `json:"number" maxLength:"60" minLength:"1" doc:"Never used twice (I6)"`
	Kind   string `json:"kind,omitempty" enum:"credit_memo,adjustment" doc:"credit_memo if left out"`
	domain.Party
	domain.Calculation
	IssuedOn       domain.Date        `json:"issued_on,omitempty" format:"date" doc:"Today if left out"`
	AgainstInvoice *uuid.UUID         `json:"against_invoice_id,omitempty" doc:"Pays this invoice as far as it is open; the rest is credit (E8)"`
	Description    string             `json:"description,omitempty" maxLength:"500"`
	Lines          []domain.LineInput `json:"lines" minItems:"1" maxItems:"2000" nullable:"false" doc:"Positive amounts credit the customer"`
	Given          *domain.Given      `json:"given_totals,omitempty" doc:"Totals of the system it comes from: authoritative (E13)"`
	Source         *domain.Source     `json:"-"`
}

// Document is what would be issued, or why it cannot be.
func (c Content) Document() (Document, error) {
	number, err := domain.Trimmed(c.Number, "number")
	if err == nil {
		err = c.IssuedOn.Check()
	}
	if err != nil {
		return Document{}, err
	}
	if c.Kind == "" {
		c.Kind = "credit_memo"
	}
	if c.Kind != "credit_memo" && c.Kind != "adjustment" {
		return Document{}, domain.Invalid("credit_memo.kind", "kind is credit_memo or adjustment, not %q", c.Kind)
	}
	rules := c.Calculation.Defaulted()
	lines, totals, err := rules.Total(c.Lines, c.Given)
	if err != nil {
		return Document{}, err
	}
	if totals.Gross < 0 {
		return Document{}, domain.Invalid("credit_memo.negative", "a credit memo cannot be below zero: issue an invoice")
	}
	return Document{number, c.Kind, c.Party, rules, c.IssuedOn, c.AgainstInvoice, c.Description, lines, totals, c.Source}, nil
}

// Issue credits a customer.
type Issue struct {
	Content
	Rendition *domain.Rendition `json:"-"` // of what its customer sees from now on
}

// Decide issues once.
func (c Issue) Decide(s CreditMemo) ([]Event, error) {
	if s.status != "" {
		return nil, domain.Refused("credit_memo.already_issued", "this credit memo is %s", s.status)
	}
	d, err := c.Document()
	if err != nil {
		return nil, err
	}
	if c.Rendition != nil {
		return []Event{Issued{d}, Rendered{d.CustomerID, 1, d.Hash(), *c.Rendition}}, nil
	}
	return []Event{Issued{d}}, nil
}

// Import follows a source system's record, as invoice.Import does.
type Import struct{ Content }

// Decide compares by the source's hash.
func (c Import) Decide(s CreditMemo) ([]Event, error) {
	if c.Source == nil {
		return nil, domain.Invalid("credit_memo.no_source", "an import names its source")
	}
	was := s.document
	if was.Source != nil && was.Source.Hash == c.Source.Hash {
		return nil, nil
	}
	d, err := c.Document()
	d.Party = d.Over(was.Party)
	switch {
	case err != nil:
		return nil, err
	case s.status == "":
		return []Event{Issued{d}}, nil
	case s.status == "void":
		return nil, domain.Refused("credit_memo.void", "%s was voided here: the source cannot change it", d.Number)
	case d.Number != was.Number:
		return nil, domain.Refused("credit_memo.number_changed", "%s was issued as %s: a number is never changed (I6)", d.Number, was.Number)
	case d.Currency != was.Currency:
		return nil, domain.Refused("credit_memo.currency_changed", "%s was issued in %s", d.Number, was.Currency)
	case was.CustomerID == nil && d.CustomerID != nil:
		moved := was
		moved.CustomerID = d.CustomerID
		return []Event{Assigned{moved}, Restated{d}}, nil
	case d.CustomerID == nil:
		d.CustomerID = was.CustomerID
	case *d.CustomerID != *was.CustomerID:
		return nil, domain.Refused("credit_memo.customer_changed", "%s is another customer's already", d.Number)
	}
	return []Event{Restated{d}}, nil
}

// Assign says whose a credit memo is that came without a customer.
type Assign struct {
	CustomerID uuid.UUID `json:"customer_id"`
	domain.Because
}

// Decide assigns what is nobody's.
func (c Assign) Decide(s CreditMemo) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.issued(); err != nil {
		return nil, err
	}
	switch s.CustomerID() {
	case uuid.Nil:
		d := s.document
		d.CustomerID = &c.CustomerID
		return []Event{Assigned{d}}, nil
	case c.CustomerID:
		return nil, nil
	}
	return nil, domain.Refused("credit_memo.assigned", "this credit memo is another customer's already")
}

// Void ends a credit memo that its account has reversed already (E8).
type Void struct {
	On domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
	Reversed bool `json:"-"` // its account has taken it off
}

// Decide voids once.
func (c Void) Decide(s CreditMemo) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch _, posted := s.Posted(); {
	case s.status == "void":
		return nil, nil
	case s.status == "":
		return nil, s.issued()
	case posted && !c.Reversed:
		return nil, domain.Refused("credit_memo.on_account", "the account must take the credit memo off first")
	}
	return []Event{Voided{}}, nil
}

func (s CreditMemo) issued() error {
	switch s.status {
	case "issued":
		return nil
	case "":
		return domain.NotFound("credit_memo.unknown", "there is no such credit memo")
	}
	return domain.Refused("credit_memo.void", "this credit memo is void")
}
