package public

import (
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
)

// RefundRequested is the data of portico.refund.requested.v1.
type RefundRequested struct {
	RefundID uuid.UUID   `json:"refund_id"`
	FundID   uuid.UUID   `json:"fund_id" doc:"The payment, credit memo or transfer that goes back"`
	Amount   Amount      `json:"amount"`
	On       domain.Date `json:"on"`
}

// RefundSettled is the data of portico.refund.settled.v1.
type RefundSettled struct {
	RefundID uuid.UUID   `json:"refund_id"`
	On       domain.Date `json:"on"`
}

// RefundFailed is the data of portico.refund.failed.v1.
type RefundFailed struct {
	RefundID uuid.UUID   `json:"refund_id"`
	FundID   uuid.UUID   `json:"fund_id"`
	Amount   Amount      `json:"amount"`
	Code     string      `json:"code" doc:"The bank's or provider's"`
	On       domain.Date `json:"on"`
}

// ChargebackOpened is the data of portico.chargeback.opened.v1.
type ChargebackOpened struct {
	ChargebackID uuid.UUID   `json:"chargeback_id"`
	PaymentID    uuid.UUID   `json:"payment_id"`
	Deadline     domain.Date `json:"deadline,omitempty" doc:"To answer the bank by"`
	MoneyBack
}

// ChargebackWon is the data of portico.chargeback.won.v1.
type ChargebackWon struct {
	ChargebackID uuid.UUID   `json:"chargeback_id"`
	PaymentID    uuid.UUID   `json:"payment_id"`
	Amount       Amount      `json:"amount"`
	On           domain.Date `json:"on"`
}

// ChargebackLost is the data of portico.chargeback.lost.v1.
type ChargebackLost struct {
	ChargebackID uuid.UUID   `json:"chargeback_id"`
	PaymentID    uuid.UUID   `json:"payment_id"`
	On           domain.Date `json:"on"`
}

// ChargePosted is the data of portico.charge.posted.v1.
type ChargePosted struct {
	ChargeID uuid.UUID   `json:"charge_id"`
	Kind     string      `json:"kind" doc:"chargeback_fee"`
	Number   string      `json:"number"`
	Amount   Amount      `json:"amount"`
	On       domain.Date `json:"on"`
}

var moneyBackKinds = []Kind{
	of("account.refund_requested", "portico.refund.requested.v1", Customer, "Money is on its way back to a customer.",
		func(_ envelope.Event, d account.RefundRequested) RefundRequested {
			return RefundRequested{d.RefundID, d.FundID, Amount(d.Amount), d.On}
		}),
	of("account.refund_settled", "portico.refund.settled.v1", Customer, "A refund arrived.",
		func(_ envelope.Event, d account.RefundSettled) RefundSettled { return RefundSettled{d.RefundID, d.On} }),
	of("account.refund_failed", "portico.refund.failed.v1", Customer, "A refund came back: the customer has the credit again.",
		func(_ envelope.Event, d account.RefundFailed) RefundFailed {
			return RefundFailed{d.RefundID, d.FundID, Amount(d.Amount), d.Code, d.On}
		}),
	of("account.chargeback_opened", "portico.chargeback.opened.v1", Customer, "A bank took a payment back at its customer's wish. What it had paid counts as disputed until the case is won or lost.",
		func(_ envelope.Event, d account.ChargebackOpened) ChargebackOpened {
			return ChargebackOpened{d.ChargebackID, d.PaymentID, d.Deadline, MoneyBack{Amount(d.Amount), optional(d.Shortfall), d.ChargeID, d.On}}
		}),
	of("account.chargeback_reversed", "portico.chargeback.won.v1", Customer, "A charge-back was won: the money is back.",
		func(_ envelope.Event, d account.ChargebackReversed) ChargebackWon {
			return ChargebackWon{d.ChargebackID, d.PaymentID, Amount(d.Amount), d.On}
		}),
	of("account.chargeback_lost", "portico.chargeback.lost.v1", Customer, "A charge-back was lost: the bank keeps the money, and what it had paid is unpaid.",
		func(_ envelope.Event, d account.ChargebackLost) ChargebackLost {
			return ChargebackLost{d.ChargebackID, d.PaymentID, d.On}
		}),
	of("account.charge_posted", "portico.charge.posted.v1", Customer, "Something is owed without a document, such as a bank's fee for a charge-back.",
		func(_ envelope.Event, d account.ChargePosted) ChargePosted {
			return ChargePosted{d.ChargeID, d.Kind, d.Number, Amount(d.Amount), d.On}
		}),
}
