package projections

import (
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var (
	creditMemos     = engine.NewTable[docKey, creditRow]("credit_memos")
	creditMemoLines = engine.NewTable[docKey, linesRow]("credit_memo_lines")
)

// creditRow is a credit memo. Of Amount, Unapplied is still credit.
type creditRow struct {
	Tenant     string    `db:"tenant,key"`
	ID         uuid.UUID `db:"id,key"`
	CustomerID uuid.UUID `db:"customer_id"`
	Number     string    `db:"number"`
	Kind       string    `db:"kind"`
	Placed
	IssuedOn       domain.Date `db:"issued_on"`
	AgainstInvoice *uuid.UUID  `db:"against_invoice"`
	Description    string      `db:"description"`
	Currency       string      `db:"currency"`
	Net            int64       `db:"net"`
	Amount         int64       `db:"amount"`
	Unapplied      int64       `db:"unapplied"`
	Refunded       int64       `db:"refunded"` // sent back to the customer, or to another account
	Posted         bool        `db:"posted"`
	Voided         bool        `db:"voided"`
	Drawn          int         `db:"drawn"` // as an invoice's
	SourceSystem   string      `db:"source_system"`
	SourceID       string      `db:"source_id"`
	Search         string      `db:"search"`
	RecordedAt     time.Time   `db:"recorded_at"`
}

// applyCreditMemo keeps documents that have a customer, and what the account says of
// them.
func applyCreditMemo(b *engine.Batch, e envelope.Event) error {
	if ofNobody(e) {
		return nil
	}
	switch d := e.Data.(type) {
	case creditmemo.Issued:
		return newCreditMemo(b, e, d.Document)
	case creditmemo.Assigned:
		return newCreditMemo(b, e, d.Document)
	case creditmemo.Restated:
		if c := creditMemos.Get(b, about(e)); c != nil && d.CustomerID != nil {
			c.describe(d.Document)
			if !c.Posted {
				c.Amount, c.Unapplied = d.Gross, d.Gross
			}
			return putLines(b, creditMemoLines, about(e), d.Lines, d.Tax)
		}
	case creditmemo.Voided:
		if c := creditMemos.Get(b, about(e)); c != nil {
			c.Voided = true
		}
	case account.CreditPosted:
		if c := creditMemos.Get(b, ledgerOf(e).doc(d.CreditID)); c != nil {
			c.Posted, c.Amount, c.Unapplied = true, d.Amount.Minor, d.Amount.Minor
		}
	case account.CreditAdjusted:
		if c := creditMemos.Get(b, ledgerOf(e).doc(d.CreditID)); c != nil {
			c.Amount, c.Unapplied = d.Amount.Minor, d.Unapplied.Minor
		}
	case account.CreditReversed:
		if c := creditMemos.Get(b, ledgerOf(e).doc(d.CreditID)); c != nil {
			c.Unapplied, c.Voided = c.Unapplied-d.Amount.Minor, true // the document follows
		}
	}
	return nil
}

func newCreditMemo(b *engine.Batch, e envelope.Event, d creditmemo.Document) error {
	if d.CustomerID == nil {
		return nil
	}
	k := about(e)
	row := creditRow{Tenant: k.Tenant, ID: k.ID, CustomerID: *d.CustomerID, Amount: d.Gross, Unapplied: d.Gross, RecordedAt: e.At}
	row.describe(d)
	creditMemos.Put(b, row)
	return putLines(b, creditMemoLines, k, d.Lines, d.Tax)
}

func (c *creditRow) describe(d creditmemo.Document) {
	c.Number, c.Kind, c.Placed = d.Number, d.Kind, placed(d.Party)
	c.IssuedOn, c.AgainstInvoice, c.Description = d.IssuedOn, d.AgainstInvoice, d.Description
	c.Currency, c.Net = d.Currency, d.Net
	c.SourceSystem, c.SourceID = sourceOf(d.Source)
	c.Search = lowered(c.Number, c.Description)
}

func (c creditRow) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: c.Currency}
}

// status is derived, as an invoice's is.
func (c creditRow) status() string {
	switch {
	case c.Voided:
		return statusVoid
	case c.Amount == 0:
		return statusSettled
	case c.Unapplied == 0:
		return "applied"
	case c.Unapplied < c.Amount:
		return "part_applied"
	}
	return statusOpen
}
