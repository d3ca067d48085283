package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
)

// RequestRefund sends unapplied money back (E6).
func (c *Commands) RequestRefund(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.RequestRefund) (Receipt, error) {
	by = by.complete(c)
	if err := c.arrive(ctx, by, at, id); err != nil {
		return Receipt{}, err
	}
	cmd.FundID, cmd.RefundID = id, by.newID(cmd.RefundID, "refund")
	return c.book(ctx, by, at.task(by, "RequestRefund", cmd.RefundID), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// SettleRefund confirms that a refund arrived.
func (c *Commands) SettleRefund(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.SettleRefund) (Receipt, error) {
	cmd.RefundID = id
	return c.book(ctx, by, at.task(by, "SettleRefund", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// FailRefund says that a refund came back.
func (c *Commands) FailRefund(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.FailRefund) (Receipt, error) {
	cmd.RefundID = id
	return c.book(ctx, by, at.task(by, "FailRefund", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// OpenChargeback books a bank's charge-back (E7).
func (c *Commands) OpenChargeback(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.OpenChargeback) (Receipt, error) {
	by = by.complete(c)
	cmd.PaymentID, cmd.ChargebackID = id, by.newID(cmd.ChargebackID, "chargeback")
	return c.book(ctx, by, at.task(by, "OpenChargeback", cmd.ChargebackID), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// WinChargeback books that the bank gave the money back.
func (c *Commands) WinChargeback(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.WinChargeback) (Receipt, error) {
	cmd.ChargebackID = id
	return c.book(ctx, by, at.task(by, "WinChargeback", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}

// LoseChargeback books that the bank keeps the money.
func (c *Commands) LoseChargeback(ctx context.Context, by Caller, at Ledger, id uuid.UUID, cmd account.LoseChargeback) (Receipt, error) {
	cmd.ChargebackID = id
	return c.book(ctx, by, at.task(by, "LoseChargeback", id), cmd.On, func(on domain.Date) onAccount { cmd.On = on; return cmd })
}
