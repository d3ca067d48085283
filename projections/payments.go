package projections

import (
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var payments = engine.NewTable[fundKey, paymentRow]("payments")

// paymentRow is money that came, or is about to, or credit that came from another
// customer's account. Of Amount, Unapplied is still credit.
type paymentRow struct {
	Tenant      string      `db:"tenant,key"`
	ID          uuid.UUID   `db:"id,key"`
	CustomerID  uuid.UUID   `db:"customer_id,key"`
	Currency    string      `db:"currency,key"`
	Kind        string      `db:"kind"` // payment, transfer
	Method      string      `db:"method"`
	Reference   string      `db:"reference"`
	ReceivedOn  domain.Date `db:"received_on"` // of a begun payment: the day it was begun, UTC
	Amount      int64       `db:"amount"`
	Unapplied   int64       `db:"unapplied"`
	Refunded    int64       `db:"refunded"` // sent back to the customer, or to another account
	ChargedBack int64       `db:"charged_back"`
	Status      string      `db:"status"` // initiated, received, settled, failed, reversed
	Failure     string      `db:"failure"`
	ExpiresAt   *time.Time  `db:"expires_at"` // of a begun payment's reservation
	RecordedAt  time.Time   `db:"recorded_at"`
}

func applyPayment(b *engine.Batch, e envelope.Event) error {
	at := ledgerOf(e)
	switch d := e.Data.(type) {
	case account.PaymentInitiated:
		row := newPayment(e, at, d.PaymentID, d.Amount, domain.DateOf(e.At.UTC()))
		row.Method, row.Status, row.ExpiresAt = d.Method, "initiated", &d.ExpiresAt
		payments.Put(b, row)
	case account.PaymentReceived:
		row := newPayment(e, at, d.PaymentID, d.Amount, d.On)
		row.Method, row.Reference, row.Status, row.Unapplied = d.Method, d.ExternalRef, "received", d.Amount.Minor
		payments.Put(b, row)
	case account.UnappliedTransferredIn:
		row := newPayment(e, at, d.TransferID, d.Amount, d.On)
		row.Kind, row.Method, row.Status, row.Unapplied = "transfer", "transfer", "received", d.Amount.Minor
		payments.Put(b, row)
	case account.PaymentSettled:
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			p.Status = "settled"
		}
	case account.PaymentFailed:
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			p.Status, p.Failure = "failed", d.Code
			p.takenBack(d.Amount, d.Shortfall)
		}
	case account.PaymentReversed:
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			p.Status = "reversed"
			p.takenBack(d.Amount, d.Shortfall)
		}
	case account.ChargebackOpened:
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			p.ChargedBack += d.Amount.Minor
			p.takenBack(d.Amount, d.Shortfall)
		}
	case account.ChargebackReversed:
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			p.ChargedBack -= d.Amount.Minor
			p.Unapplied = d.Unapplied.Minor
		}
	}
	return nil
}

func newPayment(e envelope.Event, at accountKey, id uuid.UUID, amount domain.Money, on domain.Date) paymentRow {
	return paymentRow{Tenant: at.Tenant, ID: id, CustomerID: at.CustomerID, Currency: at.Currency,
		Kind: "payment", ReceivedOn: on, Amount: amount.Minor, RecordedAt: e.At}
}

// takenBack reduces what is left. The shortfall had been spent: a charge stands for it.
func (p *paymentRow) takenBack(amount, shortfall domain.Money) {
	p.Unapplied -= amount.Minor - shortfall.Minor
}

func (p paymentRow) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: p.Currency}
}

// setUnapplied records what an event left unapplied of a fund, be it a credit memo, a
// payment or a transfer, and how much more of it was sent away.
func setUnapplied(b *engine.Batch, at accountKey, fund uuid.UUID, unapplied domain.Money, away int64) {
	if c := creditMemos.Get(b, at.doc(fund)); c != nil {
		c.Unapplied, c.Refunded = unapplied.Minor, c.Refunded+away
	} else if p := payments.Get(b, at.fund(fund)); p != nil {
		p.Unapplied, p.Refunded = unapplied.Minor, p.Refunded+away
	}
}
