package projections

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var (
	invoices     = engine.NewTable[docKey, invoiceRow]("invoices")
	invoiceLines = engine.NewTable[docKey, linesRow]("invoice_lines")
)

// invoiceRow is something owed: an invoice, an adjustment, or a charge of the account.
// Of Payable, Open is still owed; the rest was Paid, Credited or WrittenOff.
type invoiceRow struct {
	Tenant     string    `db:"tenant,key"`
	ID         uuid.UUID `db:"id,key"`
	CustomerID uuid.UUID `db:"customer_id"`
	Number     string    `db:"number"`
	Kind       string    `db:"kind"`
	Placed
	IssuedOn     domain.Date `db:"issued_on"`
	DueOn        domain.Date `db:"due_on"`
	Description  string      `db:"description"`
	Reference    string      `db:"reference"`
	Currency     string      `db:"currency"`
	Net          int64       `db:"net"`
	Gross        int64       `db:"gross"`
	LinesTotal   int64       `db:"lines_total"`
	Differs      bool        `db:"totals_differ"`
	Withheld     int64       `db:"withheld"`
	Retained     int64       `db:"retained"`
	Payable      int64       `db:"payable"`
	Open         int64       `db:"open"`
	Paid         int64       `db:"paid"`
	Credited     int64       `db:"credited"`
	WrittenOff   int64       `db:"written_off"`
	ChargedBack  int64       `db:"charged_back"` // of what had paid it, while the bank decides (E7)
	Posted       bool        `db:"posted"`       // the account has it; until then nothing can pay it
	Published    bool        `db:"published"`
	PublishedHi  uint64      `db:"published_hi"` // where in the log: what a contact could not see before
	PublishedLo  uint64      `db:"published_lo"`
	ContentHash  string      `db:"content_hash"`
	Drawn        int         `db:"drawn"` // the version whose file is given out; 0: none yet
	Voided       bool        `db:"voided"`
	Disputed     bool        `db:"disputed"`
	DisputeText  string      `db:"dispute_text"`
	DisputeMinor int64       `db:"dispute_minor"` // 0: all of it
	SourceSystem string      `db:"source_system"`
	SourceID     string      `db:"source_id"`
	Search       string      `db:"search"`
	RecordedAt   time.Time   `db:"recorded_at"`
	// Rendition is what contacts see instead, while a later version is not published.
	Rendition json.RawMessage `db:"rendition"`
}

// linesRow is the part of a document that lists do not need.
type linesRow struct {
	Tenant string          `db:"tenant,key"`
	ID     uuid.UUID       `db:"id,key"`
	Lines  json.RawMessage `db:"lines"`
	Tax    json.RawMessage `db:"tax"`
}

// applyInvoice keeps what the documents say. Documents of nobody are the staff group's,
// until they are assigned; drafts too.
func applyInvoice(b *engine.Batch, e envelope.Event) error {
	if ofNobody(e) {
		return nil
	}
	switch d := e.Data.(type) {
	case invoice.Issued:
		return newInvoice(b, e, d.Document, false)
	case invoice.Assigned:
		return assignInvoice(b, e, d)
	case invoice.Restated:
		return restateInvoice(b, e, d.Document)
	case invoice.Published:
		if d.CustomerID == nil {
			return nil
		}
		if i := invoices.Get(b, about(e)); i != nil {
			i.publish(e)
			i.ContentHash, i.Rendition = d.ContentHash, nil
		}
	case invoice.ReferenceCorrected:
		return correctInvoice(b, e, d)
	case invoice.DisputeOpened:
		if i := invoices.Get(b, about(e)); i != nil {
			i.contest(d.Text, d.Amount)
		}
	case invoice.DisputeResolved:
		if i := invoices.Get(b, about(e)); i != nil {
			i.Disputed, i.DisputeText, i.DisputeMinor = false, "", 0
		}
	case invoice.Voided:
		if i := invoices.Get(b, about(e)); i != nil {
			i.Voided, i.Disputed, i.DisputeText, i.DisputeMinor = true, false, "", 0
		}
	}
	return nil
}

func (i *invoiceRow) publish(e envelope.Event) {
	if !i.Published {
		i.Published, i.PublishedHi, i.PublishedLo = true, e.Pos.Hi, e.Pos.Lo
	}
}

// contest keeps a dispute over a part, or over all of it.
func (i *invoiceRow) contest(text string, part *domain.Money) {
	i.Disputed, i.DisputeText, i.DisputeMinor = true, text, 0
	if part != nil {
		i.DisputeMinor = part.Minor
	}
}

// newInvoice adds a document that has a customer. It is owed from its issue on, although
// its posting follows a moment later.
func newInvoice(b *engine.Batch, e envelope.Event, d invoice.Document, published bool) error {
	if d.CustomerID == nil {
		return nil
	}
	k := about(e)
	row := invoiceRow{Tenant: k.Tenant, ID: k.ID, CustomerID: *d.CustomerID, RecordedAt: e.At}
	row.describe(d)
	row.Payable, row.Open = d.Payable().Minor, d.Payable().Minor
	if published {
		row.publish(e)
	}
	invoices.Put(b, row)
	return putLines(b, invoiceLines, k, d.Lines, d.Tax)
}

// assignInvoice adds what was nobody's, disputed as it is.
func assignInvoice(b *engine.Batch, e envelope.Event, d invoice.Assigned) error {
	err := newInvoice(b, e, d.Document, d.Published)
	if i := invoices.Get(b, about(e)); i != nil && d.Disputed {
		i.contest(d.DisputeText, d.DisputeAmount)
	}
	return err
}

func correctInvoice(b *engine.Batch, e envelope.Event, d invoice.ReferenceCorrected) error {
	i := invoices.Get(b, about(e))
	if i == nil {
		return nil
	}
	err := i.freeze(b)
	i.Reference, i.Description = d.Reference, d.Description
	i.SiteID, i.PrimaryContactID = d.SiteID, d.PrimaryContactID
	i.Search = lowered(i.Number, i.Description, i.Reference)
	return err
}

// restateInvoice replaces what a document says. What is owed follows from the account.
func restateInvoice(b *engine.Batch, e envelope.Event, d invoice.Document) error {
	if d.CustomerID == nil {
		return nil
	}
	i := invoices.Get(b, about(e))
	if i == nil {
		return nil
	}
	if err := i.freeze(b); err != nil {
		return err
	}
	i.describe(d)
	if !i.Posted {
		i.Payable, i.Open = d.Payable().Minor, d.Payable().Minor
	}
	return putLines(b, invoiceLines, about(e), d.Lines, d.Tax)
}

func (i *invoiceRow) describe(d invoice.Document) {
	i.Number, i.Kind, i.Placed = d.Number, d.Kind, placed(d.Party)
	i.IssuedOn, i.DueOn, i.Description, i.Reference = d.IssuedOn, d.DueOn, d.Description, d.Reference
	i.Currency, i.Net, i.Gross, i.LinesTotal = d.Currency, d.Net, d.Gross, d.LinesTotal
	i.Differs, i.Withheld, i.Retained = d.Differs(d.PricesIncludeTax), d.Withheld, d.Retained
	i.SourceSystem, i.SourceID = sourceOf(d.Source)
	i.Search = lowered(i.Number, i.Description, i.Reference)
}

func sourceOf(s *domain.Source) (system, id string) {
	if s == nil {
		return "", ""
	}
	return s.System, s.ExternalID
}

func putLines(b *engine.Batch, table *engine.Table[docKey, linesRow], k docKey, lines []domain.Line, tax []domain.TaxLine) error {
	row := linesRow{Tenant: k.Tenant, ID: k.ID}
	var err error
	if row.Lines, row.Tax, err = linesJSON(lines, tax); err != nil {
		return err
	}
	table.Put(b, row)
	return nil
}

func linesJSON(lines []domain.Line, tax []domain.TaxLine) (l, t json.RawMessage, err error) {
	if tax == nil {
		tax = []domain.TaxLine{}
	}
	if l, err = json.Marshal(lines); err == nil {
		t, err = json.Marshal(tax)
	}
	return l, t, err
}

// applyInvoiceMoney keeps what the account says of an item, in the account's own numbers.
func applyInvoiceMoney(b *engine.Batch, e envelope.Event) error {
	item := func(id uuid.UUID) *invoiceRow {
		if i := invoices.Get(b, ledgerOf(e).doc(id)); i != nil {
			return i
		}
		return new(invoiceRow) // not loaded yet: whatever is written to it is lost, and nothing is
	}
	switch d := e.Data.(type) {
	case account.InvoicePosted:
		i := item(d.InvoiceID)
		i.Posted, i.Payable, i.Open = true, d.Payable.Minor, d.Payable.Minor
	case account.InvoiceAdjusted:
		i := item(d.InvoiceID)
		i.Payable, i.Open = d.Payable.Minor, d.Open.Minor
	case account.InvoiceReversed:
		i := item(d.InvoiceID)
		i.Open, i.Voided = 0, true // the document follows
	case account.InvoiceWrittenOff:
		i := item(d.InvoiceID)
		i.Open, i.WrittenOff = i.Open-d.Amount.Minor, i.WrittenOff+d.Amount.Minor
	case account.WriteOffReversed:
		i := item(d.InvoiceID)
		i.Open, i.WrittenOff = d.Open.Minor, i.WrittenOff-d.Amount.Minor
	case account.PaymentAllocated:
		i := item(d.InvoiceID)
		i.Open, i.Paid = d.Open.Minor, i.Paid+d.Amount.Minor
	case account.PaymentDeallocated:
		i := item(d.InvoiceID)
		i.Open, i.Paid = d.Open.Minor, i.Paid-d.Amount.Minor
	case account.CreditApplied:
		i := item(d.InvoiceID)
		i.Open, i.Credited = d.Open.Minor, i.Credited+d.Amount.Minor
	case account.CreditUnapplied:
		i := item(d.InvoiceID)
		i.Open, i.Credited = d.Open.Minor, i.Credited-d.Amount.Minor
	case account.ChargePosted:
		newCharge(b, e, d.ChargeID, d.Number, d.Kind, d.Amount, d.On)
	case account.PaymentFailed:
		newShortfall(b, e, d.PaymentID, d.ChargeID, d.Shortfall, d.On)
	case account.PaymentReversed:
		newShortfall(b, e, d.PaymentID, d.ChargeID, d.Shortfall, d.On)
	case account.CreditAdjusted:
		newShortfall(b, e, d.CreditID, d.ChargeID, d.Shortfall, d.On)
	case account.ChargebackOpened:
		newShortfall(b, e, d.PaymentID, d.ChargeID, d.Shortfall, d.On)
		for _, a := range d.Released {
			item(a.InvoiceID).ChargedBack += a.Amount.Minor
		}
	case account.ChargebackReversed:
		for _, a := range d.Released {
			item(a.InvoiceID).ChargedBack -= a.Amount.Minor
		}
	case account.ChargebackLost:
		for _, a := range d.Released {
			item(a.InvoiceID).ChargedBack -= a.Amount.Minor
		}
	}
	return nil
}

// newCharge adds what is owed without a document, due at once and seen at once.
func newCharge(b *engine.Batch, e envelope.Event, id uuid.UUID, number, description string, amount domain.Money, on domain.Date) {
	at := ledgerOf(e)
	row := invoiceRow{
		Tenant: at.Tenant, ID: id, CustomerID: at.CustomerID, Currency: at.Currency,
		Number: number, Kind: "charge", Description: description, IssuedOn: on, DueOn: on,
		Net: amount.Minor, Gross: amount.Minor, LinesTotal: amount.Minor, Payable: amount.Minor, Open: amount.Minor,
		Posted: true, Search: lowered(number, description), RecordedAt: e.At,
	}
	row.publish(e)
	invoices.Put(b, row)
}

// newShortfall adds the charge for money that was taken back after it had been spent.
func newShortfall(b *engine.Batch, e envelope.Event, payment uuid.UUID, charge *uuid.UUID, shortfall domain.Money, on domain.Date) {
	if charge != nil {
		newCharge(b, e, *charge, "returned "+payment.String()[:8], "returned_payment", shortfall, on)
	}
}
