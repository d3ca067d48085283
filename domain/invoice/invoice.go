// Package invoice decides what may happen to one invoice as a document: drafting,
// issuing, publishing, correcting, disputing, voiding. What of it is paid is the
// account's business, and its status is derived from there, never written.
package invoice

import (
	"strings"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Drafted]("invoice.drafted", domain.Unchanged),
	domain.TypeOf[Issued]("invoice.issued", domain.Unchanged),
	domain.TypeOf[Published]("invoice.published", domain.Unchanged),
	domain.TypeOf[Rendered]("invoice.rendered"),
	domain.TypeOf[ReferenceCorrected]("invoice.reference_corrected", domain.Unchanged),
	domain.TypeOf[Restated]("invoice.restated", domain.Unchanged),
	domain.TypeOf[Assigned]("invoice.assigned", domain.Unchanged),
	domain.TypeOf[DisputeOpened]("invoice.dispute_opened"),
	domain.TypeOf[DisputeResolved]("invoice.dispute_resolved"),
	domain.TypeOf[Voided]("invoice.voided"),
}

// Event is one of the types above.
type Event = domain.Event[Invoice]

// Invoice holds what decisions need. What a customer reads is in projections.
type Invoice struct {
	status    string // "", draft, issued, void
	document  Document
	published int            // the version that the customer may see; 0: none
	shown     Document       // that version
	rendered  int            // the latest version that was drawn
	version   int            // of the content: 1 as issued, one more for each restatement or correction
	dispute   *DisputeOpened // the one that is open
}

// CustomerID is whose invoice it is: the nil UUID while it is nobody's.
func (s Invoice) CustomerID() uuid.UUID {
	if s.document.CustomerID == nil {
		return uuid.Nil
	}
	return *s.document.CustomerID
}

// Known tells whether there is such an invoice, or a draft of one.
func (s Invoice) Known() bool { return s.status != "" }

// Numbered tells whether the invoice's number is reserved for it: since it was issued.
func (s Invoice) Numbered() bool { return s.version > 0 }

// Voided tells whether it counts no more.
func (s Invoice) Voided() bool { return s.status == "void" }

// Posted is the document of an issued invoice that belongs on its customer's account.
func (s Invoice) Posted() (Document, bool) {
	return s.document, s.status == "issued" && s.document.CustomerID != nil
}

// Document is an invoice's whole content. Issued, it is immutable but for references (I6).
type Document struct {
	Number string `json:"number"`
	Kind   string `json:"kind"` // invoice, or adjustment
	domain.Party
	domain.Calculation
	IssuedOn    domain.Date   `json:"issued_on"`
	DueOn       domain.Date   `json:"due_on"`
	Description string        `json:"description,omitempty"`
	Reference   string        `json:"reference,omitempty"` // the customer's own, such as a purchase order
	Lines       []domain.Line `json:"lines"`
	domain.Totals
	Withheld int64          `json:"withheld,omitempty"` // minor units, such as CIS deduction (E14)
	Retained int64          `json:"retained,omitempty"` // minor units, due later by another invoice
	Source   *domain.Source `json:"source,omitempty"`
	// RestatedOn is the effective date of a restatement; of an issue it is empty.
	RestatedOn domain.Date `json:"restated_on,omitempty"`
}

// Payable is what the account is to ask for: gross less what is withheld or retained (E14).
func (d Document) Payable() domain.Money {
	return domain.Money{Minor: d.Gross - d.Withheld - d.Retained, Currency: d.Currency}
}

// Drafted says that staff work on an invoice. No customer sees it.
type Drafted struct {
	Content
}

// Evolve keeps the latest draft's party only: issuing says everything again.
func (e Drafted) Evolve(s Invoice) Invoice {
	s.status, s.document = "draft", Document{Party: e.Party}
	return s
}

// Issued says that the customer owes the invoice. Customers see it once it is published.
type Issued struct{ Document }

// Evolve makes it an issued invoice.
func (e Issued) Evolve(s Invoice) Invoice {
	s.status, s.document, s.version = "issued", e.Document, 1
	return s
}

// ReferenceCorrected changes what is not money: the customer's reference, the description,
// and, since version 2, the site and the main contact. It makes a new version, which the
// customer does not see until it is published (S0.9); who may see the invoice changes at
// once (E34).
type ReferenceCorrected struct {
	Reference        string     `json:"reference"`
	Description      string     `json:"description"`
	SiteID           *uuid.UUID `json:"site_id,omitempty"` // as it is now; none: of no site
	PrimaryContactID *uuid.UUID `json:"primary_contact_id,omitempty"`
}

// Evolve corrects.
func (e ReferenceCorrected) Evolve(s Invoice) Invoice {
	s.document.Reference, s.document.Description = e.Reference, e.Description
	s.document.SiteID, s.document.PrimaryContactID = e.SiteID, e.PrimaryContactID
	s.version++
	return s
}

// Restated says that the system an invoice was imported from has changed it.
type Restated struct {
	Version int `json:"version"`
	Document
}

// Evolve replaces the content.
func (e Restated) Evolve(s Invoice) Invoice {
	s.document, s.version = e.Document, e.Version
	return s
}

// Assigned says whose an invoice is that was nobody's. It carries the document and its open
// dispute, for the customer's read models have not seen them before. Published says that
// the customer may see it as it is: what was corrected since is not published (S0.9).
type Assigned struct {
	Published bool `json:"published"`
	Document
	Disputed      bool          `json:"disputed,omitempty"`
	DisputeText   string        `json:"dispute_text,omitempty" personal:"customer_id"`
	DisputeAmount *domain.Money `json:"dispute_amount,omitempty"` // the contested part; none: all of it
}

// Evolve assigns. What its customer does not see yet is not there to be drawn.
func (e Assigned) Evolve(s Invoice) Invoice {
	s.document, s.shown = e.Document, Document{}
	if e.Published {
		s.shown = e.Document
	}
	return s
}

// DisputeOpened says that the customer contests the invoice. What people write is
// personal data, kept under the customer's key.
type DisputeOpened struct {
	Text       string        `json:"text" personal:"customer_id"`
	Amount     *domain.Money `json:"amount,omitempty"` // the contested part; none: all of it
	CustomerID *uuid.UUID    `json:"customer_id,omitempty"`
}

// Evolve notes it.
func (e DisputeOpened) Evolve(s Invoice) Invoice {
	s.dispute = &e
	return s
}

// DisputeResolved ends a dispute.
type DisputeResolved struct {
	Text       string     `json:"text" personal:"customer_id"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty"`
}

// Evolve notes it.
func (e DisputeResolved) Evolve(s Invoice) Invoice {
	s.dispute = nil
	return s
}

// Voided says that the invoice counts no more.
type Voided struct {
	WasIssued bool `json:"was_issued"` // else it was a draft
}

// Evolve ends it.
func (e Voided) Evolve(s Invoice) Invoice {
	s.status, s.dispute = "void", nil
	return s
}

func (s Invoice) issued() error {
	switch s.status {
	case "issued":
		return nil
	case "":
		return domain.NotFound("invoice.unknown", "there is no such invoice")
	}
	return domain.Refused("invoice.not_issued", "this invoice is %s", strings.Replace(s.status, "draft", "a draft", 1))
}
