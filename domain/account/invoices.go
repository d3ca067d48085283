package account

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// InvoicePosted says that an invoice is owed: a debit of Payable.
type InvoicePosted struct {
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Number    string       `json:"number"`
	Payable   domain.Money `json:"payable"` // gross less what is withheld or retained (E14)
	On        domain.Date  `json:"on"`
	DueOn     domain.Date  `json:"due_on"`
}

// Evolve adds the item.
func (e InvoicePosted) Evolve(s Account) Account {
	s.awaiting = s.awaiting.without(e.InvoiceID)
	return s.withItem(e.InvoiceID, item{number: e.Number, due: e.DueOn, payable: e.Payable.Minor, open: e.Payable.Minor})
}

// InvoiceAdjusted says that the source restated an invoice: a debit of Difference.
type InvoiceAdjusted struct {
	InvoiceID  uuid.UUID    `json:"invoice_id"`
	Payable    domain.Money `json:"payable"`    // from now on
	Difference domain.Money `json:"difference"` // signed
	Open       domain.Money `json:"open"`
	On         domain.Date  `json:"on"`
	DueOn      domain.Date  `json:"due_on,omitempty"` // from now on; empty: as it was
}

// Evolve changes what is payable, and when.
func (e InvoiceAdjusted) Evolve(s Account) Account {
	i, _ := s.items.get(e.InvoiceID)
	i.payable, i.open = e.Payable.Minor, e.Open.Minor
	if e.DueOn != "" {
		i.due = e.DueOn
	}
	return s.withItem(e.InvoiceID, i)
}

// InvoiceReversed says that a voided invoice is owed no more: a credit of Amount.
type InvoiceReversed struct {
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Amount    domain.Money `json:"amount"`
	On        domain.Date  `json:"on"`
}

// Evolve closes the item.
func (e InvoiceReversed) Evolve(s Account) Account {
	i, _ := s.items.get(e.InvoiceID)
	i.open, i.reversed = 0, true
	return s.withItem(e.InvoiceID, i)
}

// InvoiceWrittenOff says that the rest of an item is not expected any more: a credit of Amount.
type InvoiceWrittenOff struct {
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Amount    domain.Money `json:"amount"`
	On        domain.Date  `json:"on"`
}

// Evolve closes what was open.
func (e InvoiceWrittenOff) Evolve(s Account) Account {
	i, _ := s.items.get(e.InvoiceID)
	i.open, i.writtenOff = i.open-e.Amount.Minor, i.writtenOff+e.Amount.Minor
	return s.withItem(e.InvoiceID, i)
}

// WriteOffReversed says that money came for what had been written off (E10): a debit of Amount.
type WriteOffReversed struct {
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Amount    domain.Money `json:"amount"`
	Open      domain.Money `json:"open"`
	On        domain.Date  `json:"on"`
}

// Evolve reopens the amount.
func (e WriteOffReversed) Evolve(s Account) Account {
	i, _ := s.items.get(e.InvoiceID)
	i.open, i.writtenOff = i.open+e.Amount.Minor, i.writtenOff-e.Amount.Minor
	return s.withItem(e.InvoiceID, i)
}

// ChargePosted says that something is owed without a document, such as a bank's fee for
// a charge-back: a debit of Amount.
type ChargePosted struct {
	ChargeID uuid.UUID    `json:"charge_id"`
	Kind     string       `json:"kind"` // chargeback_fee
	Number   string       `json:"number"`
	Amount   domain.Money `json:"amount"`
	On       domain.Date  `json:"on"`
}

// Evolve adds the item, due at once.
func (e ChargePosted) Evolve(s Account) Account {
	return s.withItem(e.ChargeID, item{number: e.Number, due: e.On, payable: e.Amount.Minor, open: e.Amount.Minor})
}

// PostInvoice puts an issued invoice on the account. Posting it again is nothing.
// Payments that arrived before it and named it are allocated at once (E49).
type PostInvoice struct {
	CustomerID uuid.UUID
	InvoiceID  uuid.UUID
	Number     string
	Payable    domain.Money
	On, DueOn  domain.Date
}

// Decide posts once.
func (c PostInvoice) Decide(s Account) ([]Event, error) {
	if _, posted := s.items.get(c.InvoiceID); posted {
		return nil, nil
	}
	if c.Payable.Minor < 0 {
		return nil, errNegativeInvoice
	}
	d, err := s.open(c.CustomerID, c.Payable.Currency)
	if err != nil {
		return nil, err
	}
	waiting, _ := s.awaiting.get(c.InvoiceID)
	d.add(InvoicePosted{c.InvoiceID, c.Number, c.Payable, c.On, c.DueOn})
	for _, w := range waiting {
		d.allocateUpTo(w.fund, c.InvoiceID, w.amount, c.On)
	}
	return d.events, nil
}

var errNegativeInvoice = domain.Invalid("account.negative_invoice", "an invoice cannot be negative: issue a credit memo")

// AdjustInvoice follows a source that restated an invoice. Allocations beyond the new
// amount become unapplied credit.
type AdjustInvoice struct {
	InvoiceID uuid.UUID
	Payable   domain.Money
	On        domain.Date
	DueOn     domain.Date // empty: as it was
}

// Decide adjusts to what is given; the same is nothing, and so is a voided invoice: a
// policy may come to the restatement after the reversal.
func (c AdjustInvoice) Decide(s Account) ([]Event, error) {
	if i, ok := s.items.get(c.InvoiceID); ok && i.reversed {
		return nil, nil
	}
	if c.Payable.Minor < 0 {
		return nil, errNegativeInvoice
	}
	i, err := s.owedItem(c.InvoiceID)
	if err == nil {
		err = s.inCurrency(c.Payable.Currency)
	}
	if err != nil || c.Payable.Minor == i.payable && (c.DueOn == "" || c.DueOn == i.due) {
		return nil, err
	}
	d := &draft{now: s}
	if i.writtenOff > 0 && c.Payable.Minor != i.payable {
		d.add(WriteOffReversed{c.InvoiceID, d.money(i.writtenOff), d.money(i.open + i.writtenOff), c.On})
	}
	i, _ = d.now.items.get(c.InvoiceID)
	if excess := i.payable - i.open - i.writtenOff - c.Payable.Minor; excess > 0 {
		d.release(c.InvoiceID, excess, c.On)
	}
	i, _ = d.now.items.get(c.InvoiceID)
	difference := c.Payable.Minor - i.payable
	d.add(InvoiceAdjusted{c.InvoiceID, c.Payable, d.money(difference), d.money(i.open + difference), c.On, c.DueOn})
	return d.events, nil
}

// ReverseInvoice takes a voided invoice off the account. It is refused while payments are
// allocated to it, unless Release sets them free first (E9).
type ReverseInvoice struct {
	InvoiceID uuid.UUID
	Release   bool
	On        domain.Date
	domain.Because
}

// Decide reverses once.
func (c ReverseInvoice) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	i, ok := s.items.get(c.InvoiceID)
	switch {
	case !ok:
		return nil, domain.NotFound("account.unknown_invoice", "invoice %s is not on this account", c.InvoiceID)
	case i.reversed:
		return nil, nil
	case len(i.payers) > 0 && !c.Release:
		return nil, domain.Refused("invoice.has_payments",
			"%s has been paid in part or whole: ask again with release=true to make that money unapplied credit, or issue a credit memo", i.number)
	}
	d := &draft{now: s}
	if i.writtenOff > 0 {
		d.add(WriteOffReversed{c.InvoiceID, d.money(i.writtenOff), d.money(i.open + i.writtenOff), c.On})
	}
	d.release(c.InvoiceID, i.payable, c.On)
	d.add(InvoiceReversed{c.InvoiceID, d.money(i.payable), c.On})
	return d.events, nil
}

// WriteOffInvoice gives up what is still open.
type WriteOffInvoice struct {
	InvoiceID uuid.UUID   `json:"-"`
	On        domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
}

// Decide writes off the open amount.
func (c WriteOffInvoice) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	i, err := s.owedItem(c.InvoiceID)
	if err != nil {
		return nil, err
	}
	if i.open == 0 {
		if i.writtenOff > 0 {
			return nil, nil
		}
		return nil, domain.Refused("invoice.nothing_open", "nothing is open on %s", i.number)
	}
	d := &draft{now: s}
	d.add(InvoiceWrittenOff{c.InvoiceID, d.money(i.open), c.On})
	return d.events, nil
}

// release takes up to amount back from an item's payers, the last one first.
func (d *draft) release(itemID uuid.UUID, amount int64, on domain.Date) {
	i, _ := d.now.items.get(itemID)
	for _, fundID := range slices.Backward(i.payers) {
		f, _ := d.now.funds.get(fundID)
		for _, u := range f.uses {
			if u.item == itemID && amount > 0 {
				part := min(u.amount, amount)
				d.deallocate(fundID, itemID, part, on)
				amount -= part
			}
		}
	}
}
