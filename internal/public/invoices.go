package public

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
	"portico/internal/envelope"
)

// Invoice is the data of portico.invoice.issued.v1: an invoice without its texts.
type Invoice struct {
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Kind      string    `json:"kind" doc:"invoice, or adjustment"`
	Party
	IssuedOn domain.Date `json:"issued_on"`
	DueOn    domain.Date `json:"due_on"`
	Totals
	Withheld *Amount `json:"withheld,omitempty" doc:"Kept back for good, such as a CIS deduction"`
	Retained *Amount `json:"retained,omitempty" doc:"Due later, by another invoice"`
	Payable  Amount  `json:"payable" doc:"Gross less what is withheld and retained"`
	Source   *Source `json:"source,omitempty"`
}

// InvoiceRestated is the data of portico.invoice.restated.v1.
type InvoiceRestated struct {
	Invoice
	Version    int         `json:"version" doc:"Of its content: 1 as issued"`
	RestatedOn domain.Date `json:"restated_on,omitempty" doc:"From when it counts in the ledger"`
}

// InvoiceAssigned is the data of portico.invoice.assigned.v1.
type InvoiceAssigned struct {
	Invoice
	Published bool `json:"published" doc:"Whether the customer may see it as it is"`
	Disputed  bool `json:"disputed"`
}

// InvoicePublished is the data of portico.invoice.published.v1.
type InvoicePublished struct {
	InvoiceID      uuid.UUID `json:"invoice_id"`
	Version        int       `json:"version" doc:"Of its content: 1 as issued, one more for each restatement or correction"`
	ContentHash    string    `json:"content_hash" doc:"SHA-256 of the version's content, hex"`
	DocumentSHA256 string    `json:"document_sha256,omitempty" doc:"SHA-256 of the PDF that the customer is given, hex; absent if it is made later, as for imported invoices: ask for the document then"`
}

// InvoiceCorrected is the data of portico.invoice.corrected.v1.
type InvoiceCorrected struct {
	InvoiceID uuid.UUID `json:"invoice_id"`
}

// InvoiceDisputed is the data of portico.invoice.dispute_opened.v1.
type InvoiceDisputed struct {
	InvoiceID uuid.UUID `json:"invoice_id"`
	Amount    *Amount   `json:"amount,omitempty" doc:"The contested part; absent: all of it"`
}

// InvoiceEvent is the data of events that say no more than which invoice:
// portico.invoice.dispute_resolved.v1 and portico.invoice.voided.v1.
type InvoiceEvent struct {
	InvoiceID uuid.UUID `json:"invoice_id"`
}

// InvoiceWrittenOff is the data of portico.invoice.written_off.v1.
type InvoiceWrittenOff struct {
	InvoiceID uuid.UUID   `json:"invoice_id"`
	Amount    Amount      `json:"amount"`
	On        domain.Date `json:"on"`
}

// InvoiceReopened is the data of portico.invoice.write_off_reversed.v1.
type InvoiceReopened struct {
	InvoiceID uuid.UUID   `json:"invoice_id"`
	Amount    Amount      `json:"amount"`
	Open      Amount      `json:"open" doc:"What of it is owed now"`
	On        domain.Date `json:"on"`
}

func (d InvoiceDisputed) invoices() []uuid.UUID { return []uuid.UUID{d.InvoiceID} }
func (d InvoiceEvent) invoices() []uuid.UUID    { return []uuid.UUID{d.InvoiceID} }

var invoiceKinds = []Kind{
	of("invoice.issued", "portico.invoice.issued.v1", Owner, "An invoice was issued: it is owed. Its customer sees nothing of it until it is published.",
		func(e envelope.Event, d invoice.Issued) Invoice { return invoiceOf(e, d.Document) }),
	of("invoice.published", "portico.invoice.published.v1", Customer, "A version of an invoice was published: the customer's contacts see it from now on.",
		func(e envelope.Event, d invoice.Published) InvoicePublished {
			p := InvoicePublished{InvoiceID: about(e), Version: d.Version, ContentHash: d.ContentHash}
			if d.Rendition != nil {
				p.DocumentSHA256 = d.Rendition.SHA256
			}
			return p
		}),
	of("invoice.reference_corrected", "portico.invoice.corrected.v1", Owner, "An invoice's reference, description, site or main contact was corrected. The customer sees it once that is published.",
		func(e envelope.Event, _ invoice.ReferenceCorrected) InvoiceCorrected {
			return InvoiceCorrected{about(e)}
		}),
	of("invoice.restated", "portico.invoice.restated.v1", Owner, "The system that an invoice was imported from has changed it. The customer sees it once that is published.",
		func(e envelope.Event, d invoice.Restated) InvoiceRestated {
			return InvoiceRestated{invoiceOf(e, d.Document), d.Version, d.RestatedOn}
		}),
	some("invoice.assigned", "portico.invoice.assigned.v1", Customer, "An invoice that was nobody's is a customer's now. The customer is told only of one that is published.",
		func(e envelope.Event, d invoice.Assigned) (*InvoiceAssigned, Audience) {
			p := &InvoiceAssigned{invoiceOf(e, d.Document), d.Published, d.Disputed}
			if d.Published {
				return p, Customer
			}
			return p, Owner
		}),
	of("invoice.dispute_opened", "portico.invoice.dispute_opened.v1", CustomerIfPublished, "A customer contests an invoice, or part of it. The words are for the API to say.",
		func(e envelope.Event, d invoice.DisputeOpened) InvoiceDisputed {
			return InvoiceDisputed{about(e), (*Amount)(d.Amount)}
		}),
	of("invoice.dispute_resolved", "portico.invoice.dispute_resolved.v1", CustomerIfPublished, "The dispute about an invoice is over.",
		func(e envelope.Event, _ invoice.DisputeResolved) InvoiceEvent { return InvoiceEvent{about(e)} }),
	some("invoice.voided", "portico.invoice.voided.v1", CustomerIfPublished, "An issued invoice counts no more.",
		func(e envelope.Event, d invoice.Voided) (*InvoiceEvent, Audience) {
			if !d.WasIssued {
				return nil, Owner // a draft was nothing yet
			}
			return &InvoiceEvent{about(e)}, CustomerIfPublished
		}),
	of("account.invoice_written_off", "portico.invoice.written_off.v1", Owner, "What was left of an invoice is not expected any more.",
		func(_ envelope.Event, d account.InvoiceWrittenOff) InvoiceWrittenOff {
			return InvoiceWrittenOff{d.InvoiceID, Amount(d.Amount), d.On}
		}),
	of("account.write_off_reversed", "portico.invoice.write_off_reversed.v1", Owner, "Money came for what had been written off: it is owed again.",
		func(_ envelope.Event, d account.WriteOffReversed) InvoiceReopened {
			return InvoiceReopened{d.InvoiceID, Amount(d.Amount), Amount(d.Open), d.On}
		}),
}

func invoiceOf(e envelope.Event, d invoice.Document) Invoice {
	return Invoice{
		InvoiceID: about(e), Number: d.Number, Kind: d.Kind, Party: Party(d.Party), IssuedOn: d.IssuedOn, DueOn: d.DueOn,
		Totals:   totals(d.Currency, len(d.Lines), d.Totals),
		Withheld: optional(domain.Money{Minor: d.Withheld, Currency: d.Currency}),
		Retained: optional(domain.Money{Minor: d.Retained, Currency: d.Currency}),
		Payable:  Amount(d.Payable()), Source: sourceOf(d.Source),
	}
}
