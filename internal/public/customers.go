package public

import (
	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/importrun"
	"portico/internal/envelope"
)

// CustomerRegistered is the data of portico.customer.registered.v1.
type CustomerRegistered struct {
	CustomerID uuid.UUID  `json:"customer_id"`
	Number     string     `json:"number" doc:"The business's own number for it"`
	ParentID   *uuid.UUID `json:"parent_id,omitempty" doc:"The next customer up the tree"`
	CustomerTerms
}

// CustomerTerms are what documents for a customer start from.
type CustomerTerms struct {
	Kind      string     `json:"kind" doc:"account, consumer or parent"`
	Country   string     `json:"country,omitempty"`
	Currency  string     `json:"currency,omitempty" doc:"ISO 4217; absent: the business's"`
	TermsDays int        `json:"terms_days" doc:"Days from issue to due date"`
	BranchID  *uuid.UUID `json:"branch_id,omitempty"`
}

// CustomerChanged is the data of portico.customer.changed.v1.
type CustomerChanged struct {
	CustomerID uuid.UUID `json:"customer_id"`
	CustomerTerms
}

// CustomerMoved is the data of portico.customer.moved.v1.
type CustomerMoved struct {
	CustomerID  uuid.UUID  `json:"customer_id"`
	OldParentID *uuid.UUID `json:"old_parent_id,omitempty"`
	NewParentID *uuid.UUID `json:"new_parent_id,omitempty" doc:"Absent: it is at the top of a tree now"`
}

// CustomerPortal is the data of portico.customer.portal_switched.v1.
type CustomerPortal struct {
	CustomerID uuid.UUID `json:"customer_id"`
	On         bool      `json:"on"`
}

// CustomerMerged is the data of portico.customer.merged.v1.
type CustomerMerged struct {
	CustomerID uuid.UUID `json:"customer_id"`
	SurvivorID uuid.UUID `json:"survivor_id" doc:"The customer that it goes on as"`
}

// CustomerClosed is the data of portico.customer.closed.v1.
type CustomerClosed struct {
	CustomerID uuid.UUID `json:"customer_id"`
}

// Contact is the data of portico.contact.added.v1 and portico.contact.changed.v1.
type Contact struct {
	ContactID  uuid.UUID `json:"contact_id"`
	CustomerID uuid.UUID `json:"customer_id"`
	IsPrimary  bool      `json:"is_primary" doc:"The customer's main contact"`
}

// ContactRemoved is the data of portico.contact.removed.v1.
type ContactRemoved struct {
	ContactID  uuid.UUID `json:"contact_id"`
	CustomerID uuid.UUID `json:"customer_id"`
}

// ImportFinished is the data of portico.import.finished.v1.
type ImportFinished struct {
	ImportID     uuid.UUID `json:"import_id"`
	Rows         int64     `json:"rows"`
	Documents    int64     `json:"documents"`
	RejectedRows int64     `json:"rejected_rows"`
}

var customerKinds = []Kind{
	of("customer.registered", "portico.customer.registered.v1", Owner, "A customer was registered.",
		func(e envelope.Event, d customer.Registered) CustomerRegistered {
			return CustomerRegistered{about(e), d.Number, d.ParentID, terms(d.Details)}
		}),
	of("customer.details_changed", "portico.customer.changed.v1", Owner, "A customer's name or terms were changed; the name is for the API to say.",
		func(e envelope.Event, d customer.DetailsChanged) CustomerChanged {
			return CustomerChanged{about(e), terms(d.Details)}
		}),
	of("customer.reparented", "portico.customer.moved.v1", Owner, "A customer was moved in the tree of customers.",
		func(e envelope.Event, d customer.Reparented) CustomerMoved {
			return CustomerMoved{about(e), d.OldParentID, d.NewParentID}
		}),
	of("customer.portal_switched", "portico.customer.portal_switched.v1", Owner, "The portal was opened or shut to all of a customer's contacts.",
		func(e envelope.Event, d customer.PortalSwitched) CustomerPortal {
			return CustomerPortal{about(e), d.On}
		}),
	of("customer.merged", "portico.customer.merged.v1", Owner, "A customer goes on as another. Its documents stay where they are.",
		func(e envelope.Event, d customer.Merged) CustomerMerged {
			return CustomerMerged{about(e), d.SurvivorID}
		}),
	of("customer.closed", "portico.customer.closed.v1", Owner, "A customer was closed: no new documents are for it.",
		func(e envelope.Event, _ customer.Closed) CustomerClosed { return CustomerClosed{about(e)} }),
	of("contact.added", "portico.contact.added.v1", Owner, "A person became a contact of a customer.",
		func(e envelope.Event, d contact.Added) Contact { return Contact{about(e), d.CustomerID, d.IsPrimary} }),
	of("contact.details_changed", "portico.contact.changed.v1", Owner, "A contact's details were changed; they are for the API to say.",
		func(e envelope.Event, d contact.DetailsChanged) Contact {
			return Contact{about(e), d.CustomerID, d.IsPrimary}
		}),
	of("contact.removed", "portico.contact.removed.v1", Owner, "A person is a contact no more.",
		func(e envelope.Event, d contact.Removed) ContactRemoved {
			return ContactRemoved{about(e), d.CustomerID}
		}),
}

var importKinds = []Kind{
	of("import.finished", "portico.import.finished.v1", Owner, "A file was imported: every row of it is accounted for.",
		func(e envelope.Event, d importrun.Finished) ImportFinished {
			return ImportFinished{about(e), d.Rows, d.Documents, d.RejectedRows}
		}),
}

// about is the aggregate whose event it is.
func about(e envelope.Event) uuid.UUID { return e.Stream.AggregateID() }

func terms(d customer.Details) CustomerTerms {
	t := CustomerTerms{Kind: d.Kind, Country: d.Country, Currency: d.Currency, TermsDays: d.TermsDays}
	if d.BranchID != uuid.Nil {
		t.BranchID = &d.BranchID
	}
	return t
}
