package invoice

import (
	"reflect"

	"github.com/google/uuid"

	"portico/domain"
)

// Content is what staff, or a source system, say of an invoice.
type Content struct {
	Number string `json:"number,omitempty" maxLength:"60" doc:"Required to issue; never used twice (I6)"`
	Kind   string `json:"kind,omitempty" enum:"invoice,adjustment" doc:"invoice if left out"`
	domain.Party
	domain.Calculation
	IssuedOn    domain.Date        `json:"issued_on,omitempty" format:"date" doc:"Today if left out"`
	DueOn       domain.Date        `json:"due_on,omitempty" format:"date" doc:"By the customer's terms if left out"`
	Description string             `json:"description,omitempty" maxLength:"500"`
	Reference   string             `json:"reference,omitempty" maxLength:"200" doc:"The customer's reference, such as a purchase order"`
	Lines       []domain.LineInput `json:"lines" minItems:"1" maxItems:"2000" nullable:"false"`
	Withheld    int64              `json:"withheld,omitempty" minimum:"0" doc:"Minor units withheld, such as CIS (E14)"`
	Retained    int64              `json:"retained,omitempty" minimum:"0" doc:"Minor units retained until later (E14)"`
	Given       *domain.Given      `json:"given_totals,omitempty" doc:"Totals of the system it comes from: authoritative (E13)"`
	Source      *domain.Source     `json:"-"`
	RestatedOn  domain.Date        `json:"-"` // of an import that changes what was issued
}

// Document is what would be issued, or why it cannot be.
func (c Content) Document() (Document, error) {
	number, err := domain.Trimmed(c.Number, "number")
	if err != nil {
		return Document{}, err
	}
	if c.Kind == "" {
		c.Kind = "invoice"
	}
	if err := c.IssuedOn.Check(); err != nil {
		return Document{}, err
	}
	if err := c.DueOn.Check(); err != nil {
		return Document{}, err
	}
	rules := c.Calculation.Defaulted()
	lines, totals, err := rules.Total(c.Lines, c.Given)
	if err != nil {
		return Document{}, err
	}
	if c.Kind != "invoice" && c.Kind != "adjustment" {
		return Document{}, domain.Invalid("invoice.kind", "kind is invoice or adjustment, not %q", c.Kind)
	}
	d := Document{number, c.Kind, c.Party, rules, c.IssuedOn, c.DueOn, c.Description, c.Reference, lines, totals, c.Withheld, c.Retained, c.Source, ""}
	switch {
	case d.Gross < 0:
		return d, domain.Invalid("invoice.negative", "an invoice cannot be below zero: issue a credit memo")
	case d.Withheld < 0 || d.Retained < 0 || d.Withheld > d.Gross || d.Retained > d.Gross-d.Withheld:
		return d, domain.Invalid("invoice.withheld_too_much", "what is withheld and retained cannot exceed the total")
	case d.DueOn < d.IssuedOn:
		return d, domain.Invalid("invoice.due_before_issue", "due on %s is before issue on %s", d.DueOn, d.IssuedOn)
	}
	return d, nil
}

// Draft writes or rewrites a draft.
type Draft struct{ Content }

// Decide keeps the draft as given; it need not be complete.
func (c Draft) Decide(s Invoice) ([]Event, error) {
	if s.status != "" && s.status != "draft" {
		return nil, domain.Refused("invoice.already_issued", "this invoice is %s: a draft it can be no more", s.status)
	}
	if err := c.wellFormed(); err != nil {
		return nil, err
	}
	return []Event{Drafted(c)}, nil
}

// wellFormed checks what is there of an incomplete invoice.
func (c Content) wellFormed() error {
	for _, d := range []domain.Date{c.IssuedOn, c.DueOn} {
		if err := d.Check(); d != "" && err != nil {
			return err
		}
	}
	if len(c.Lines) > domain.MaxLines {
		return domain.Invalid("document.lines", "a document has at most %d lines, not %d", domain.MaxLines, len(c.Lines))
	}
	if c.Currency != "" {
		return domain.CheckCurrency(c.Currency)
	}
	return nil
}

// Issue makes an invoice owed. Its customer sees it once it is published.
type Issue struct {
	Content
	Publish   bool              `json:"publish,omitempty" doc:"Let the customer see it at once"`
	Rendition *domain.Rendition `json:"-"` // of what is published
}

// Decide issues once.
func (c Issue) Decide(s Invoice) ([]Event, error) {
	if s.status == "issued" || s.status == "void" {
		return nil, domain.Refused("invoice.already_issued", "this invoice is %s", s.status)
	}
	d, err := c.Document()
	if err != nil {
		return nil, err
	}
	if c.Publish {
		return []Event{Issued{d}, Published{d.CustomerID, 1, d.Hash(), c.Rendition}}, nil
	}
	return []Event{Issued{d}}, nil
}

// Import follows a source system's record: it issues and publishes what is new, restates
// what the source has changed, assigns what has found its customer, and does nothing for
// what is the same. It never deletes (E50).
type Import struct{ Content }

// Decide compares by the source's hash.
func (c Import) Decide(s Invoice) ([]Event, error) {
	if c.Source == nil {
		return nil, domain.Invalid("invoice.no_source", "an import names its source")
	}
	if was := s.document.Source; was != nil && was.Hash == c.Source.Hash {
		return nil, nil
	}
	d, err := c.Document()
	if err != nil {
		return nil, err
	}
	switch s.status {
	case "":
		return []Event{Issued{d}, Published{d.CustomerID, 1, d.Hash(), nil}}, nil
	case "void":
		return nil, domain.Refused("invoice.void", "%s was voided here: the source cannot change it", d.Number)
	case "draft":
		return nil, domain.Refused("invoice.not_issued", "%s is a draft of Portico's own", d.Number)
	}
	d.RestatedOn, d.Party = c.RestatedOn, d.Over(s.document.Party)
	return s.follow(d)
}

// follow turns an issued invoice into what the source says now.
func (s Invoice) follow(d Document) (events []Event, err error) {
	now := s
	switch {
	case s.CustomerID() == uuid.Nil && d.CustomerID != nil:
		e := s.assigned(d.CustomerID)
		events, now = append(events, e), e.Evolve(now)
	case d.CustomerID == nil && s.document.CustomerID != nil:
		d.CustomerID = s.document.CustomerID // assigned here by staff: the source does not take it back
	case d.CustomerID != nil && *d.CustomerID != *s.document.CustomerID:
		return nil, domain.Refused("invoice.customer_changed", "%s is another customer's already: void it and import it under a new number", d.Number)
	}
	if d.Number != s.document.Number {
		return nil, domain.Refused("invoice.number_changed", "%s was issued as %s: a number is never changed (I6)", d.Number, s.document.Number)
	}
	if d.Currency != s.document.Currency {
		return nil, domain.Refused("invoice.currency_changed", "%s was issued in %s", d.Number, s.document.Currency)
	}
	restated := Restated{now.version + 1, d}
	return append(events, restated, Published{d.CustomerID, restated.Version, d.Hash(), nil}), nil
}

// CorrectReference changes the customer's reference or the description of an issued invoice,
// or its site or main contact.
type CorrectReference struct {
	Reference        string     `json:"reference" maxLength:"200"`
	Description      string     `json:"description" maxLength:"500"`
	SiteID           *uuid.UUID `json:"site_id,omitempty" doc:"Left out: as it is; all zeros: of no site"`
	PrimaryContactID *uuid.UUID `json:"primary_contact_id,omitempty" doc:"Who may see the invoice for being its main contact changes at once (E34). Left out: as it is; all zeros: nobody"`
	domain.Because
}

// Decide corrects; the same again is nothing.
func (c CorrectReference) Decide(s Invoice) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.issued(); err != nil {
		return nil, err
	}
	was := ReferenceCorrected{s.document.Reference, s.document.Description, s.document.SiteID, s.document.PrimaryContactID}
	now := ReferenceCorrected{c.Reference, c.Description, changed(was.SiteID, c.SiteID), changed(was.PrimaryContactID, c.PrimaryContactID)}
	if reflect.DeepEqual(was, now) {
		return nil, nil
	}
	return []Event{now}, nil
}

// changed is what an id is that a command leaves as it is, takes away, or replaces.
func changed(was, to *uuid.UUID) *uuid.UUID {
	switch {
	case to == nil:
		return was
	case *to == uuid.Nil:
		return nil
	}
	return to
}

// Assign says whose an invoice is that came without a customer.
type Assign struct {
	CustomerID uuid.UUID `json:"customer_id"`
	domain.Because
}

// Decide assigns what is nobody's.
func (c Assign) Decide(s Invoice) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.issued(); err != nil {
		return nil, err
	}
	switch s.CustomerID() {
	case uuid.Nil:
		return []Event{s.assigned(&c.CustomerID)}, nil
	case c.CustomerID:
		return nil, nil
	}
	return nil, domain.Refused("invoice.assigned", "this invoice is another customer's already")
}

func (s Invoice) assigned(to *uuid.UUID) Assigned {
	e := Assigned{Published: s.published == s.version, Document: s.document, Disputed: s.dispute != nil}
	if e.CustomerID = to; e.Disputed {
		e.DisputeText, e.DisputeAmount = s.dispute.Text, s.dispute.Amount
	}
	return e
}

// OpenDispute records that the customer contests the invoice, or part of it.
type OpenDispute struct {
	Text   string        `json:"text" minLength:"1" maxLength:"500"`
	Amount *domain.Money `json:"amount,omitempty" doc:"The contested part; left out: all of it"`
}

// Decide opens one dispute at a time.
func (c OpenDispute) Decide(s Invoice) ([]Event, error) {
	text, err := domain.Trimmed(c.Text, "text")
	if err == nil {
		err = s.issued()
	}
	if err != nil {
		return nil, err
	}
	if s.dispute != nil {
		return nil, domain.Refused("invoice.disputed", "this invoice is disputed already")
	}
	if c.Amount != nil && (c.Amount.Currency != s.document.Currency || c.Amount.Minor <= 0 || c.Amount.Minor > s.document.Gross) {
		return nil, domain.Invalid("invoice.dispute_amount", "the contested part is between 1 and %d %s", s.document.Gross, s.document.Currency)
	}
	return []Event{DisputeOpened{text, c.Amount, s.document.CustomerID}}, nil
}

// ResolveDispute ends a dispute.
type ResolveDispute struct {
	Text string `json:"text" minLength:"1" maxLength:"500"`
}

// Decide resolves what is open.
func (c ResolveDispute) Decide(s Invoice) ([]Event, error) {
	text, err := domain.Trimmed(c.Text, "text")
	if err == nil {
		err = s.issued()
	}
	if err != nil || s.dispute == nil {
		return nil, err
	}
	return []Event{DisputeResolved{text, s.document.CustomerID}}, nil
}

// Void ends a draft, or an invoice that its account has reversed already: the account
// decides whether it may be (E9).
type Void struct {
	Release bool        `json:"release,omitempty" doc:"Turn what was paid into unapplied credit first (E9)"`
	On      domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
	Reversed bool `json:"-"` // its account has taken it off
}

// Decide voids once.
func (c Void) Decide(s Invoice) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch _, posted := s.Posted(); {
	case s.status == "":
		return nil, s.issued()
	case s.status == "void":
		return nil, nil
	case posted && !c.Reversed:
		return nil, domain.Refused("invoice.on_account", "the account must take the invoice off first")
	}
	return []Event{Voided{s.status == "issued"}}, nil
}
