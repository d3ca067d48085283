package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/failpoint"
)

// IssueCreditMemo credits a customer. A policy posts it to the customer's account.
func (c *Commands) IssueCreditMemo(ctx context.Context, by Caller, id uuid.UUID, cmd creditmemo.Issue) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	id = by.newID(id, "creditmemo")
	return decide(ctx, c, by, about(by, "IssueCreditMemo", "creditmemo", id), func(s creditmemo.CreditMemo) (decision[creditmemo.CreditMemo], error) {
		var issue creditmemo.Issue
		var err error
		if issue.Content, err = c.memoContent(ctx, by, cmd.Content); err != nil {
			return decision[creditmemo.CreditMemo]{}, err
		}
		d := c.numberedMemo(ctx, by, id, s, issue.Content)
		if document, invalid := issue.Document(); !s.Numbered() && invalid == nil {
			issue.Rendition, err = c.drawMemo(ctx, by, document)
		}
		d.cmd = issue
		return d, err
	})
}

// memoContent fills in what a request leaves to defaults, and checks what it refers to.
func (c *Commands) memoContent(ctx context.Context, by Caller, in creditmemo.Content) (creditmemo.Content, error) {
	like, err := c.content(ctx, by, invoice.Content{Party: in.Party, Calculation: in.Calculation, IssuedOn: in.IssuedOn})
	if err != nil {
		return in, err
	}
	in.Calculation, in.IssuedOn = like.Calculation, like.IssuedOn
	if in.AgainstInvoice == nil {
		return in, nil
	}
	of, err := peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", *in.AgainstInvoice)
	if err != nil {
		return in, err
	}
	d, posted := of.Posted()
	switch {
	case !posted || *d.CustomerID != routeOf(in.Party):
		return in, domain.NotFound("invoice.unknown", "this customer has no invoice %s", in.AgainstInvoice)
	case d.Currency != in.Currency:
		return in, domain.Refused("account.wrong_currency", "%s is in %s, not %s: currencies are never converted", d.Number, d.Currency, in.Currency)
	}
	return in, nil
}

// ImportCreditMemo follows a source system's record.
func (c *Commands) ImportCreditMemo(ctx context.Context, by Caller, id uuid.UUID, cmd creditmemo.Import) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "ImportCreditMemo", "creditmemo", id), func(s creditmemo.CreditMemo) (decision[creditmemo.CreditMemo], error) {
		d := c.numberedMemo(ctx, by, id, s, cmd.Content)
		d.cmd = cmd
		return d, nil
	})
}

// numberedMemo reserves the number of a credit memo that is about to be issued (I6).
func (c *Commands) numberedMemo(ctx context.Context, by Caller, id uuid.UUID, s creditmemo.CreditMemo, content creditmemo.Content) decision[creditmemo.CreditMemo] {
	d := decision[creditmemo.CreditMemo]{route: routeOf(content.Party)}
	if d.route == uuid.Nil {
		d.route = s.CustomerID()
	}
	if !s.Numbered() {
		d.claim = func() error { return c.reserve(ctx, by, "credit_memo", content.Number, id) }
	}
	return d
}

// AssignCreditMemo says whose a credit memo is that came without a customer.
func (c *Commands) AssignCreditMemo(ctx context.Context, by Caller, id uuid.UUID, cmd creditmemo.Assign) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "AssignCreditMemo", "creditmemo", id), func(creditmemo.CreditMemo) (decision[creditmemo.CreditMemo], error) {
		_, err := c.activeCustomer(ctx, by, cmd.CustomerID)
		return decision[creditmemo.CreditMemo]{cmd: cmd, route: cmd.CustomerID}, err
	})
}

// VoidCreditMemo ends a credit memo; its account decides first (E8).
func (c *Commands) VoidCreditMemo(ctx context.Context, by Caller, id uuid.UUID, cmd creditmemo.Void) (r Receipt, err error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return r, err
	}
	for range attempts {
		now, err := peek[creditmemo.CreditMemo](ctx, c, by.Tenant, "creditmemo", id)
		if err != nil {
			return r, err
		}
		check := cmd
		check.Reversed = true
		if _, err := check.Decide(now); err != nil {
			return r, err
		}
		if d, posted := now.Posted(); posted {
			if err := c.reverseMemo(ctx, by, id, d, cmd); err != nil {
				return r, err
			}
			cmd.Reversed = true
			failpoint.At("commands.between") // the account has decided, the document does not know yet
		}
		r, err = c.onMemo(ctx, by, "VoidCreditMemo", id, cmd)
		if domain.CodeOf(err) != "credit_memo.on_account" { // else it was assigned meanwhile
			return r, err
		}
	}
	return r, err
}

// reverseMemo takes a credit memo off its account, which the policy may not have come to yet.
func (c *Commands) reverseMemo(ctx context.Context, by Caller, id uuid.UUID, d creditmemo.Document, cmd creditmemo.Void) error {
	on, err := c.effective(ctx, by, cmd.On)
	if err != nil {
		return err
	}
	if _, err := c.PostCreditMemo(ctx, by.step("post"), id, d); err != nil {
		return err
	}
	at := Ledger{routeOf(d.Party), d.Currency}
	_, err = c.onLedger(ctx, by.step("reverse"), at.task(by, "VoidCreditMemo", id), account.ReverseCredit{CreditID: id, On: on, Because: cmd.Because})
	return err
}

func (c *Commands) onMemo(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[creditmemo.CreditMemo]) (Receipt, error) {
	return decide(ctx, c, by, about(by, name, "creditmemo", id), func(s creditmemo.CreditMemo) (decision[creditmemo.CreditMemo], error) {
		return decision[creditmemo.CreditMemo]{cmd: cmd, route: s.CustomerID()}, nil
	})
}
