package account

import (
	"github.com/google/uuid"

	"portico/domain"
)

// RefundRequested says that money is on its way back to the customer: a debit of Amount.
type RefundRequested struct {
	RefundID  uuid.UUID    `json:"refund_id"`
	FundID    uuid.UUID    `json:"fund_id"` // a payment, credit memo or transfer
	Amount    domain.Money `json:"amount"`
	To        string       `json:"to"` // how it goes back, such as original_method
	Unapplied domain.Money `json:"unapplied"`
	On        domain.Date  `json:"on"`
}

// Evolve spends it.
func (e RefundRequested) Evolve(s Account) Account {
	s.refunds = s.refunds.with(e.RefundID, refund{fund: e.FundID, amount: e.Amount.Minor})
	return s.spend(e.FundID, e.Amount.Minor)
}

// RefundSettled says that the refund arrived. It moves nothing.
type RefundSettled struct {
	RefundID uuid.UUID   `json:"refund_id"`
	On       domain.Date `json:"on"`
}

// Evolve notes it.
func (e RefundSettled) Evolve(s Account) Account {
	r, _ := s.refunds.get(e.RefundID)
	r.settled = true
	s.refunds = s.refunds.with(e.RefundID, r)
	return s
}

// RefundFailed says that the refund came back: a credit of Amount, unapplied again (E6).
type RefundFailed struct {
	RefundID  uuid.UUID    `json:"refund_id"`
	FundID    uuid.UUID    `json:"fund_id"`
	Amount    domain.Money `json:"amount"`
	Code      string       `json:"code"`
	Unapplied domain.Money `json:"unapplied"`
	On        domain.Date  `json:"on"`
}

// Evolve gives it back.
func (e RefundFailed) Evolve(s Account) Account {
	r, _ := s.refunds.get(e.RefundID)
	r.failed = true
	s.refunds = s.refunds.with(e.RefundID, r)
	return s.spend(e.FundID, -e.Amount.Minor)
}

// RequestRefund sends unapplied money back. Reopen names invoices to take the money from
// first; they reopen (E6).
type RequestRefund struct {
	FundID   uuid.UUID    `json:"-"`
	RefundID uuid.UUID    `json:"refund_id,omitempty" doc:"Left out: derived from the request"`
	Amount   domain.Money `json:"amount"`
	To       string       `json:"to" minLength:"1" maxLength:"60" example:"original_method"`
	Reopen   []uuid.UUID  `json:"reopen,omitempty" maxItems:"300" doc:"Invoices to deallocate first"`
	On       domain.Date  `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
}

// Decide refunds once per refund id.
func (c RequestRefund) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if r, known := s.refunds.get(c.RefundID); known {
		if r.fund != c.FundID || r.amount != c.Amount.Minor {
			return nil, domain.Refused("account.id_taken", "refund %s is of another fund or amount", c.RefundID)
		}
		return nil, nil
	}
	d := &draft{now: s}
	for _, invoice := range c.Reopen {
		f, _ := d.now.funds.get(c.FundID) // as the one before left it: one may be named twice
		if at := f.useOf(invoice); at >= 0 {
			d.deallocate(c.FundID, invoice, f.uses[at].amount, c.On)
		}
	}
	f, err := d.now.spendable(c.FundID, c.Amount)
	if err != nil {
		return nil, err
	}
	d.add(RefundRequested{c.RefundID, c.FundID, c.Amount, c.To, d.money(f.unapplied - c.Amount.Minor), c.On})
	return d.events, nil
}

// SettleRefund confirms that a refund arrived.
type SettleRefund struct {
	RefundID uuid.UUID   `json:"-"`
	On       domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide settles once.
func (c SettleRefund) Decide(s Account) ([]Event, error) {
	r, err := s.refund(c.RefundID)
	switch {
	case err != nil || r.settled:
		return nil, err
	case r.failed:
		return nil, domain.Refused("refund.failed", "this refund failed: request another")
	}
	return []Event{RefundSettled(c)}, nil
}

// FailRefund says that a refund came back.
type FailRefund struct {
	RefundID uuid.UUID   `json:"-"`
	Code     string      `json:"code" minLength:"1" maxLength:"60" example:"account_closed"`
	On       domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide fails once. If the refund had been owed again, because what was refunded was
// taken back meanwhile, what came back pays that.
func (c FailRefund) Decide(s Account) ([]Event, error) {
	r, err := s.refund(c.RefundID)
	if err != nil || r.failed {
		return nil, err
	}
	d := &draft{now: s}
	f, _ := s.funds.get(r.fund)
	d.add(RefundFailed{c.RefundID, r.fund, d.money(r.amount), c.Code, d.money(f.unapplied + r.amount), c.On})
	for n := range f.shortfalls {
		charge := shortfallID(r.fund, n+1)
		i, _ := d.now.items.get(charge)
		d.allocateUpTo(r.fund, charge, i.open, c.On)
	}
	return d.events, nil
}

func (s Account) refund(id uuid.UUID) (refund, error) {
	r, ok := s.refunds.get(id)
	if !ok {
		return r, domain.NotFound("account.unknown_refund", "this account has no refund %s", id)
	}
	return r, nil
}
