package account

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// CreditPosted says that a credit memo may pay: a credit of Amount.
type CreditPosted struct {
	CreditID uuid.UUID    `json:"credit_id"`
	Number   string       `json:"number"`
	Amount   domain.Money `json:"amount"`
	On       domain.Date  `json:"on"`
	Awaiting []Allocation `json:"awaiting,omitempty"` // the invoice it is against, if that is not here yet
}

// Evolve adds the fund.
func (e CreditPosted) Evolve(s Account) Account {
	s.funds = s.funds.with(e.CreditID, fund{kind: memo, amount: e.Amount.Minor, unapplied: e.Amount.Minor})
	return s.await(e.CreditID, e.Awaiting)
}

// await keeps what a fund is to pay once it is posted (E49).
func (s Account) await(fundID uuid.UUID, awaited []Allocation) Account {
	for _, a := range awaited {
		claims, _ := s.awaiting.get(a.InvoiceID)
		s.awaiting = s.awaiting.with(a.InvoiceID, append(slices.Clip(claims), claim{fundID, a.Amount.Minor}))
	}
	return s
}

// CreditReversed says that a voided credit memo pays no more: a debit of Amount.
type CreditReversed struct {
	CreditID uuid.UUID    `json:"credit_id"`
	Amount   domain.Money `json:"amount"`
	On       domain.Date  `json:"on"`
}

// Evolve takes its worth out. A refund of it that came back stays.
func (e CreditReversed) Evolve(s Account) Account {
	f, _ := s.funds.get(e.CreditID)
	f.unapplied, f.status = f.unapplied-e.Amount.Minor, reversed
	s.funds = s.funds.with(e.CreditID, f)
	return s
}

// PostCredit puts an issued credit memo on the account, once, and applies it to the
// invoice it was issued against as far as that is open; the rest is credit (E8). The
// memo may come before its invoice: policies keep the order of one document only.
type PostCredit struct {
	CustomerID     uuid.UUID
	CreditID       uuid.UUID
	Number         string
	Amount         domain.Money
	AgainstInvoice *uuid.UUID
	On             domain.Date
}

// Decide posts once.
func (c PostCredit) Decide(s Account) ([]Event, error) {
	if f, posted := s.funds.get(c.CreditID); posted {
		return nil, f.is(memo)
	}
	if c.Amount.Minor < 0 {
		return nil, domain.Invalid("account.negative_credit", "a credit memo cannot be negative: issue an invoice")
	}
	d, err := s.open(c.CustomerID, c.Amount.Currency)
	if err != nil {
		return nil, err
	}
	var awaiting []Allocation
	if c.AgainstInvoice != nil && !s.HasItem(*c.AgainstInvoice) && c.Amount.Minor > 0 {
		awaiting = []Allocation{{*c.AgainstInvoice, c.Amount}}
	}
	d.add(CreditPosted{c.CreditID, c.Number, c.Amount, c.On, awaiting})
	if c.AgainstInvoice != nil {
		i, _ := d.now.items.get(*c.AgainstInvoice)
		d.allocateUpTo(c.CreditID, *c.AgainstInvoice, i.open, c.On)
	}
	return d.events, nil
}

// CreditAdjusted says that the source restated a credit memo: a credit of Difference.
// Shortfall is what had been spent of it beyond its new amount: it is owed again, as
// charge ChargeID.
type CreditAdjusted struct {
	CreditID   uuid.UUID    `json:"credit_id"`
	Amount     domain.Money `json:"amount"`     // from now on
	Difference domain.Money `json:"difference"` // signed
	Unapplied  domain.Money `json:"unapplied"`
	On         domain.Date  `json:"on"`
	Shortfall  domain.Money `json:"shortfall"`
	ChargeID   *uuid.UUID   `json:"charge_id,omitempty"`
}

// Evolve changes what it is worth.
func (e CreditAdjusted) Evolve(s Account) Account {
	f, _ := s.funds.get(e.CreditID)
	f.amount = e.Amount.Minor
	s.funds = s.funds.with(e.CreditID, f)
	less := domain.Money{Minor: -e.Difference.Minor, Currency: e.Difference.Currency}
	return s.takeBack(e.CreditID, e.ChargeID, less, e.Shortfall, e.On)
}

// AdjustCredit follows a source that restated a credit memo. What was applied beyond the
// new amount is taken back; what was even spent is owed again.
type AdjustCredit struct {
	CreditID uuid.UUID
	Amount   domain.Money
	On       domain.Date
}

// Decide adjusts to the amount given; the same amount is nothing.
func (c AdjustCredit) Decide(s Account) ([]Event, error) {
	f, ok := s.funds.get(c.CreditID)
	switch {
	case !ok || f.kind != memo:
		return nil, domain.NotFound("account.unknown_credit", "this account has no credit memo %s", c.CreditID)
	case c.Amount.Minor == f.amount || f.status == reversed:
		return nil, nil
	case c.Amount.Minor < 0:
		return nil, domain.Invalid("account.negative_credit", "a credit memo cannot be negative: issue an invoice")
	}
	if err := s.inCurrency(c.Amount.Currency); err != nil {
		return nil, err
	}
	d := &draft{now: s}
	shortfall, charge := d.money(0), (*uuid.UUID)(nil)
	if less := f.amount - c.Amount.Minor; less > 0 {
		_, shortfall, charge = d.withdraw(c.CreditID, less, c.On)
	}
	f, _ = d.now.funds.get(c.CreditID)
	difference := c.Amount.Minor - f.amount
	d.add(CreditAdjusted{c.CreditID, c.Amount, d.money(difference), d.money(f.unapplied + difference + shortfall.Minor), c.On, shortfall, charge})
	return d.events, nil
}

// ReverseCredit takes a voided credit memo off the account: it is unapplied first, and
// refused if it was spent (E8).
type ReverseCredit struct {
	CreditID uuid.UUID
	On       domain.Date
	domain.Because
}

// Decide reverses once.
func (c ReverseCredit) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	f, ok := s.funds.get(c.CreditID)
	switch {
	case !ok || f.kind != memo:
		return nil, domain.NotFound("account.unknown_credit", "this account has no credit memo %s", c.CreditID)
	case f.status == reversed:
		return nil, nil
	}
	d := &draft{now: s}
	if _, shortfall, _ := d.withdraw(c.CreditID, f.amount, c.On); shortfall.Minor > 0 {
		return nil, domain.Refused("credit_memo.spent", "this credit was refunded or transferred: issue an invoice for the difference instead")
	}
	d.add(CreditReversed{c.CreditID, d.money(f.amount), c.On})
	return d.events, nil
}

// UnappliedTransferredOut says that credit went to another customer's account: a debit
// of Amount. A policy brings it in there.
type UnappliedTransferredOut struct {
	TransferID   uuid.UUID    `json:"transfer_id"`
	FundID       uuid.UUID    `json:"fund_id"`
	Amount       domain.Money `json:"amount"`
	ToCustomerID uuid.UUID    `json:"to_customer_id"`
	Unapplied    domain.Money `json:"unapplied"`
	On           domain.Date  `json:"on"`
}

// Evolve spends it.
func (e UnappliedTransferredOut) Evolve(s Account) Account {
	s.transfers = s.transfers.with(e.TransferID, e.Amount.Minor)
	return s.spend(e.FundID, e.Amount.Minor)
}

func (s Account) spend(fundID uuid.UUID, amount int64) Account {
	f, _ := s.funds.get(fundID)
	f.unapplied, f.spent = f.unapplied-amount, f.spent+amount
	s.funds = s.funds.with(fundID, f)
	return s
}

// UnappliedTransferredIn says that credit came from another customer's account: a
// credit of Amount, unapplied.
type UnappliedTransferredIn struct {
	TransferID     uuid.UUID    `json:"transfer_id"`
	Amount         domain.Money `json:"amount"`
	FromCustomerID uuid.UUID    `json:"from_customer_id"`
	On             domain.Date  `json:"on"`
}

// Evolve adds the fund, under the transfer's id.
func (e UnappliedTransferredIn) Evolve(s Account) Account {
	s.funds = s.funds.with(e.TransferID, fund{kind: transfer, amount: e.Amount.Minor, unapplied: e.Amount.Minor})
	return s
}

// TransferUnapplied moves unapplied credit to another customer's account in the same
// currency (E11, E17).
type TransferUnapplied struct {
	FundID       uuid.UUID    `json:"-"`
	TransferID   uuid.UUID    `json:"transfer_id,omitempty" doc:"Left out: derived from the request"`
	Amount       domain.Money `json:"amount"`
	ToCustomerID uuid.UUID    `json:"to_customer_id"`
	On           domain.Date  `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
}

// Decide sends it off, once per transfer id.
func (c TransferUnapplied) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if sent, known := s.transfers.get(c.TransferID); known {
		if sent != c.Amount.Minor {
			return nil, domain.Refused("account.id_taken", "transfer %s is of another amount", c.TransferID)
		}
		return nil, nil
	}
	f, err := s.spendable(c.FundID, c.Amount)
	switch {
	case err != nil:
		return nil, err
	case c.ToCustomerID == s.customer:
		return nil, domain.Refused("transfer.to_itself", "the money is on this customer's account already")
	}
	d := &draft{now: s}
	d.add(UnappliedTransferredOut{c.TransferID, c.FundID, c.Amount, c.ToCustomerID, d.money(f.unapplied - c.Amount.Minor), c.On})
	return d.events, nil
}

// spendable is a fund with at least amount unapplied.
func (s Account) spendable(id uuid.UUID, amount domain.Money) (fund, error) {
	f, ok := s.funds.get(id)
	if !ok {
		return f, domain.NotFound("account.unknown_credit", "this account has no payment or credit %s", id)
	}
	if err := amount.CheckPositive(); err != nil {
		return f, err
	}
	if err := s.inCurrency(amount.Currency); err != nil {
		return f, err
	}
	if amount.Minor > f.unapplied {
		return f, domain.Refused("account.exceeds_credit", "only %d is unapplied, not %d: deallocate first", f.unapplied, amount.Minor)
	}
	return f, nil
}

// ReceiveTransfer brings transferred credit in, once.
type ReceiveTransfer struct {
	CustomerID     uuid.UUID
	TransferID     uuid.UUID
	Amount         domain.Money
	FromCustomerID uuid.UUID
	On             domain.Date
}

// Decide takes it in.
func (c ReceiveTransfer) Decide(s Account) ([]Event, error) {
	if f, known := s.funds.get(c.TransferID); known {
		return nil, f.is(transfer)
	}
	d, err := s.open(c.CustomerID, c.Amount.Currency)
	if err != nil {
		return nil, err
	}
	d.add(UnappliedTransferredIn{c.TransferID, c.Amount, c.FromCustomerID, c.On})
	return d.events, nil
}
