package public

import (
	"slices"

	"portico/domain/access"
)

// A stripper is what an event says that holds fields which a business may hide from its
// customers. What is hidden is absent, or empty.
type stripper interface{ strip(h hidden) any }

type hidden []access.Field

func (h hidden) has(entity, name string) bool {
	return slices.Contains(h, access.Field{Entity: entity, Name: name})
}

// Without is the event as a customer's system is told of it: without the fields that the
// business hides from its customers (S1.41).
func (e Event) Without(fields []access.Field) Event {
	if d, ok := e.Data.(stripper); ok {
		e.Data = d.strip(fields)
	}
	return e
}

func (p Party) without(h hidden, entity string) Party {
	if h.has(entity, "branch") {
		p.BranchID = nil
	}
	if h.has(entity, "contractor") {
		p.ContractorID = nil
	}
	if h.has(entity, "site") {
		p.SiteID = nil
	}
	if h.has(entity, "primary_contact") {
		p.PrimaryContactID = nil
	}
	return p
}

func (d InvoiceAssigned) strip(h hidden) any {
	d.Party = d.Party.without(h, "invoice")
	return d
}

func (d CreditMemo) strip(h hidden) any {
	d.Party = d.Party.without(h, "credit_memo")
	return d
}

func (d PaymentInitiated) strip(h hidden) any {
	if h.has("payment", "method") {
		d.Method = ""
	}
	return d
}

func (d PaymentReceived) strip(h hidden) any {
	if h.has("payment", "method") {
		d.Method = ""
	}
	return d
}
