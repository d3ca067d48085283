package account

import (
	"github.com/google/uuid"

	"portico/domain"
)

// ChargebackOpened says that a bank took a payment back at its customer's wish: a debit
// of Amount, at once (E7). Released is what it had paid; those invoices count as
// disputed, not as unpaid. Shortfall is as in PaymentFailed.
type ChargebackOpened struct {
	ChargebackID uuid.UUID    `json:"chargeback_id"`
	PaymentID    uuid.UUID    `json:"payment_id"`
	Amount       domain.Money `json:"amount"`
	Deadline     domain.Date  `json:"deadline,omitempty"` // to answer the bank
	Released     []Allocation `json:"released"`
	Shortfall    domain.Money `json:"shortfall"`
	ChargeID     *uuid.UUID   `json:"charge_id,omitempty"`
	On           domain.Date  `json:"on"`
}

// Evolve takes the money out.
func (e ChargebackOpened) Evolve(s Account) Account {
	s.chargebacks = s.chargebacks.with(e.ChargebackID, chargeback{e.PaymentID, e.Amount.Minor, e.Released, e.ChargeID, ""})
	return s.takeBack(e.PaymentID, e.ChargeID, e.Amount, e.Shortfall, e.On)
}

// ChargebackReversed says that the case was won: a credit of Amount, unapplied until
// the allocations that follow.
type ChargebackReversed struct {
	ChargebackID uuid.UUID    `json:"chargeback_id"`
	PaymentID    uuid.UUID    `json:"payment_id"`
	Amount       domain.Money `json:"amount"`
	Unapplied    domain.Money `json:"unapplied"`
	Released     []Allocation `json:"released"` // no longer disputed
	On           domain.Date  `json:"on"`
}

// Evolve brings the money back.
func (e ChargebackReversed) Evolve(s Account) Account {
	f, _ := s.funds.get(e.PaymentID)
	f.unapplied += e.Amount.Minor
	s.funds = s.funds.with(e.PaymentID, f)
	return s.closeChargeback(e.ChargebackID, won)
}

// ChargebackLost says that the bank keeps the money. The invoices are unpaid; staff
// collect or write off. It moves nothing.
type ChargebackLost struct {
	ChargebackID uuid.UUID    `json:"chargeback_id"`
	PaymentID    uuid.UUID    `json:"payment_id"`
	Released     []Allocation `json:"released"` // no longer disputed
	On           domain.Date  `json:"on"`
}

// Evolve notes it.
func (e ChargebackLost) Evolve(s Account) Account { return s.closeChargeback(e.ChargebackID, lost) }

// How a charge-back ends.
const (
	won  = "won"
	lost = "lost"
)

func (s Account) closeChargeback(id uuid.UUID, outcome string) Account {
	c, _ := s.chargebacks.get(id)
	c.outcome = outcome
	s.chargebacks = s.chargebacks.with(id, c)
	return s
}

// OpenChargeback books a bank's charge-back, and its fee as a charge to the customer if
// one is to be passed on.
type OpenChargeback struct {
	PaymentID    uuid.UUID     `json:"-"`
	ChargebackID uuid.UUID     `json:"chargeback_id,omitempty" doc:"Left out: derived from the request"`
	Amount       domain.Money  `json:"amount"`
	Fee          *domain.Money `json:"fee,omitempty" doc:"The bank's fee, if the customer is to bear it"`
	Deadline     domain.Date   `json:"deadline,omitempty" format:"date" doc:"To answer the bank by"`
	On           domain.Date   `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide opens once per charge-back id, for at most what the payment still is.
func (c OpenChargeback) Decide(s Account) ([]Event, error) {
	if b, known := s.chargebacks.get(c.ChargebackID); known {
		if b.fund != c.PaymentID || b.amount != c.Amount.Minor {
			return nil, domain.Refused("account.id_taken", "charge-back %s is of another payment or amount", c.ChargebackID)
		}
		return nil, nil
	}
	f, err := s.paymentFund(c.PaymentID)
	if err == nil {
		err = c.Amount.CheckPositive()
	}
	if err == nil {
		err = s.inCurrency(c.Amount.Currency)
	}
	d := &draft{now: s}
	switch {
	case err != nil:
		return nil, err
	case f.status != received && f.status != settled:
		return nil, domain.Refused("payment.not_received", "this payment is %s: the bank cannot take it back", f.status)
	case c.Amount.Minor > d.remaining(c.PaymentID):
		return nil, domain.Refused("chargeback.more_than_paid", "the payment is only %d", d.remaining(c.PaymentID))
	}
	amount, shortfall, charge := d.withdraw(c.PaymentID, c.Amount.Minor, c.On)
	released := []Allocation{}
	for _, e := range d.events {
		taken := e.(PaymentDeallocated)
		released = append(released, Allocation{taken.InvoiceID, taken.Amount})
	}
	d.add(ChargebackOpened{c.ChargebackID, c.PaymentID, amount, c.Deadline, released, shortfall, charge, c.On})
	if c.Fee == nil {
		return d.events, nil
	}
	if err := c.Fee.CheckPositive(); err != nil {
		return nil, err
	}
	if err := s.inCurrency(c.Fee.Currency); err != nil {
		return nil, err
	}
	id := domain.DerivedID(c.ChargebackID, "fee")
	d.add(ChargePosted{id, "chargeback_fee", "fee " + c.ChargebackID.String()[:8], *c.Fee, c.On})
	return d.events, nil
}

// WinChargeback books that the bank gave the money back: it pays again what it had paid,
// as far as that is still open, then what was charged for the shortfall.
type WinChargeback struct {
	ChargebackID uuid.UUID   `json:"-"`
	On           domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide closes an open case.
func (c WinChargeback) Decide(s Account) ([]Event, error) {
	open, err := s.closing(c.ChargebackID, won)
	if err != nil || open.outcome == won {
		return nil, err
	}
	d := &draft{now: s}
	f, _ := s.funds.get(open.fund)
	d.add(ChargebackReversed{c.ChargebackID, open.fund, d.money(open.amount), d.money(f.unapplied + open.amount), open.released, c.On})
	for _, a := range open.released {
		i, _ := d.now.items.get(a.InvoiceID)
		d.allocateUpTo(open.fund, a.InvoiceID, min(a.Amount.Minor, i.open), c.On)
	}
	if open.charge != nil {
		i, _ := d.now.items.get(*open.charge)
		d.allocateUpTo(open.fund, *open.charge, i.open, c.On)
	}
	return d.events, nil
}

// LoseChargeback books that the bank keeps the money.
type LoseChargeback struct {
	ChargebackID uuid.UUID   `json:"-"`
	On           domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide closes an open case.
func (c LoseChargeback) Decide(s Account) ([]Event, error) {
	open, err := s.closing(c.ChargebackID, lost)
	if err != nil || open.outcome == lost {
		return nil, err
	}
	return []Event{ChargebackLost{c.ChargebackID, open.fund, open.released, c.On}}, nil
}

// closing is a charge-back that has not ended otherwise.
func (s Account) closing(id uuid.UUID, outcome string) (chargeback, error) {
	c, ok := s.chargebacks.get(id)
	switch {
	case !ok:
		return c, domain.NotFound("account.unknown_chargeback", "this account has no charge-back %s", id)
	case c.outcome != "" && c.outcome != outcome:
		return c, domain.Refused("chargeback.closed", "this charge-back was %s", c.outcome)
	}
	return c, nil
}
