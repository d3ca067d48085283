package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/internal/failpoint"
)

func (c *Commands) onInvoice(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[invoice.Invoice]) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, name, "invoice", id), func(s invoice.Invoice) (decision[invoice.Invoice], error) {
		return decision[invoice.Invoice]{cmd: cmd, route: s.CustomerID()}, nil
	})
}

// content fills in what a request leaves to defaults, and checks what it refers to.
func (c *Commands) content(ctx context.Context, by Caller, in invoice.Content) (invoice.Content, error) {
	t, err := c.tenant(ctx, by)
	if err != nil {
		return in, err
	}
	if err := t.CheckParty(in.Party); err != nil {
		return in, err
	}
	var who customer.Customer
	if in.CustomerID != nil {
		if who, err = c.activeCustomer(ctx, by, *in.CustomerID); err != nil {
			return in, err
		}
	}
	if err := c.mainContact(ctx, by, in.PrimaryContactID, routeOf(in.Party)); err != nil {
		return in, err
	}
	if in.Currency == "" {
		in.Currency = who.Currency()
	}
	if in.Currency == "" {
		in.Currency = t.Settings().Currency
	}
	in.IssuedOn = c.today(t, in.IssuedOn)
	if in.DueOn == "" {
		in.DueOn = in.IssuedOn.AddDays(who.TermsDays())
	}
	return in, nil
}

// mainContact refuses who is no contact of the customer. What is nobody's has none.
func (c *Commands) mainContact(ctx context.Context, by Caller, id *uuid.UUID, of uuid.UUID) error {
	if id == nil {
		return nil
	}
	who, err := peek[contact.Contact](ctx, c, by.Tenant, "contact", *id)
	if err == nil && (of == uuid.Nil || who.CustomerID() != of) {
		err = domain.NotFound("contact.unknown", "this customer has no contact %s", id)
	}
	return err
}

// DraftInvoice writes a draft, or rewrites it. No customer sees drafts.
func (c *Commands) DraftInvoice(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.Draft) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "DraftInvoice", "invoice", by.newID(id, "invoice")), func(invoice.Invoice) (decision[invoice.Invoice], error) {
		content, err := c.content(ctx, by, cmd.Content)
		return decision[invoice.Invoice]{cmd: invoice.Draft{Content: content}, route: routeOf(cmd.Party)}, err
	})
}

// IssueInvoice makes an invoice owed. A policy posts it to the customer's account.
func (c *Commands) IssueInvoice(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.Issue) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	id = by.newID(id, "invoice")
	return decide(ctx, c, by, about(by, "IssueInvoice", "invoice", id), func(s invoice.Invoice) (decision[invoice.Invoice], error) {
		issue := invoice.Issue{Publish: cmd.Publish}
		var err error
		if issue.Content, err = c.content(ctx, by, cmd.Content); err != nil {
			return decision[invoice.Invoice]{}, err
		}
		d := c.numberedInvoice(ctx, by, id, s, issue.Content)
		if document, invalid := issue.Document(); cmd.Publish && !s.Numbered() && invalid == nil {
			issue.Rendition, err = c.drawInvoice(ctx, by, document)
		}
		d.cmd = issue
		return d, err
	})
}

// ImportInvoice follows a source system's record.
func (c *Commands) ImportInvoice(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.Import) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "ImportInvoice", "invoice", id), func(s invoice.Invoice) (decision[invoice.Invoice], error) {
		d := c.numberedInvoice(ctx, by, id, s, cmd.Content)
		d.cmd = cmd
		return d, nil
	})
}

// numberedInvoice reserves the number of an invoice that is about to be issued, and only
// then: a refused request uses none up (I6).
func (c *Commands) numberedInvoice(ctx context.Context, by Caller, id uuid.UUID, s invoice.Invoice, content invoice.Content) decision[invoice.Invoice] {
	d := decision[invoice.Invoice]{route: routeOf(content.Party)}
	if d.route == uuid.Nil {
		d.route = s.CustomerID()
	}
	if !s.Numbered() {
		d.claim = func() error { return c.reserve(ctx, by, "invoice", content.Number, id) }
	}
	return d
}

func routeOf(p domain.Party) uuid.UUID {
	if p.CustomerID == nil {
		return uuid.Nil
	}
	return *p.CustomerID
}

// PublishInvoice lets the customer's contacts see an issued invoice, as the file that it is
// drawn into here. If that cannot be kept nothing is published.
func (c *Commands) PublishInvoice(ctx context.Context, by Caller, id uuid.UUID, _ invoice.Publish) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "PublishInvoice", "invoice", id), func(s invoice.Invoice) (d decision[invoice.Invoice], err error) {
		var publish invoice.Publish
		if document, fresh := s.Publishable(); fresh {
			publish.Rendition, err = c.drawInvoice(ctx, by, document)
		}
		return decision[invoice.Invoice]{cmd: publish, route: s.CustomerID()}, err
	})
}

// CorrectInvoiceReference changes the customer's reference or the description, the site or
// the main contact.
func (c *Commands) CorrectInvoiceReference(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.CorrectReference) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "CorrectInvoiceReference", "invoice", id), func(s invoice.Invoice) (d decision[invoice.Invoice], err error) {
		if to := cmd.PrimaryContactID; to != nil && *to != uuid.Nil && s.Numbered() {
			err = c.mainContact(ctx, by, to, s.CustomerID())
		}
		return decision[invoice.Invoice]{cmd: cmd, route: s.CustomerID()}, err
	})
}

// AssignInvoice says whose an invoice is that came without a customer.
func (c *Commands) AssignInvoice(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.Assign) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "AssignInvoice", "invoice", id), func(invoice.Invoice) (decision[invoice.Invoice], error) {
		_, err := c.activeCustomer(ctx, by, cmd.CustomerID)
		return decision[invoice.Invoice]{cmd: cmd, route: cmd.CustomerID}, err
	})
}

// OpenInvoiceDispute records that the customer contests an invoice.
func (c *Commands) OpenInvoiceDispute(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.OpenDispute) (Receipt, error) {
	return c.onInvoice(ctx, by, "OpenInvoiceDispute", id, cmd)
}

// ResolveInvoiceDispute ends a dispute.
func (c *Commands) ResolveInvoiceDispute(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.ResolveDispute) (Receipt, error) {
	return c.onInvoice(ctx, by, "ResolveInvoiceDispute", id, cmd)
}

// VoidInvoice ends an invoice. For an issued one the account decides, since only it knows
// what has been paid (E9); the document follows, by policy if this process should die
// between the two.
func (c *Commands) VoidInvoice(ctx context.Context, by Caller, id uuid.UUID, cmd invoice.Void) (r Receipt, err error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return r, err
	}
	for range attempts {
		now, err := peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", id)
		if err != nil {
			return r, err
		}
		check := cmd
		check.Reversed = true
		if _, err := check.Decide(now); err != nil {
			return r, err
		}
		if d, posted := now.Posted(); posted {
			if err := c.reverseInvoice(ctx, by, id, d, cmd); err != nil {
				return r, err
			}
			cmd.Reversed = true
			failpoint.At("commands.between") // the account has decided, the document does not know yet
		}
		r, err = c.onInvoice(ctx, by, "VoidInvoice", id, cmd)
		if domain.CodeOf(err) != "invoice.on_account" { // else it was assigned meanwhile
			return r, err
		}
	}
	return r, err
}

// reverseInvoice takes an invoice off its account, which the policy may not have come to yet.
func (c *Commands) reverseInvoice(ctx context.Context, by Caller, id uuid.UUID, d invoice.Document, cmd invoice.Void) error {
	on, err := c.effective(ctx, by, cmd.On)
	if err != nil {
		return err
	}
	if _, err := c.PostInvoice(ctx, by.step("post"), id, d); err != nil {
		return err
	}
	at := Ledger{routeOf(d.Party), d.Currency}
	_, err = c.onLedger(ctx, by.step("reverse"), at.task(by, "VoidInvoice", id), account.ReverseInvoice{
		InvoiceID: id, Release: cmd.Release, On: on, Because: cmd.Because,
	})
	return err
}
