package projections

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var documents = engine.NewTable[documentKey, documentRow]("documents")

type documentKey struct {
	Tenant string
	ID     uuid.UUID
	Type   string
}

// documentRow is a document that is on no account: a draft, or nobody's yet. It goes when
// it is issued to, or assigned to, a customer: the portal group has it then.
type documentRow struct {
	Tenant     string     `db:"tenant,key"`
	ID         uuid.UUID  `db:"id,key"`
	Type       string     `db:"type,key"` // invoice, credit_memo
	State      string     `db:"state"`    // draft, unassigned, void
	Number     string     `db:"number"`
	Kind       string     `db:"kind"`
	CustomerID *uuid.UUID `db:"customer_id"` // of a draft
	Placed
	IssuedOn     domain.Date     `db:"issued_on"`
	DueOn        domain.Date     `db:"due_on"`
	Description  string          `db:"description"`
	Reference    string          `db:"reference"`
	Currency     string          `db:"currency"`
	Net          int64           `db:"net"`
	Gross        int64           `db:"gross"`
	Payable      int64           `db:"payable"`
	Published    bool            `db:"published"`
	Disputed     bool            `db:"disputed"`
	SourceSystem string          `db:"source_system"`
	SourceID     string          `db:"source_id"`
	Search       string          `db:"search"`
	Lines        json.RawMessage `db:"lines"`
	Tax          json.RawMessage `db:"tax"`
	Draft        json.RawMessage `db:"draft"` // as it was written, of a draft
	RecordedAt   time.Time       `db:"recorded_at"`
}

const (
	typeInvoice = "invoice"
	typeCredit  = "credit_memo"
	unassigned  = "unassigned"
)

func applyDocument(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case invoice.Drafted:
		return draftInvoice(b, e, d)
	case invoice.Issued:
		return looseInvoice(b, e, d.Document)
	case invoice.Restated:
		return looseInvoice(b, e, d.Document)
	case invoice.Assigned:
		documents.Delete(b, documentOf(e, typeInvoice))
	case invoice.Published:
		if d.CustomerID == nil {
			change(b, e, typeInvoice, func(r *documentRow) { r.Published = true })
		}
	case invoice.ReferenceCorrected:
		change(b, e, typeInvoice, func(r *documentRow) {
			r.Reference, r.Description = d.Reference, d.Description
			r.SiteID, r.PrimaryContactID = d.SiteID, d.PrimaryContactID
			r.Search = lowered(r.Number, r.Description, r.Reference)
		})
	case invoice.DisputeOpened:
		change(b, e, typeInvoice, func(r *documentRow) { r.Disputed = true })
	case invoice.DisputeResolved:
		change(b, e, typeInvoice, func(r *documentRow) { r.Disputed = false })
	case invoice.Voided:
		change(b, e, typeInvoice, func(r *documentRow) { r.State, r.Disputed = statusVoid, false })
	case creditmemo.Issued:
		return looseCredit(b, e, d.Document)
	case creditmemo.Restated:
		return looseCredit(b, e, d.Document)
	case creditmemo.Assigned:
		documents.Delete(b, documentOf(e, typeCredit))
	case creditmemo.Voided:
		change(b, e, typeCredit, func(r *documentRow) { r.State = statusVoid })
	}
	return nil
}

func documentOf(e envelope.Event, kind string) documentKey {
	return documentKey{e.Meta.Tenant, e.Stream.AggregateID(), kind}
}

func change(b *engine.Batch, e envelope.Event, kind string, edit func(*documentRow)) {
	if r := documents.Get(b, documentOf(e, kind)); r != nil {
		edit(r)
	}
}

// draftInvoice keeps a draft with what its totals would be, were it issued as it is.
func draftInvoice(b *engine.Batch, e envelope.Event, d invoice.Drafted) (err error) {
	k := documentOf(e, typeInvoice)
	row := documentRow{Tenant: k.Tenant, ID: k.ID, Type: k.Type, State: statusDraft, Number: d.Number, Kind: d.Kind,
		CustomerID: d.CustomerID, Placed: placed(d.Party), IssuedOn: d.IssuedOn, DueOn: d.DueOn,
		Description: d.Description, Reference: d.Reference, Currency: d.Currency, RecordedAt: e.At}
	if row.Kind == "" {
		row.Kind = typeInvoice
	}
	if row.IssuedOn.Check() != nil {
		row.IssuedOn = domain.DateOf(e.At.UTC())
	}
	if row.DueOn.Check() != nil {
		row.DueOn = ""
	}
	row.Search = lowered(row.Number, row.Description, row.Reference)
	lines, totals, incomplete := d.Calculation.Defaulted().Total(d.Lines, d.Given)
	if incomplete != nil {
		lines, totals = []domain.Line{}, domain.Totals{}
		for _, in := range d.Lines {
			lines = append(lines, domain.Line{SKU: in.SKU, Text: in.Text, Quantity: in.Quantity, UnitPrice: in.UnitPrice,
				Discount: in.Discount, TaxCode: in.TaxCode, TaxRate: in.TaxRate})
		}
	}
	row.Net, row.Gross, row.Payable = totals.Net, totals.Gross, totals.Gross-d.Withheld-d.Retained
	if row.Lines, row.Tax, err = linesJSON(lines, totals.Tax); err != nil {
		return err
	}
	if row.Draft, err = json.Marshal(invoice.Draft(d)); err != nil {
		return err
	}
	documents.Put(b, row)
	return nil
}

// looseInvoice keeps an issued invoice while it is nobody's.
func looseInvoice(b *engine.Batch, e envelope.Event, d invoice.Document) (err error) {
	k := documentOf(e, typeInvoice)
	if d.CustomerID != nil {
		documents.Delete(b, k) // the draft, if there was one
		return nil
	}
	row := documentRow{Tenant: k.Tenant, ID: k.ID, Type: k.Type, State: unassigned, Number: d.Number, Kind: d.Kind,
		Placed: placed(d.Party), IssuedOn: d.IssuedOn, DueOn: d.DueOn, Description: d.Description,
		Reference: d.Reference, Currency: d.Currency, Net: d.Net, Gross: d.Gross, Payable: d.Payable().Minor, RecordedAt: e.At}
	row.SourceSystem, row.SourceID = sourceOf(d.Source)
	row.Search = lowered(row.Number, row.Description, row.Reference)
	if row.Lines, row.Tax, err = linesJSON(d.Lines, d.Tax); err != nil {
		return err
	}
	putDocument(b, k, row)
	return nil
}

// looseCredit keeps a credit memo while it is nobody's.
func looseCredit(b *engine.Batch, e envelope.Event, d creditmemo.Document) (err error) {
	if d.CustomerID != nil {
		return nil
	}
	k := documentOf(e, typeCredit)
	row := documentRow{Tenant: k.Tenant, ID: k.ID, Type: k.Type, State: unassigned, Number: d.Number, Kind: d.Kind,
		Placed: placed(d.Party), IssuedOn: d.IssuedOn, Description: d.Description,
		Currency: d.Currency, Net: d.Net, Gross: d.Gross, Payable: d.Gross, RecordedAt: e.At}
	row.SourceSystem, row.SourceID = sourceOf(d.Source)
	row.Search = lowered(row.Number, row.Description)
	if row.Lines, row.Tax, err = linesJSON(d.Lines, d.Tax); err != nil {
		return err
	}
	putDocument(b, k, row)
	return nil
}

// putDocument replaces what a document says, not what was done to it.
func putDocument(b *engine.Batch, k documentKey, row documentRow) {
	if was := documents.Get(b, k); was != nil && was.State != statusDraft {
		row.Published, row.Disputed, row.RecordedAt = was.Published, was.Disputed, was.RecordedAt
	}
	documents.Put(b, row)
}
