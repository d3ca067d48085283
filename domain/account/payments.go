package account

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// The states of a payment.
const (
	initiated = "initiated"
	received  = "received"
	settled   = "settled"
	failed    = "failed"
	reversed  = "reversed"
)

// PaymentInitiated says that somebody began to pay: nothing has come yet, but the
// invoices named are reserved until ExpiresAt (E4).
type PaymentInitiated struct {
	PaymentID   uuid.UUID    `json:"payment_id"`
	Amount      domain.Money `json:"amount"`
	Method      string       `json:"method"`
	Allocations []Allocation `json:"allocations"`
	ExpiresAt   time.Time    `json:"expires_at"`
}

// Evolve notes the reservation.
func (e PaymentInitiated) Evolve(s Account) Account {
	s.funds = s.funds.with(e.PaymentID, fund{kind: payment, status: initiated, method: e.Method, expires: e.ExpiresAt, planned: e.Allocations})
	for _, a := range e.Allocations {
		waiting, _ := s.reserved.get(a.InvoiceID)
		s.reserved = s.reserved.with(a.InvoiceID, append(slices.Clip(waiting), e.PaymentID))
	}
	return s
}

// PaymentReceived says that money came: a credit of Amount. Awaiting names invoices that
// were not on the account yet (E49).
type PaymentReceived struct {
	PaymentID   uuid.UUID    `json:"payment_id"`
	Amount      domain.Money `json:"amount"`
	On          domain.Date  `json:"on"`
	Method      string       `json:"method"`
	ExternalRef string       `json:"external_ref,omitempty"`
	Awaiting    []Allocation `json:"awaiting,omitempty"`
}

// Evolve adds the fund, all of it unapplied.
func (e PaymentReceived) Evolve(s Account) Account {
	s = s.unreserve(e.PaymentID)
	s.funds = s.funds.with(e.PaymentID, fund{kind: payment, status: received, method: e.Method, amount: e.Amount.Minor, unapplied: e.Amount.Minor})
	if e.ExternalRef != "" {
		s.references = s.references.with(referenceID(e.Method, e.ExternalRef), e.PaymentID)
	}
	return s.await(e.PaymentID, e.Awaiting)
}

// PaymentSettled says that the bank or provider confirmed a payment for good, as far as
// it ever does (E5). It moves nothing.
type PaymentSettled struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	On        domain.Date `json:"on"`
}

// Evolve notes it.
func (e PaymentSettled) Evolve(s Account) Account { return s.withStatus(e.PaymentID, settled) }

// PaymentFailed says that money did not come after all: a debit of Amount, which is zero
// for a payment that was only initiated. Shortfall is what had been refunded or
// transferred already: it is owed again, as charge ChargeID.
type PaymentFailed struct {
	PaymentID       uuid.UUID    `json:"payment_id"`
	Amount          domain.Money `json:"amount"`
	Code            string       `json:"code"`
	AfterSettlement bool         `json:"after_settlement"`
	Shortfall       domain.Money `json:"shortfall"`
	ChargeID        *uuid.UUID   `json:"charge_id,omitempty"`
	On              domain.Date  `json:"on"`
}

// Evolve takes the money out.
func (e PaymentFailed) Evolve(s Account) Account {
	return s.unreserve(e.PaymentID).withStatus(e.PaymentID, failed).takeBack(e.PaymentID, e.ChargeID, e.Amount, e.Shortfall, e.On)
}

// PaymentReversed says that staff took a payment back, such as one booked to the wrong
// customer (E11): a debit of Amount. Shortfall is as in PaymentFailed.
type PaymentReversed struct {
	PaymentID uuid.UUID    `json:"payment_id"`
	Amount    domain.Money `json:"amount"`
	Shortfall domain.Money `json:"shortfall"`
	ChargeID  *uuid.UUID   `json:"charge_id,omitempty"`
	On        domain.Date  `json:"on"`
}

// Evolve takes the money out.
func (e PaymentReversed) Evolve(s Account) Account {
	return s.withStatus(e.PaymentID, reversed).takeBack(e.PaymentID, e.ChargeID, e.Amount, e.Shortfall, e.On)
}

// unreserve lets others pay what an initiated payment had reserved.
func (s Account) unreserve(id uuid.UUID) Account {
	f, _ := s.funds.get(id)
	for _, a := range f.planned {
		holders, _ := s.reserved.get(a.InvoiceID)
		holders = slices.DeleteFunc(slices.Clone(holders), func(h uuid.UUID) bool { return h == id })
		if len(holders) == 0 {
			s.reserved = s.reserved.without(a.InvoiceID)
		} else {
			s.reserved = s.reserved.with(a.InvoiceID, holders)
		}
	}
	return s
}

func (s Account) withStatus(id uuid.UUID, status string) Account {
	f, _ := s.funds.get(id)
	f.status = status
	s.funds = s.funds.with(id, f)
	return s
}

// takeBack reduces a fund; a shortfall becomes an item that is owed at once.
func (s Account) takeBack(id uuid.UUID, charge *uuid.UUID, amount, shortfall domain.Money, on domain.Date) Account {
	f, _ := s.funds.get(id)
	f.unapplied -= amount.Minor - shortfall.Minor
	f.spent -= shortfall.Minor // from now on the charge stands for it
	if charge != nil {
		f.shortfalls++
	}
	s.funds = s.funds.with(id, f)
	if charge != nil {
		s = s.withItem(*charge, item{number: "returned " + id.String()[:8], due: on, payable: shortfall.Minor, open: shortfall.Minor})
	}
	return s
}

// is refuses an id that is of a fund of another kind.
func (f fund) is(kind string) error {
	if f.kind != kind {
		return domain.Refused("account.id_taken", "this id is of a %s on this account", strings.ReplaceAll(f.kind, "_", " "))
	}
	return nil
}

// SettlePayment confirms a payment.
type SettlePayment struct {
	PaymentID uuid.UUID   `json:"-"`
	On        domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide settles what was received.
func (c SettlePayment) Decide(s Account) ([]Event, error) {
	f, err := s.paymentFund(c.PaymentID)
	switch {
	case err != nil || f.status == settled:
		return nil, err
	case f.status != received:
		return nil, domain.Refused("payment.not_received", "this payment is %s: record its receipt first", f.status)
	}
	return []Event{PaymentSettled(c)}, nil
}

// FailPayment says that a payment did not come, or went back weeks later (E5). Invoices
// reopen with their own due dates.
type FailPayment struct {
	PaymentID uuid.UUID   `json:"-"`
	Code      string      `json:"code" minLength:"1" maxLength:"60" example:"insufficient_funds"`
	On        domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide fails once.
func (c FailPayment) Decide(s Account) ([]Event, error) {
	f, err := s.paymentFund(c.PaymentID)
	switch {
	case err != nil || f.status == failed:
		return nil, err
	case f.status == reversed:
		return nil, domain.Refused("payment.reversed", "this payment was reversed already")
	}
	d := &draft{now: s}
	amount, shortfall, charge := d.withdraw(c.PaymentID, d.remaining(c.PaymentID), c.On)
	d.add(PaymentFailed{c.PaymentID, amount, c.Code, f.status == settled, shortfall, charge, c.On})
	return d.events, nil
}

// ReversePayment takes a payment back as if it had not been booked.
type ReversePayment struct {
	PaymentID uuid.UUID   `json:"-"`
	On        domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
}

// Decide reverses once.
func (c ReversePayment) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	f, err := s.paymentFund(c.PaymentID)
	switch {
	case err != nil || f.status == reversed:
		return nil, err
	case f.status == failed || f.status == initiated:
		return nil, domain.Refused("payment.not_received", "this payment is %s: there is nothing to reverse", f.status)
	}
	d := &draft{now: s}
	amount, shortfall, charge := d.withdraw(c.PaymentID, d.remaining(c.PaymentID), c.On)
	d.add(PaymentReversed{c.PaymentID, amount, shortfall, charge, c.On})
	return d.events, nil
}
