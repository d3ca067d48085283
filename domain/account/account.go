// Package account is the receivables ledger of one customer in one currency: what is
// owed, what pays it, and which pays which. It is the one consistency boundary for
// money (DOMAIN d.1 area 8): documents are posted to it, and nothing that changes a
// balance happens anywhere else. Currencies never mix (E12).
//
// What is owed are items: invoices, and charges that arise here. What pays are funds:
// payments, credit memos, and credit transferred in. Invariant I4 holds throughout:
// what is open of an item and what is unapplied of a fund are never negative, and the
// ledger's postings sum to all that is open less all that is unapplied.
package account

import (
	"slices"
	"strings"
	"time"

	"github.com/benbjohnson/immutable"
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Opened]("account.opened"),
	domain.TypeOf[InvoicePosted]("account.invoice_posted"),
	domain.TypeOf[InvoiceAdjusted]("account.invoice_adjusted"),
	domain.TypeOf[InvoiceReversed]("account.invoice_reversed"),
	domain.TypeOf[InvoiceWrittenOff]("account.invoice_written_off"),
	domain.TypeOf[WriteOffReversed]("account.write_off_reversed"),
	domain.TypeOf[ChargePosted]("account.charge_posted"),
	domain.TypeOf[CreditPosted]("account.credit_posted"),
	domain.TypeOf[CreditAdjusted]("account.credit_adjusted"),
	domain.TypeOf[CreditReversed]("account.credit_reversed"),
	domain.TypeOf[CreditApplied]("account.credit_applied"),
	domain.TypeOf[CreditUnapplied]("account.credit_unapplied"),
	domain.TypeOf[PaymentInitiated]("account.payment_initiated"),
	domain.TypeOf[PaymentReceived]("account.payment_received"),
	domain.TypeOf[PaymentSettled]("account.payment_settled"),
	domain.TypeOf[PaymentFailed]("account.payment_failed"),
	domain.TypeOf[PaymentReversed]("account.payment_reversed"),
	domain.TypeOf[PaymentAllocated]("account.payment_allocated"),
	domain.TypeOf[PaymentDeallocated]("account.payment_deallocated"),
	domain.TypeOf[RefundRequested]("account.refund_requested"),
	domain.TypeOf[RefundSettled]("account.refund_settled"),
	domain.TypeOf[RefundFailed]("account.refund_failed"),
	domain.TypeOf[ChargebackOpened]("account.chargeback_opened"),
	domain.TypeOf[ChargebackReversed]("account.chargeback_reversed"),
	domain.TypeOf[ChargebackLost]("account.chargeback_lost"),
	domain.TypeOf[UnappliedTransferredOut]("account.unapplied_transferred_out"),
	domain.TypeOf[UnappliedTransferredIn]("account.unapplied_transferred_in"),
}

// Event is one of the types above.
type Event = domain.Event[Account]

// Account holds what decisions need. Its maps are persistent: evolving copies paths, not
// the account, so a payment costs the same on a long history as on a short one.
type Account struct {
	customer    uuid.UUID
	currency    string // "" until opened
	items       table[item]
	funds       table[fund]
	refunds     table[refund]
	chargebacks table[chargeback]
	transfers   table[int64]                            // sent: minor units
	awaiting    table[[]claim]                          // by invoice that is not posted yet (E49)
	unpaid      *immutable.SortedMap[string, uuid.UUID] // items with something open, oldest due first
	references  table[uuid.UUID]                        // payments by derived id of their external reference
	reserved    table[[]uuid.UUID]                      // by invoice: payments that were begun for it (E4)
}

// ID names the account of a customer in a currency: the part of its stream's name after
// the category.
func ID(customer uuid.UUID, currency string) string { return customer.String() + "-" + currency }

// HasItem tells whether an invoice, or charge, is on the account.
func (s Account) HasItem(id uuid.UUID) bool {
	_, ok := s.items.get(id)
	return ok
}

// HasFund tells whether a payment, credit memo or transfer is on the account.
func (s Account) HasFund(id uuid.UUID) bool {
	_, ok := s.funds.get(id)
	return ok
}

// PaymentOf is the payment that was recorded under an external reference.
func (s Account) PaymentOf(method, ref string) (uuid.UUID, bool) {
	if ref = strings.TrimSpace(ref); ref == "" {
		return uuid.Nil, false
	}
	return s.references.get(referenceID(strings.TrimSpace(method), ref))
}

// referenceID stands for a payment's external reference in the account's table of them.
func referenceID(method, ref string) uuid.UUID { return domain.DerivedID(uuid.Nil, method, ref) }

// Allocation is part of a fund that pays part of an item.
type Allocation struct {
	InvoiceID uuid.UUID    `json:"invoice_id" doc:"The invoice, or charge, to pay"`
	Amount    domain.Money `json:"amount"`
}

// item is something owed. payable = open + written off + Σ allocations to it.
type item struct {
	number     string
	due        domain.Date
	payable    int64
	open       int64
	writtenOff int64
	reversed   bool
	payers     []uuid.UUID // funds with an allocation to it
}

func (i item) key(id uuid.UUID) string {
	return string(i.due) + "\x00" + i.number + "\x00" + id.String()
}

// maxParts bounds how many items a fund pays at a time, and how many funds pay an item:
// all of them can be taken back by one decision, which the store bounds.
const maxParts = 300

// claim is money of a fund that waits for an invoice to be posted.
type claim struct {
	fund   uuid.UUID
	amount int64
}

// The kinds of fund.
const (
	payment  = "payment"
	memo     = "credit_memo"
	transfer = "transfer"
)

// fund is something that pays.
// What came in less what was taken back = unapplied + spent + Σ uses.
type fund struct {
	kind       string
	amount     int64
	unapplied  int64
	spent      int64 // refunded or transferred to another account
	uses       []use
	shortfalls int    // how many charges stand for what it had spent when it was taken back
	status     string // of a payment: initiated, received, settled, failed, reversed; of others: ""
	method     string
	expires    time.Time // of an initiated payment's reservation
	planned    []Allocation
}

type use struct {
	item   uuid.UUID
	amount int64
}

func (f fund) useOf(item uuid.UUID) int {
	return slices.IndexFunc(f.uses, func(u use) bool { return u.item == item })
}

type refund struct {
	fund    uuid.UUID
	amount  int64
	settled bool
	failed  bool
}

type chargeback struct {
	fund     uuid.UUID
	amount   int64
	released []Allocation
	charge   *uuid.UUID // the shortfall's
	outcome  string     // "", won, lost
}

// Opened says that a customer has an account in a currency.
type Opened struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Currency   string    `json:"currency"`
}

// Evolve begins the account.
func (e Opened) Evolve(s Account) Account {
	s.customer, s.currency = e.CustomerID, e.Currency
	return s
}

// draft collects a decision's events, evolving as it goes, so that each next event is
// decided on what the one before left.
type draft struct {
	now    Account
	events []Event
}

func (d *draft) add(e Event) {
	d.now = e.Evolve(d.now)
	d.events = append(d.events, e)
}

func (d *draft) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: d.now.currency}
}

// open starts a decision, opening the account by its first use.
func (s Account) open(customer uuid.UUID, currency string) (*draft, error) {
	d := &draft{now: s}
	if s.currency == "" {
		if customer == uuid.Nil {
			return nil, domain.NotFound("account.unknown", "this customer has no account in %s yet", currency)
		}
		if err := domain.CheckCurrency(currency); err != nil {
			return nil, err
		}
		d.add(Opened{customer, currency})
	}
	return d, d.now.inCurrency(currency)
}

func (s Account) inCurrency(currency string) error {
	if currency != s.currency {
		return domain.Refused("account.wrong_currency", "this account is in %s, not %s: currencies are never converted", s.currency, currency)
	}
	return nil
}

func (s Account) known() error {
	if s.currency == "" {
		return domain.NotFound("account.unknown", "this customer has no such account yet")
	}
	return nil
}

func (s Account) paymentFund(id uuid.UUID) (fund, error) {
	f, ok := s.funds.get(id)
	if !ok || f.kind != payment {
		return f, domain.NotFound("account.unknown_payment", "this account has no payment %s", id)
	}
	return f, nil
}

func (s Account) owedItem(id uuid.UUID) (item, error) {
	i, ok := s.items.get(id)
	if !ok {
		return i, domain.NotFound("account.unknown_invoice", "invoice %s is not on this account", id)
	}
	if i.reversed {
		return i, domain.Refused("account.invoice_reversed", "invoice %s was voided", i.number)
	}
	return i, nil
}

// withItem stores an item and keeps the list of what is unpaid in step.
func (s Account) withItem(id uuid.UUID, i item) Account {
	if s.unpaid == nil {
		s.unpaid = immutable.NewSortedMap[string, uuid.UUID](nil)
	}
	if was, ok := s.items.get(id); ok && (i.open == 0 || was.key(id) != i.key(id)) {
		s.unpaid = s.unpaid.Delete(was.key(id))
	}
	if i.open > 0 {
		s.unpaid = s.unpaid.Set(i.key(id), id)
	}
	s.items = s.items.with(id, i)
	return s
}

// apply moves an amount from a fund to an item, or back if it is negative.
func (s Account) apply(fundID, itemID uuid.UUID, amount int64) Account {
	f, _ := s.funds.get(fundID)
	i, _ := s.items.get(itemID)
	f.unapplied -= amount
	i.open -= amount
	at := f.useOf(itemID)
	f.uses = slices.Clone(f.uses)
	if at < 0 {
		at = len(f.uses)
		f.uses = append(f.uses, use{item: itemID})
		i.payers = append(slices.Clip(i.payers), fundID)
	}
	f.uses[at].amount += amount
	if f.uses[at].amount == 0 {
		f.uses = slices.Delete(f.uses, at, at+1)
		i.payers = slices.DeleteFunc(slices.Clone(i.payers), func(id uuid.UUID) bool { return id == fundID })
	}
	s.funds = s.funds.with(fundID, f)
	return s.withItem(itemID, i)
}
