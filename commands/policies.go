package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// What follows from one aggregate's events for another is asked here, by policies that
// read the log. Each may be asked again at any time: the second time nothing happens.
// A policy may lag behind: what it asks must suit the document as it is now.

// PostInvoice puts an issued invoice on its customer's account. One that has been voided
// meanwhile is there already, or never was to be.
func (c *Commands) PostInvoice(ctx context.Context, by Caller, id uuid.UUID, d invoice.Document) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	now, err := peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", id)
	if err != nil || d.CustomerID == nil || now.Voided() {
		return Receipt{ID: id}, err
	}
	at := Ledger{*d.CustomerID, d.Currency}
	return c.onLedger(ctx, by, at.task(by, "PostInvoice", id), account.PostInvoice{
		CustomerID: at.CustomerID, InvoiceID: id, Number: d.Number, Payable: d.Payable(), On: d.IssuedOn, DueOn: d.DueOn,
	})
}

// AdjustInvoice follows a restated invoice on its customer's account, to what it is now:
// its account may have seen a later restatement than d already.
func (c *Commands) AdjustInvoice(ctx context.Context, by Caller, id uuid.UUID, d invoice.Document) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	now, err := peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", id)
	if latest, posted := now.Posted(); posted {
		d = latest
	}
	if err != nil || d.CustomerID == nil {
		return Receipt{ID: id}, err
	}
	at := Ledger{*d.CustomerID, d.Currency}
	return c.book(ctx, by, at.task(by, "AdjustInvoice", id), d.RestatedOn, func(on domain.Date) onAccount {
		return account.AdjustInvoice{InvoiceID: id, Payable: d.Payable(), On: on, DueOn: d.DueOn}
	})
}

// PostCreditMemo puts an issued credit memo on its customer's account.
func (c *Commands) PostCreditMemo(ctx context.Context, by Caller, id uuid.UUID, d creditmemo.Document) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	now, err := peek[creditmemo.CreditMemo](ctx, c, by.Tenant, "creditmemo", id)
	if err != nil || d.CustomerID == nil || now.Voided() {
		return Receipt{ID: id}, err
	}
	at := Ledger{*d.CustomerID, d.Currency}
	return c.onLedger(ctx, by, at.task(by, "PostCreditMemo", id), account.PostCredit{
		CustomerID: at.CustomerID, CreditID: id, Number: d.Number, Amount: d.Amount(), AgainstInvoice: d.AgainstInvoice, On: d.IssuedOn,
	})
}

// AdjustCreditMemo follows a restated credit memo on its customer's account.
func (c *Commands) AdjustCreditMemo(ctx context.Context, by Caller, id uuid.UUID, d creditmemo.Document) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	now, err := peek[creditmemo.CreditMemo](ctx, c, by.Tenant, "creditmemo", id)
	if latest, posted := now.Posted(); posted {
		d = latest
	}
	if err != nil || d.CustomerID == nil {
		return Receipt{ID: id}, err
	}
	at := Ledger{*d.CustomerID, d.Currency}
	return c.book(ctx, by, at.task(by, "AdjustCreditMemo", id), "", func(on domain.Date) onAccount {
		return account.AdjustCredit{CreditID: id, Amount: d.Amount(), On: on}
	})
}

// FollowReversedInvoice voids an invoice that its account has reversed.
func (c *Commands) FollowReversedInvoice(ctx context.Context, by Caller, id uuid.UUID, why domain.Because) (Receipt, error) {
	return c.onInvoice(ctx, by, "VoidInvoice", id, invoice.Void{Because: why, Reversed: true})
}

// FollowReversedCreditMemo voids a credit memo that its account has reversed.
func (c *Commands) FollowReversedCreditMemo(ctx context.Context, by Caller, id uuid.UUID, why domain.Because) (Receipt, error) {
	if err := by.May(access.ManageMoney); err != nil {
		return Receipt{}, err
	}
	return c.onMemo(ctx, by, "VoidCreditMemo", id, creditmemo.Void{Because: why, Reversed: true})
}

// ReceiveTransfer brings credit in that another account has sent.
func (c *Commands) ReceiveTransfer(ctx context.Context, by Caller, from Ledger, sent account.UnappliedTransferredOut) (Receipt, error) {
	at := Ledger{sent.ToCustomerID, from.Currency}
	return c.onLedger(ctx, by, at.task(by, "ReceiveTransfer", sent.TransferID), account.ReceiveTransfer{
		CustomerID: sent.ToCustomerID, TransferID: sent.TransferID, Amount: sent.Amount, FromCustomerID: from.CustomerID, On: sent.On,
	})
}

// knownCustomer refuses ids that were never a customer's. Closed ones still have accounts.
func (c *Commands) knownCustomer(ctx context.Context, by Caller, id uuid.UUID) (uuid.UUID, error) {
	s, err := peek[customer.Customer](ctx, c, by.Tenant, "customer", id)
	if err == nil && !s.Known() {
		err = domain.NotFound("customer.unknown", "there is no customer %s", id)
	}
	return id, err
}
