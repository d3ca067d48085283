package projections

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var allocations = engine.NewTable[pairKey, allocationRow]("allocations")

// allocationRow is what a fund pays of an item now, and how much was taken back.
type allocationRow struct {
	Tenant     string      `db:"tenant,key"`
	ItemID     uuid.UUID   `db:"item_id,key"`
	FundID     uuid.UUID   `db:"fund_id,key"`
	CustomerID uuid.UUID   `db:"customer_id,key"`
	Currency   string      `db:"currency,key"`
	Kind       string      `db:"kind"` // payment, credit
	Amount     int64       `db:"amount"`
	Reversed   int64       `db:"reversed"`
	FirstOn    domain.Date `db:"first_on"`
	LastOn     domain.Date `db:"last_on"`
}

func applyAllocation(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case account.PaymentAllocated:
		allocate(b, e, "payment", account.CreditApplied{CreditID: d.PaymentID, InvoiceID: d.InvoiceID, Amount: d.Amount, Unapplied: d.Unapplied, On: d.On}, false)
	case account.PaymentDeallocated:
		allocate(b, e, "payment", account.CreditApplied{CreditID: d.PaymentID, InvoiceID: d.InvoiceID, Amount: d.Amount, Unapplied: d.Unapplied, On: d.On}, true)
	case account.CreditApplied:
		allocate(b, e, "credit", d, false)
	case account.CreditUnapplied:
		allocate(b, e, "credit", account.CreditApplied(d), true)
	}
	return nil
}

// allocate changes a pair, the fund being a payment or a credit; back takes it back.
func allocate(b *engine.Batch, e envelope.Event, kind string, d account.CreditApplied, back bool) {
	at := ledgerOf(e)
	if kind == "payment" {
		if p := payments.Get(b, at.fund(d.CreditID)); p != nil {
			p.Unapplied = d.Unapplied.Minor
		}
	} else {
		setUnapplied(b, at, d.CreditID, d.Unapplied, 0)
	}
	k := at.pair(d.InvoiceID, d.CreditID)
	a := allocations.Get(b, k)
	if a == nil {
		a = allocations.Put(b, allocationRow{Tenant: k.Tenant, ItemID: k.ItemID, FundID: k.FundID, CustomerID: k.CustomerID,
			Currency: k.Currency, Kind: kind, FirstOn: d.On})
	}
	a.LastOn = d.On
	if back {
		a.Amount, a.Reversed = a.Amount-d.Amount.Minor, a.Reversed+d.Amount.Minor
	} else {
		a.Amount += d.Amount.Minor
	}
}

// Allocation is part of a payment or credit that pays part of an invoice.
type Allocation struct {
	InvoiceID     uuid.UUID    `json:"invoice_id"`
	InvoiceNumber string       `json:"invoice_number"`
	Kind          string       `json:"kind" enum:"payment,credit_memo,transfer" doc:"What pays"`
	FundID        uuid.UUID    `json:"fund_id" doc:"The payment, credit memo or transfer that pays"`
	FundNumber    string       `json:"fund_number,omitempty" doc:"The credit memo's number, or the payment's reference"`
	Amount        domain.Money `json:"amount" doc:"What it pays now: zero if all of it was taken back"`
	Reversed      domain.Money `json:"reversed" doc:"What was taken back"`
	On            domain.Date  `json:"on" format:"date" doc:"First effective date"`
	ChangedOn     domain.Date  `json:"changed_on" format:"date" doc:"Last effective date"`
}

type allocationView struct {
	allocationRow
	InvoiceNumber string `db:"invoice_number"`
	FundKind      string `db:"fund_kind"`
	FundNumber    string `db:"fund_number"`
}

func (a allocationView) view() Allocation {
	return Allocation{a.ItemID, a.InvoiceNumber, a.FundKind, a.FundID, a.FundNumber,
		domain.Money{Minor: a.Amount, Currency: a.Currency}, domain.Money{Minor: a.Reversed, Currency: a.Currency}, a.FirstOn, a.LastOn}
}

const allocationColumns = `
select a.*, i.number as invoice_number,
  case when c.id is not null then 'credit_memo' else coalesce(p.kind, 'payment') end as fund_kind,
  coalesce(c.number, nullif(p.reference, ''), p.method, '') as fund_number
from {s}.allocations a
  join {s}.invoices i on i.tenant = a.tenant and i.id = a.item_id
  left join {s}.credit_memos c on c.tenant = a.tenant and c.id = a.fund_id and a.kind = 'credit'
  left join {s}.payments p on p.tenant = a.tenant and p.id = a.fund_id and p.customer_id = a.customer_id and p.currency = a.currency
where a.tenant = @tenant and (@all or i.published and a.customer_id = any(@customers)/*see invoice i*/
  and case when c.id is null then true/*see payment a*/ else true/*see memo c*/ end)`

// The account that a fund is on: ids of funds are unique within an account only.
const (
	accountOfPayment = `(select f.customer_id, f.currency from {s}.payments f
  where f.tenant = @tenant and f.id = @id and (@all or f.customer_id = any(@customers)/*see payment f*/)
  order by f.recorded_at, f.customer_id, f.currency limit 1)`
	accountOfCredit = `(select f.customer_id, f.currency from {s}.credit_memos f
  where f.tenant = @tenant and f.id = @id and (@all or f.customer_id = any(@customers)/*see memo f*/))`
)

const (
	fundAllocations = allocationColumns + ` and a.fund_id = @id and (a.customer_id, a.currency) = `
	inOrder         = ` order by a.first_on, i.number, a.item_id, a.currency`

	// Those of an item, or of a fund, on its account. A contact is not told of invoices that
	// it does not see.
	sqlItemAllocations    engine.SQL = allocationColumns + ` and a.item_id = @id and a.customer_id = i.customer_id order by a.first_on, a.fund_id, a.currency`
	sqlPaymentAllocations engine.SQL = fundAllocations + accountOfPayment + inOrder
	sqlCreditAllocations  engine.SQL = fundAllocations + accountOfCredit + inOrder
)
