package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// AddAttachment hangs a file on an invoice, a credit memo or a customer. The file must have
// been handed in by this tenant; no contact sees it yet (S4.26).
func (c *Commands) AddAttachment(ctx context.Context, by Caller, id uuid.UUID, cmd attachment.Add) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	t := about(by, "AddAttachment", "attachment", by.newID(id, "attachment"))
	return decide(ctx, c, by, t, func(attachment.Attachment) (d decision[attachment.Attachment], err error) {
		if cmd.CustomerID, err = c.ownedBy(ctx, by, cmd.Owner); err != nil {
			return d, err
		}
		cmd.File, err = c.handedIn(ctx, by, cmd.SHA256)
		return decision[attachment.Attachment]{cmd: cmd, route: cmd.CustomerID}, err
	})
}

// ShareAttachment is the tick "Viewable in Customer Portal" (S4.27).
func (c *Commands) ShareAttachment(ctx context.Context, by Caller, id uuid.UUID, cmd attachment.Share) (Receipt, error) {
	return c.onAttachment(ctx, by, "ShareAttachment", id, func(s attachment.Attachment) (_ domain.Command[attachment.Attachment], err error) {
		if s.CustomerID() != uuid.Nil {
			cmd.CustomerID, err = c.ownedBy(ctx, by, s.Owner())
		}
		return cmd, err
	})
}

// HideAttachment takes the tick away.
func (c *Commands) HideAttachment(ctx context.Context, by Caller, id uuid.UUID, cmd attachment.Hide) (Receipt, error) {
	return c.onAttachment(ctx, by, "HideAttachment", id, func(attachment.Attachment) (domain.Command[attachment.Attachment], error) { return cmd, nil })
}

// ReplaceAttachment puts another file in the place of one, hidden (E41).
func (c *Commands) ReplaceAttachment(ctx context.Context, by Caller, id uuid.UUID, cmd attachment.Replace) (Receipt, error) {
	return c.onAttachment(ctx, by, "ReplaceAttachment", id, func(attachment.Attachment) (_ domain.Command[attachment.Attachment], err error) {
		cmd.File, err = c.handedIn(ctx, by, cmd.SHA256)
		return cmd, err
	})
}

// RemoveAttachment takes a file off what it hangs on.
func (c *Commands) RemoveAttachment(ctx context.Context, by Caller, id uuid.UUID, cmd attachment.Remove) (Receipt, error) {
	return c.onAttachment(ctx, by, "RemoveAttachment", id, func(attachment.Attachment) (domain.Command[attachment.Attachment], error) { return cmd, nil })
}

func (c *Commands) onAttachment(ctx context.Context, by Caller, name string, id uuid.UUID,
	ask func(attachment.Attachment) (domain.Command[attachment.Attachment], error)) (Receipt, error) {
	if err := by.May(access.ManageBilling); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, name, "attachment", id), func(s attachment.Attachment) (decision[attachment.Attachment], error) {
		cmd, err := ask(s)
		return decision[attachment.Attachment]{cmd: cmd, route: s.CustomerID()}, err
	})
}

// ShowsAttachment tells whether a contact may have a file through an attachment now. It asks
// history itself: a tick that was taken away ends old links at once, on every node, not when
// a read model follows (S4.28). Whether the contact sees the owner is for the read model.
func (c *Commands) ShowsAttachment(ctx context.Context, tenant string, id uuid.UUID, sha256 string) (bool, error) {
	s, err := peek[attachment.Attachment](ctx, c, tenant, "attachment", id)
	return err == nil && s.Shows(sha256), err
}

// ownedBy is whose customer's the thing is that a file hangs on: nobody's is the nil UUID.
func (c *Commands) ownedBy(ctx context.Context, by Caller, o attachment.Owner) (of uuid.UUID, err error) {
	known := false
	switch o.Kind {
	case "customer":
		var s customer.Customer
		s, err = peek[customer.Customer](ctx, c, by.Tenant, o.Kind, o.ID)
		of, known = o.ID, s.Known()
	case "invoice":
		var s invoice.Invoice
		s, err = peek[invoice.Invoice](ctx, c, by.Tenant, o.Kind, o.ID)
		of, known = s.CustomerID(), s.Known()
	case "credit_memo":
		var s creditmemo.CreditMemo
		s, err = peek[creditmemo.CreditMemo](ctx, c, by.Tenant, "creditmemo", o.ID)
		of, known = s.CustomerID(), s.Numbered()
	default:
		return of, domain.Invalid("attachment.owner_kind", "a file hangs on an invoice, a credit_memo or a customer, not on a %q", o.Kind)
	}
	if err == nil && !known {
		err = domain.NotFound(o.Kind+".unknown", "there is no %s %s", o.Kind, o.ID)
	}
	return of, err
}

// handedIn is a file that the caller's tenant has uploaded.
func (c *Commands) handedIn(ctx context.Context, by Caller, sha256 string) (attachment.File, error) {
	if c.Uploaded == nil {
		return attachment.File{}, &domain.Error{Kind: domain.KindUnavailable, Code: "file.unavailable", Message: "files are not kept here"}
	}
	f, known, err := c.Uploaded(ctx, by.Tenant, sha256)
	if err == nil && !known {
		err = domain.NotFound("file.unknown", "this file was not handed in: send it to /v1/files first")
	}
	return f, err
}
