package projections

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var (
	accounts = engine.NewTable[accountKey, accountRow]("accounts")
	entries  = engine.NewTable[logKey, entryRow]("entries")
)

// accountRow says that a customer has an account in a currency.
type accountRow struct {
	Tenant     string    `db:"tenant,key"`
	CustomerID uuid.UUID `db:"customer_id,key"`
	Currency   string    `db:"currency,key"`
}

// entryRow is one entry of the ledger. Insert-only: balances as of any date, and
// statements as of any position, are sums of these.
type entryRow struct {
	PosHi      uint64      `db:"pos_hi,key"`
	PosLo      uint64      `db:"pos_lo,key"`
	Tenant     string      `db:"tenant"`
	CustomerID uuid.UUID   `db:"customer_id"`
	Currency   string      `db:"currency"`
	On         domain.Date `db:"on_date"`
	Kind       string      `db:"kind"`
	RefID      uuid.UUID   `db:"ref_id"`
	Number     string      `db:"number"`
	ItemID     *uuid.UUID  `db:"item_id"`
	FundID     *uuid.UUID  `db:"fund_id"`
	Open       int64       `db:"open_delta"`
	Unapplied  int64       `db:"unapplied_delta"`
	Line       bool        `db:"line"` // on statements
	RecordedAt time.Time   `db:"recorded_at"`
}

// effect is what an event of an account did to money: what it made open of an item, and
// what it made unapplied of a fund.
type effect struct {
	kind            string // of the line on a statement; "" for what only moves within the account
	on              domain.Date
	item, fund      *uuid.UUID
	open, unapplied int64
}

// effectOf reads an effect off an event; ok is false for events that move nothing. The
// amounts are the event's own (I4): nothing is decided here.
func effectOf(e envelope.Event) (f effect, ok bool) {
	if f, ok = itemEffect(e.Data); ok {
		return f, true
	}
	if f, ok = fundEffect(e.Data); ok {
		return f, true
	}
	return allocationEffect(e.Data)
}

func itemEffect(data any) (effect, bool) {
	switch d := data.(type) {
	case account.InvoicePosted:
		return effect{"invoice", d.On, &d.InvoiceID, nil, d.Payable.Minor, 0}, true
	case account.InvoiceAdjusted:
		return effect{"invoice_adjusted", d.On, &d.InvoiceID, nil, d.Difference.Minor, 0}, true
	case account.InvoiceReversed:
		return effect{"invoice_voided", d.On, &d.InvoiceID, nil, -d.Amount.Minor, 0}, true
	case account.InvoiceWrittenOff:
		return effect{"written_off", d.On, &d.InvoiceID, nil, -d.Amount.Minor, 0}, true
	case account.WriteOffReversed:
		return effect{"write_off_reversed", d.On, &d.InvoiceID, nil, d.Amount.Minor, 0}, true
	case account.ChargePosted:
		return effect{"charge", d.On, &d.ChargeID, nil, d.Amount.Minor, 0}, true
	}
	return effect{}, false
}

func fundEffect(data any) (effect, bool) {
	switch d := data.(type) {
	case account.CreditPosted:
		return effect{"credit_memo", d.On, nil, &d.CreditID, 0, d.Amount.Minor}, true
	case account.CreditAdjusted:
		less := domain.Money{Minor: -d.Difference.Minor, Currency: d.Difference.Currency}
		return takenBack("credit_memo_adjusted", d.On, d.CreditID, d.ChargeID, less, d.Shortfall), true
	case account.CreditReversed:
		return effect{"credit_memo_voided", d.On, nil, &d.CreditID, 0, -d.Amount.Minor}, true
	case account.PaymentReceived:
		return effect{"payment", d.On, nil, &d.PaymentID, 0, d.Amount.Minor}, true
	case account.PaymentFailed:
		return takenBack("payment_failed", d.On, d.PaymentID, d.ChargeID, d.Amount, d.Shortfall), true
	case account.PaymentReversed:
		return takenBack("payment_reversed", d.On, d.PaymentID, d.ChargeID, d.Amount, d.Shortfall), true
	case account.ChargebackOpened:
		return takenBack("chargeback", d.On, d.PaymentID, d.ChargeID, d.Amount, d.Shortfall), true
	case account.ChargebackReversed:
		return effect{"chargeback_won", d.On, nil, &d.PaymentID, 0, d.Amount.Minor}, true
	case account.RefundRequested:
		return effect{"refund", d.On, nil, &d.FundID, 0, -d.Amount.Minor}, true
	case account.RefundFailed:
		return effect{"refund_failed", d.On, nil, &d.FundID, 0, d.Amount.Minor}, true
	case account.UnappliedTransferredOut:
		return effect{"transfer_out", d.On, nil, &d.FundID, 0, -d.Amount.Minor}, true
	case account.UnappliedTransferredIn:
		return effect{"transfer_in", d.On, nil, &d.TransferID, 0, d.Amount.Minor}, true
	}
	return effect{}, false
}

// takenBack is a debit of amount: the shortfall is owed again, under charge.
func takenBack(kind string, on domain.Date, fund uuid.UUID, charge *uuid.UUID, amount, shortfall domain.Money) effect {
	return effect{kind, on, charge, &fund, shortfall.Minor, shortfall.Minor - amount.Minor}
}

func allocationEffect(data any) (effect, bool) {
	switch d := data.(type) {
	case account.PaymentAllocated:
		return effect{"", d.On, &d.InvoiceID, &d.PaymentID, -d.Amount.Minor, -d.Amount.Minor}, true
	case account.PaymentDeallocated:
		return effect{"", d.On, &d.InvoiceID, &d.PaymentID, d.Amount.Minor, d.Amount.Minor}, true
	case account.CreditApplied:
		return effect{"", d.On, &d.InvoiceID, &d.CreditID, -d.Amount.Minor, -d.Amount.Minor}, true
	case account.CreditUnapplied:
		return effect{"", d.On, &d.InvoiceID, &d.CreditID, d.Amount.Minor, d.Amount.Minor}, true
	}
	return effect{}, false
}

// ref is what a line is about: the fund if it has one, for a charge then only stands for
// what the fund lacks.
func (f effect) ref() uuid.UUID {
	if f.fund != nil {
		return *f.fund
	}
	return *f.item
}

func applyEntry(b *engine.Batch, e envelope.Event) error {
	at := ledgerOf(e)
	if d, ok := e.Data.(account.Opened); ok {
		accounts.Put(b, accountRow{at.Tenant, d.CustomerID, d.Currency})
		return nil
	}
	f, ok := effectOf(e)
	if !ok {
		return nil
	}
	row := entryRow{PosHi: e.Pos.Hi, PosLo: e.Pos.Lo, Tenant: at.Tenant, CustomerID: at.CustomerID, Currency: at.Currency,
		On: f.on, Kind: f.kind, RefID: f.ref(), ItemID: f.item, FundID: f.fund, Open: f.open, Unapplied: f.unapplied,
		Line: f.kind != "", RecordedAt: e.At}
	if d, failed := e.Data.(account.PaymentFailed); failed && d.Amount.Minor == 0 {
		return nil // it was only begun: nothing goes back
	}
	if row.Line {
		row.Number = numberOf(b, at, f)
	} else {
		row.Kind = "allocation"
	}
	entries.Insert(b, row)
	return nil
}

// numberOf is how people know what a line is about.
func numberOf(b *engine.Batch, at accountKey, f effect) string {
	switch {
	case f.fund == nil:
		if i := invoices.Get(b, at.doc(*f.item)); i != nil {
			return i.Number
		}
	case !strings.HasPrefix(f.kind, "credit_memo"):
		if p := payments.Get(b, at.fund(*f.fund)); p != nil && p.Reference != "" {
			return p.Reference
		} else if p != nil {
			return p.Method
		}
		fallthrough // a refund or transfer of a credit memo
	default:
		if c := creditMemos.Get(b, at.doc(*f.fund)); c != nil {
			return c.Number
		}
	}
	return ""
}
