package public

import (
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
)

// PaymentInitiated is the data of portico.payment.initiated.v1.
type PaymentInitiated struct {
	PaymentID uuid.UUID `json:"payment_id"`
	Amount    Amount    `json:"amount"`
	Method    string    `json:"method" doc:"To a customer's system empty if the business hides it"`
	ExpiresAt time.Time `json:"expires_at" doc:"Until when it reserves its invoices"`
}

// PaymentReceived is the data of portico.payment.received.v1.
type PaymentReceived struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	Amount    Amount      `json:"amount"`
	Method    string      `json:"method" doc:"To a customer's system empty if the business hides it"`
	On        domain.Date `json:"on"`
}

// PaymentSettled is the data of portico.payment.settled.v1.
type PaymentSettled struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	On        domain.Date `json:"on"`
}

// PaymentFailed is the data of portico.payment.failed.v1.
type PaymentFailed struct {
	PaymentID       uuid.UUID `json:"payment_id"`
	Code            string    `json:"code" doc:"The bank's or provider's"`
	AfterSettlement bool      `json:"after_settlement"`
	MoneyBack
}

// PaymentReversed is the data of portico.payment.reversed.v1.
type PaymentReversed struct {
	PaymentID uuid.UUID `json:"payment_id"`
	MoneyBack
}

// MoneyBack is what taking a payment back comes to.
type MoneyBack struct {
	Amount    Amount      `json:"amount" doc:"What the account lost by it; 0 if nothing had come"`
	Shortfall *Amount     `json:"shortfall,omitempty" doc:"What of it had been refunded or transferred already: owed again, as a charge"`
	ChargeID  *uuid.UUID  `json:"charge_id,omitempty"`
	On        domain.Date `json:"on"`
}

// PaymentUse is the data of portico.payment.allocated.v1 and deallocated.v1.
type PaymentUse struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	InvoiceID uuid.UUID   `json:"invoice_id" doc:"An invoice, or a charge"`
	Amount    Amount      `json:"amount"`
	Open      Amount      `json:"open" doc:"What of the invoice is owed now"`
	On        domain.Date `json:"on"`
}

func (d PaymentUse) invoices() []uuid.UUID { return []uuid.UUID{d.InvoiceID} }

var paymentKinds = []Kind{
	of("account.payment_initiated", "portico.payment.initiated.v1", Customer, "Somebody began to pay. Nothing has come yet.",
		func(_ envelope.Event, d account.PaymentInitiated) PaymentInitiated {
			return PaymentInitiated{d.PaymentID, Amount(d.Amount), d.Method, d.ExpiresAt}
		}),
	of("account.payment_received", "portico.payment.received.v1", Customer, "Money came.",
		func(_ envelope.Event, d account.PaymentReceived) PaymentReceived {
			return PaymentReceived{d.PaymentID, Amount(d.Amount), d.Method, d.On}
		}),
	of("account.payment_settled", "portico.payment.settled.v1", Customer, "The bank or provider confirmed a payment for good, as far as it ever does.",
		func(_ envelope.Event, d account.PaymentSettled) PaymentSettled {
			return PaymentSettled{d.PaymentID, d.On}
		}),
	of("account.payment_failed", "portico.payment.failed.v1", Customer, "A payment did not come after all.",
		func(_ envelope.Event, d account.PaymentFailed) PaymentFailed {
			return PaymentFailed{d.PaymentID, d.Code, d.AfterSettlement, MoneyBack{Amount(d.Amount), optional(d.Shortfall), d.ChargeID, d.On}}
		}),
	of("account.payment_reversed", "portico.payment.reversed.v1", Customer, "Staff took a payment back, such as one booked to the wrong customer.",
		func(_ envelope.Event, d account.PaymentReversed) PaymentReversed {
			return PaymentReversed{d.PaymentID, MoneyBack{Amount(d.Amount), optional(d.Shortfall), d.ChargeID, d.On}}
		}),
	of("account.payment_allocated", "portico.payment.allocated.v1", CustomerIfPublished, "Part of a payment pays part of an invoice.",
		func(_ envelope.Event, d account.PaymentAllocated) PaymentUse {
			return PaymentUse{d.PaymentID, d.InvoiceID, Amount(d.Amount), Amount(d.Open), d.On}
		}),
	of("account.payment_deallocated", "portico.payment.deallocated.v1", CustomerIfPublished, "Part of a payment pays an invoice no more.",
		func(_ envelope.Event, d account.PaymentDeallocated) PaymentUse {
			return PaymentUse{d.PaymentID, d.InvoiceID, Amount(d.Amount), Amount(d.Open), d.On}
		}),
}
