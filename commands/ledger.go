package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
)

type onAccount = domain.Command[account.Account]

// ledgerTask is a task on an account.
type ledgerTask struct {
	task
	at Ledger
}

// task is an operation on the account; id is what the receipt is about.
func (at Ledger) task(by Caller, name string, id uuid.UUID) ledgerTask {
	return ledgerTask{task{name, id, at.stream(by.Tenant)}, at}
}

// onLedger decides on an account.
func (c *Commands) onLedger(ctx context.Context, by Caller, t ledgerTask, cmd onAccount) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	if err := domain.CheckCurrency(t.at.Currency); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, t.task, decision[account.Account]{cmd: cmd, route: t.at.CustomerID})
}

// book is onLedger with an effective date: the one given, or today.
func (c *Commands) book(ctx context.Context, by Caller, t ledgerTask, given domain.Date, dated func(domain.Date) onAccount) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	on, err := c.effective(ctx, by, given)
	if err != nil {
		return Receipt{}, err
	}
	return c.onLedger(ctx, by, t, dated(on))
}

// arrive posts documents that the policy has not come to yet, so that whoever has just
// issued one can go on with it. What is no document of this account's is left alone.
func (c *Commands) arrive(ctx context.Context, by Caller, at Ledger, ids ...uuid.UUID) error {
	if err := by.May(access.ManageMoney); err != nil {
		return err
	}
	if err := domain.CheckCurrency(at.Currency); err != nil {
		return err
	}
	have, err := load[account.Account](ctx, c, at.stream(by.Tenant))
	for _, id := range ids {
		if err != nil {
			return err
		}
		if have.state.HasItem(id) || have.state.HasFund(id) {
			continue
		}
		var bill invoice.Invoice
		if bill, err = peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", id); err != nil {
			return err
		}
		if d, ok := bill.Posted(); ok && *d.CustomerID == at.CustomerID && d.Currency == at.Currency {
			_, err = c.PostInvoice(ctx, by.step("post "+id.String()), id, d)
			continue
		}
		var memo creditmemo.CreditMemo
		if memo, err = peek[creditmemo.CreditMemo](ctx, c, by.Tenant, "creditmemo", id); err != nil {
			return err
		}
		if d, ok := memo.Posted(); ok && *d.CustomerID == at.CustomerID && d.Currency == at.Currency {
			_, err = c.PostCreditMemo(ctx, by.step("post "+id.String()), id, d)
		}
	}
	return err
}

func named(allocations []account.Allocation, more ...uuid.UUID) []uuid.UUID {
	for _, a := range allocations {
		more = append(more, a.InvoiceID)
	}
	return more
}

// BeginPayment reserves invoices for a payment about to be made (E4).
func (c *Commands) BeginPayment(ctx context.Context, by Caller, at Ledger, cmd account.BeginPayment) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, named(cmd.Allocations)...); err != nil {
		return Receipt{}, err
	}
	t, err := c.tenant(ctx, by)
	if err != nil {
		return Receipt{}, err
	}
	cmd.PaymentID = by.newID(cmd.PaymentID, "payment")
	cmd.Policy, cmd.At = t.PaymentPolicy(), c.now()
	return c.onLedger(ctx, by, at.task(by, "BeginPayment", cmd.PaymentID), cmd)
}

// RecordPayment books money that has come. The receipt is about the payment, which is an
// earlier one if its external reference was recorded before (I5).
func (c *Commands) RecordPayment(ctx context.Context, by Caller, at Ledger, cmd account.RecordPayment) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, named(cmd.Allocations)...); err != nil {
		return Receipt{}, err
	}
	if cmd.Amount.Currency != at.Currency {
		return Receipt{}, domain.Refused("account.wrong_currency", "this account is in %s, not %s: currencies are never converted", at.Currency, cmd.Amount.Currency)
	}
	who, err := c.knownCustomer(ctx, by, at.CustomerID)
	if err != nil {
		return Receipt{}, err
	}
	cmd.CustomerID, cmd.PaymentID = who, by.newID(cmd.PaymentID, "payment")
	r, err := c.book(ctx, by, at.task(by, "RecordPayment", cmd.PaymentID), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
	if err == nil && r.Events == 0 && cmd.ExternalRef != "" {
		var now folded[account.Account]
		if now, err = load[account.Account](ctx, c, at.stream(by.Tenant)); err != nil {
			return r, err
		}
		if earlier, ok := now.state.PaymentOf(cmd.Method, cmd.ExternalRef); ok {
			r.ID = earlier
		}
	}
	return r, err
}

// SettlePayment confirms a payment.
func (c *Commands) SettlePayment(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.SettlePayment) (Receipt, error) {
	cmd.PaymentID = id
	return c.book(ctx, by, at.task(by, "SettlePayment", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// FailPayment says that a payment did not come, or went back (E5).
func (c *Commands) FailPayment(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.FailPayment) (Receipt, error) {
	cmd.PaymentID = id
	return c.book(ctx, by, at.task(by, "FailPayment", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// ReversePayment takes a payment back as if it had not been booked (E11).
func (c *Commands) ReversePayment(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.ReversePayment) (Receipt, error) {
	cmd.PaymentID = id
	return c.book(ctx, by, at.task(by, "ReversePayment", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// AllocatePayment says which invoices the rest of a payment pays (E3).
func (c *Commands) AllocatePayment(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.AllocatePayment) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, named(cmd.Allocations)...); err != nil {
		return Receipt{}, err
	}
	cmd.PaymentID = id
	return c.book(ctx, by, at.task(by, "AllocatePayment", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// ApplyCredit says which invoices a credit pays (E1, E8).
func (c *Commands) ApplyCredit(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.ApplyCredit) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, named(cmd.Allocations, id)...); err != nil {
		return Receipt{}, err
	}
	cmd.CreditID = id
	return c.book(ctx, by, at.task(by, "ApplyCredit", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// Deallocate takes allocations of a payment or credit back.
func (c *Commands) Deallocate(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.Deallocate) (Receipt, error) {
	cmd.FundID = id
	return c.book(ctx, by, at.task(by, "Deallocate", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// TransferUnapplied moves credit to another customer's account; a policy brings it in (E11).
func (c *Commands) TransferUnapplied(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.TransferUnapplied) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, id); err != nil {
		return Receipt{}, err
	}
	if _, err := c.knownCustomer(ctx, by, cmd.ToCustomerID); err != nil {
		return Receipt{}, err
	}
	cmd.FundID, cmd.TransferID = id, by.newID(cmd.TransferID, "transfer")
	return c.book(ctx, by, at.task(by, "TransferUnapplied", cmd.TransferID), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// WriteOffInvoice gives up what is still open of an invoice.
func (c *Commands) WriteOffInvoice(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.WriteOffInvoice) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, id); err != nil {
		return Receipt{}, err
	}
	cmd.InvoiceID = id
	return c.book(ctx, by, at.task(by, "WriteOffInvoice", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}
