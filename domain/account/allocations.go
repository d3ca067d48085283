package account

import (
	"slices"
	"strconv"

	"github.com/google/uuid"

	"portico/domain"
)

// PaymentAllocated says that part of a payment pays part of an invoice, and what that
// left open of the one and unapplied of the other.
type PaymentAllocated struct {
	PaymentID uuid.UUID    `json:"payment_id"`
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Amount    domain.Money `json:"amount"`
	Open      domain.Money `json:"open"`
	Unapplied domain.Money `json:"unapplied"`
	On        domain.Date  `json:"on"`
}

// Evolve applies it.
func (e PaymentAllocated) Evolve(s Account) Account {
	return s.apply(e.PaymentID, e.InvoiceID, e.Amount.Minor)
}

// PaymentDeallocated takes part of an allocation back.
type PaymentDeallocated PaymentAllocated

// Evolve takes it back.
func (e PaymentDeallocated) Evolve(s Account) Account {
	return s.apply(e.PaymentID, e.InvoiceID, -e.Amount.Minor)
}

// CreditApplied says that part of a credit memo, or of credit transferred in, pays part
// of an invoice.
type CreditApplied struct {
	CreditID  uuid.UUID    `json:"credit_id"`
	InvoiceID uuid.UUID    `json:"invoice_id"`
	Amount    domain.Money `json:"amount"`
	Open      domain.Money `json:"open"`
	Unapplied domain.Money `json:"unapplied"`
	On        domain.Date  `json:"on"`
}

// Evolve applies it.
func (e CreditApplied) Evolve(s Account) Account {
	return s.apply(e.CreditID, e.InvoiceID, e.Amount.Minor)
}

// CreditUnapplied takes part of an application back.
type CreditUnapplied CreditApplied

// Evolve takes it back.
func (e CreditUnapplied) Evolve(s Account) Account {
	return s.apply(e.CreditID, e.InvoiceID, -e.Amount.Minor)
}

// AllocatePayment says which invoices the unapplied part of a payment pays.
type AllocatePayment struct {
	PaymentID   uuid.UUID    `json:"-"`
	Allocations []Allocation `json:"allocations,omitempty" maxItems:"300"`
	OldestFirst bool         `json:"oldest_first,omitempty" doc:"Allocate what is left to the oldest due first"`
	On          domain.Date  `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide allocates exactly what is asked, or refuses.
func (c AllocatePayment) Decide(s Account) ([]Event, error) {
	if _, err := s.paymentFund(c.PaymentID); err != nil {
		return nil, err
	}
	return s.applyFund(c.PaymentID, c.Allocations, c.OldestFirst, c.On)
}

// ApplyCredit says which invoices a credit pays: a credit memo, what is left of a
// payment, or credit transferred in.
type ApplyCredit struct {
	CreditID    uuid.UUID    `json:"-"`
	Allocations []Allocation `json:"allocations,omitempty" maxItems:"300"`
	OldestFirst bool         `json:"oldest_first,omitempty" doc:"Apply what is left to the oldest due first"`
	On          domain.Date  `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
}

// Decide applies exactly what is asked, or refuses.
func (c ApplyCredit) Decide(s Account) ([]Event, error) {
	if _, ok := s.funds.get(c.CreditID); !ok {
		return nil, domain.NotFound("account.unknown_credit", "this account has no credit %s", c.CreditID)
	}
	return s.applyFund(c.CreditID, c.Allocations, c.OldestFirst, c.On)
}

func (s Account) applyFund(id uuid.UUID, allocations []Allocation, oldest bool, on domain.Date) ([]Event, error) {
	total, err := checkAllocations(s, allocations)
	if err != nil {
		return nil, err
	}
	d := &draft{now: s}
	if f, _ := s.funds.get(id); total > f.unapplied {
		return nil, domain.Refused("account.exceeds_credit", "only %d is unapplied, not %d", f.unapplied, total)
	}
	for _, a := range allocations {
		i, err := d.now.owedItem(a.InvoiceID)
		if err != nil {
			return nil, err
		}
		if d.full(id, a.InvoiceID) {
			return nil, domain.Refused("account.too_many_parts", "a payment or credit is split into at most %d parts", maxParts)
		}
		if a.Amount.Minor > i.open+i.writtenOff {
			return nil, domain.Refused("account.exceeds_open", "%s has %d open, not %d", i.number, i.open+i.writtenOff, a.Amount.Minor)
		}
		d.allocateUpTo(id, a.InvoiceID, a.Amount.Minor, on)
	}
	if oldest {
		d.allocateOldest(id, 0, on)
	}
	return d.events, nil
}

// full tells whether a fund cannot begin to pay an item, because of maxParts.
func (d *draft) full(fundID, itemID uuid.UUID) bool {
	f, _ := d.now.funds.get(fundID)
	i, _ := d.now.items.get(itemID)
	return f.useOf(itemID) < 0 && max(len(f.uses), len(i.payers)) >= maxParts
}

// checkAllocations adds up allocations in the account's currency, each invoice once.
func checkAllocations(s Account, allocations []Allocation) (total int64, err error) {
	seen := map[uuid.UUID]bool{}
	for _, a := range allocations {
		if err := a.Amount.CheckPositive(); err != nil {
			return 0, err
		}
		if err := s.inCurrency(a.Amount.Currency); err != nil {
			return 0, err
		}
		if seen[a.InvoiceID] {
			return 0, domain.Invalid("account.invoice_twice", "invoice %s is named twice", a.InvoiceID)
		}
		seen[a.InvoiceID] = true
		total += a.Amount.Minor
	}
	return total, nil
}

// Deallocate takes allocations of a payment or credit back, all of them or those to one
// invoice; the invoices reopen.
type Deallocate struct {
	FundID    uuid.UUID   `json:"-"`
	InvoiceID uuid.UUID   `json:"invoice_id,omitempty" doc:"Only the part that pays this invoice; left out: all of it"`
	On        domain.Date `json:"on,omitempty" format:"date" doc:"Effective date; today if left out"`
	domain.Because
}

// Decide takes back what there is.
func (c Deallocate) Decide(s Account) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	f, ok := s.funds.get(c.FundID)
	if !ok {
		return nil, domain.NotFound("account.unknown_credit", "this account has no payment or credit %s", c.FundID)
	}
	d := &draft{now: s}
	for _, u := range slices.Backward(f.uses) {
		if c.InvoiceID == uuid.Nil || u.item == c.InvoiceID {
			d.deallocate(c.FundID, u.item, u.amount, c.On)
		}
	}
	return d.events, nil
}

// allocateUpTo allocates as much of amount as the fund has and the item takes. Where that
// is more than is open, what had been written off comes back (E10).
func (d *draft) allocateUpTo(fundID, itemID uuid.UUID, amount int64, on domain.Date) {
	f, _ := d.now.funds.get(fundID)
	i, _ := d.now.items.get(itemID)
	if i.reversed || d.full(fundID, itemID) {
		return
	}
	amount = min(amount, f.unapplied, i.open+i.writtenOff)
	if amount <= 0 {
		return
	}
	if back := amount - i.open; back > 0 {
		d.add(WriteOffReversed{itemID, d.money(back), d.money(i.open + back), on})
		i.open += back
	}
	open, unapplied := d.money(i.open-amount), d.money(f.unapplied-amount)
	if f.kind == payment {
		d.add(PaymentAllocated{fundID, itemID, d.money(amount), open, unapplied, on})
	} else {
		d.add(CreditApplied{fundID, itemID, d.money(amount), open, unapplied, on})
	}
}

// allocateOldest spends a fund, but for keep, on what is unpaid, by due date and then
// number (E3). What was written off stays so: to recover that, it must be named.
func (d *draft) allocateOldest(fundID uuid.UUID, keep int64, on domain.Date) {
	if d.now.unpaid == nil {
		return
	}
	for unpaid := d.now.unpaid.Iterator(); !unpaid.Done(); {
		_, itemID, _ := unpaid.Next()
		f, _ := d.now.funds.get(fundID)
		if f.unapplied <= keep || len(f.uses) >= maxParts {
			return
		}
		i, _ := d.now.items.get(itemID)
		d.allocateUpTo(fundID, itemID, min(i.open, f.unapplied-keep), on)
	}
}

func (d *draft) deallocate(fundID, itemID uuid.UUID, amount int64, on domain.Date) {
	f, _ := d.now.funds.get(fundID)
	i, _ := d.now.items.get(itemID)
	open, unapplied := d.money(i.open+amount), d.money(f.unapplied+amount)
	if f.kind == payment {
		d.add(PaymentDeallocated{fundID, itemID, d.money(amount), open, unapplied, on})
	} else {
		d.add(CreditUnapplied{fundID, itemID, d.money(amount), open, unapplied, on})
	}
}

// remaining is what a fund still holds, applied or not, and what it has spent.
func (d *draft) remaining(fundID uuid.UUID) int64 {
	f, _ := d.now.funds.get(fundID)
	total := f.unapplied + f.spent
	for _, u := range f.uses {
		total += u.amount
	}
	return total
}

// withdraw frees amount of a fund: what is unapplied, then what was applied last. What it
// has already spent cannot be freed; that shortfall is to be owed again under charge.
func (d *draft) withdraw(fundID uuid.UUID, amount int64, on domain.Date) (taken, shortfall domain.Money, charge *uuid.UUID) {
	f, _ := d.now.funds.get(fundID)
	missing := amount - f.unapplied
	for _, u := range slices.Backward(f.uses) {
		if missing > 0 {
			part := min(missing, u.amount)
			d.deallocate(fundID, u.item, part, on)
			missing -= part
		}
	}
	if missing = max(missing, 0); missing > 0 {
		id := shortfallID(fundID, f.shortfalls+1)
		charge = &id
	}
	return d.money(amount), d.money(missing), charge
}

// shortfallID is the charge for a fund's nth shortfall.
func shortfallID(fundID uuid.UUID, n int) uuid.UUID {
	return domain.DerivedID(fundID, "shortfall", strconv.Itoa(n))
}
