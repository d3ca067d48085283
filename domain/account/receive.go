package account

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// BeginPayment reserves invoices for a payment that is about to be made. What the policy
// does not allow is refused here and nowhere later: money that has come is taken (E1, E2).
type BeginPayment struct {
	PaymentID   uuid.UUID            `json:"payment_id,omitempty" doc:"Left out: derived from the request"`
	Amount      domain.Money         `json:"amount"`
	Method      string               `json:"method" minLength:"1" maxLength:"40" example:"card"`
	Allocations []Allocation         `json:"allocations" maxItems:"300" nullable:"false"`
	Anyway      bool                 `json:"anyway,omitempty" doc:"Go on although another payment of the same invoice is in progress"`
	Policy      domain.PaymentPolicy `json:"-"`
	At          time.Time            `json:"-"`
}

// reservation is how long an initiated payment keeps others waiting.
const reservation = 30 * time.Minute

// Decide reserves once.
func (c BeginPayment) Decide(s Account) ([]Event, error) {
	if f, known := s.funds.get(c.PaymentID); known {
		return nil, f.is(payment)
	}
	if _, err := domain.Trimmed(c.Method, "method"); err != nil {
		return nil, err
	}
	if err := c.Amount.CheckPositive(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil {
		return nil, err
	}
	if err := s.inCurrency(c.Amount.Currency); err != nil {
		return nil, err
	}
	total, err := checkAllocations(s, c.Allocations)
	if err != nil {
		return nil, err
	}
	if total > c.Amount.Minor || c.Policy.Over != "credit" && total < c.Amount.Minor {
		return nil, domain.Refused("payment.not_what_is_allocated", "the parts add up to %d, the payment is %d", total, c.Amount.Minor)
	}
	for _, a := range c.Allocations {
		if err := c.allowed(s, a); err != nil {
			return nil, err
		}
	}
	return []Event{PaymentInitiated{c.PaymentID, c.Amount, c.Method, c.Allocations, c.At.Add(reservation).UTC()}}, nil
}

func (c BeginPayment) allowed(s Account, a Allocation) error {
	i, err := s.owedItem(a.InvoiceID)
	if err != nil {
		return err
	}
	least := i.open
	if c.Policy.Part == "any" {
		least = min(c.Policy.Minimum, i.open)
	}
	switch {
	case a.Amount.Minor > i.open:
		return domain.Refused("payment.more_than_owed", "%s has %d open: pay no more than that", i.number, i.open)
	case a.Amount.Minor < least:
		return domain.Refused("payment.less_than_allowed", "pay at least %d of %s", least, i.number)
	}
	holders, _ := s.reserved.get(a.InvoiceID)
	for _, id := range holders {
		if f, _ := s.funds.get(id); f.status == initiated && c.At.Before(f.expires) && !c.Anyway {
			return domain.Refused("payment.in_progress", "a payment of %s is in progress: wait, or ask again with anyway=true", i.number)
		}
	}
	return nil
}

// RecordPayment books money that has come. It is never refused for its amount: what is
// not allocated stays as credit (E1), a share whose invoice was paid meanwhile too (E3).
type RecordPayment struct {
	CustomerID    uuid.UUID    `json:"-"`
	PaymentID     uuid.UUID    `json:"payment_id,omitempty" doc:"Left out: derived from the request"`
	Amount        domain.Money `json:"amount"`
	On            domain.Date  `json:"received_on,omitempty" format:"date" doc:"Date of receipt; today if left out"`
	Method        string       `json:"method" minLength:"1" maxLength:"40" example:"bank_transfer"`
	ExternalRef   string       `json:"external_ref,omitempty" maxLength:"200" doc:"The bank's or provider's reference; the same reference twice is one payment (I5)"`
	Allocations   []Allocation `json:"allocations,omitempty" maxItems:"300" doc:"Which invoices it pays, in order"`
	OldestFirst   bool         `json:"oldest_first,omitempty" doc:"Allocate the rest to what is open, oldest due date first, then number (E3)"`
	AwaitInvoices bool         `json:"await_invoices,omitempty" doc:"Let an allocation wait for an invoice that is not here yet (E49)"`
}

// Decide books once per payment id and per external reference. A payment that failed
// before it came may still come.
func (c RecordPayment) Decide(s Account) ([]Event, error) {
	c.Method, c.ExternalRef = strings.TrimSpace(c.Method), strings.TrimSpace(c.ExternalRef)
	if err := c.check(); err != nil {
		return nil, err
	}
	f, known := s.funds.get(c.PaymentID)
	if known {
		if err := f.is(payment); err != nil {
			return nil, err
		}
		if f.amount == c.Amount.Minor && s.currency == c.Amount.Currency {
			return nil, nil
		}
		if f.amount != 0 {
			return nil, domain.Refused("payment.id_taken", "payment %s is recorded already, with another amount", c.PaymentID)
		}
	}
	if earlier, used := s.PaymentOf(c.Method, c.ExternalRef); used {
		e, _ := s.funds.get(earlier)
		switch {
		case e.amount != c.Amount.Minor:
			return nil, domain.Refused("payment.reference_used", "reference %q is of another payment with another amount", c.ExternalRef)
		case e.status == failed || e.status == reversed:
			return nil, domain.Refused("payment.reference_used", "reference %q is of a payment that %s: if the money came again, it has another", c.ExternalRef, map[string]string{failed: "failed", reversed: "was reversed"}[e.status])
		}
		return nil, nil
	}
	d, err := s.open(c.CustomerID, c.Amount.Currency)
	if err != nil {
		return nil, err
	}
	if len(c.Allocations) == 0 {
		c.Allocations = f.planned
	}
	present, awaited, err := c.split(d.now)
	if err != nil {
		return nil, err
	}
	d.add(PaymentReceived{c.PaymentID, c.Amount, c.On, c.Method, c.ExternalRef, awaited})
	for _, a := range present {
		d.allocateUpTo(c.PaymentID, a.InvoiceID, a.Amount.Minor, c.On)
	}
	if c.OldestFirst {
		keep := int64(0) // for the invoices it waits for: they were named
		for _, a := range awaited {
			keep += a.Amount.Minor
		}
		d.allocateOldest(c.PaymentID, keep, c.On)
	}
	return d.events, nil
}

func (c RecordPayment) check() error {
	if _, err := domain.Trimmed(c.Method, "method"); err != nil {
		return err
	}
	if err := c.On.Check(); err != nil {
		return err
	}
	total := int64(0)
	for _, a := range c.Allocations {
		if total += a.Amount.Minor; a.Amount.Minor > domain.MaxMinor || total > c.Amount.Minor {
			return domain.Invalid("payment.allocations_exceed", "the allocations add up to more than the payment's %d minor units", c.Amount.Minor)
		}
	}
	return c.Amount.CheckPositive()
}

func (c RecordPayment) split(s Account) (present, awaited []Allocation, err error) {
	for _, a := range c.Allocations {
		if err := a.Amount.CheckPositive(); err != nil {
			return nil, nil, err
		}
		if err := s.inCurrency(a.Amount.Currency); err != nil {
			return nil, nil, err
		}
		_, posted := s.items.get(a.InvoiceID)
		switch {
		case posted:
			present = append(present, a)
		case c.AwaitInvoices:
			awaited = append(awaited, a)
		default:
			return nil, nil, domain.NotFound("account.unknown_invoice", "invoice %s is not on this account", a.InvoiceID)
		}
	}
	return present, awaited, nil
}
