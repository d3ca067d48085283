package projections

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var (
	refunds     = engine.NewTable[fundKey, refundRow]("refunds")
	chargebacks = engine.NewTable[fundKey, chargebackRow]("chargebacks")
)

// refundRow is money on its way back to the customer.
type refundRow struct {
	Tenant      string      `db:"tenant,key"`
	ID          uuid.UUID   `db:"id,key"`
	CustomerID  uuid.UUID   `db:"customer_id,key"`
	Currency    string      `db:"currency,key"`
	FundID      uuid.UUID   `db:"fund_id"`
	Amount      int64       `db:"amount"`
	To          string      `db:"paid_to"`
	Status      string      `db:"status"` // requested, settled, failed
	Failure     string      `db:"failure"`
	RequestedOn domain.Date `db:"requested_on"`
	ClosedOn    domain.Date `db:"closed_on"`
}

// chargebackRow is money that a bank took back.
type chargebackRow struct {
	Tenant     string      `db:"tenant,key"`
	ID         uuid.UUID   `db:"id,key"`
	CustomerID uuid.UUID   `db:"customer_id,key"`
	Currency   string      `db:"currency,key"`
	PaymentID  uuid.UUID   `db:"payment_id"`
	Amount     int64       `db:"amount"`
	Status     string      `db:"status"` // open, won, lost
	Deadline   domain.Date `db:"deadline"`
	OpenedOn   domain.Date `db:"opened_on"`
	ClosedOn   domain.Date `db:"closed_on"`
}

// applyReturns keeps refunds, charge-backs and transfers away, and what they leave of the
// fund.
func applyReturns(b *engine.Batch, e envelope.Event) error {
	at := ledgerOf(e)
	closeCase := func(id uuid.UUID, status string, on domain.Date) {
		if c := chargebacks.Get(b, at.fund(id)); c != nil {
			c.Status, c.ClosedOn = status, on
		}
	}
	switch d := e.Data.(type) {
	case account.RefundRequested:
		refunds.Put(b, refundRow{Tenant: at.Tenant, ID: d.RefundID, CustomerID: at.CustomerID, Currency: at.Currency,
			FundID: d.FundID, Amount: d.Amount.Minor, To: d.To, Status: "requested", RequestedOn: d.On})
		setUnapplied(b, at, d.FundID, d.Unapplied, d.Amount.Minor)
	case account.RefundSettled:
		if r := refunds.Get(b, at.fund(d.RefundID)); r != nil {
			r.Status, r.ClosedOn = "settled", d.On
		}
	case account.RefundFailed:
		if r := refunds.Get(b, at.fund(d.RefundID)); r != nil {
			r.Status, r.Failure, r.ClosedOn = "failed", d.Code, d.On
		}
		setUnapplied(b, at, d.FundID, d.Unapplied, -d.Amount.Minor)
	case account.UnappliedTransferredOut:
		setUnapplied(b, at, d.FundID, d.Unapplied, d.Amount.Minor)
	case account.ChargebackOpened:
		chargebacks.Put(b, chargebackRow{Tenant: at.Tenant, ID: d.ChargebackID, CustomerID: at.CustomerID, Currency: at.Currency,
			PaymentID: d.PaymentID, Amount: d.Amount.Minor, Status: "open", Deadline: d.Deadline, OpenedOn: d.On})
	case account.ChargebackReversed:
		closeCase(d.ChargebackID, "won", d.On)
	case account.ChargebackLost:
		closeCase(d.ChargebackID, "lost", d.On)
	}
	return nil
}
