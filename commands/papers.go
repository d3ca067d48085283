package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/statement"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/failpoint"
)

// Papers draws documents and keeps the files, before the events that name them: a file
// without its event is nobody's and does no harm, an event without its file would be a
// document that cannot be given out. Drawing the same again is the same file.
type Papers interface {
	Invoice(ctx context.Context, l Letter, d invoice.Document) (domain.Rendition, error)
	// CreditMemo draws a credit memo against the invoice of a number, "" for none that its
	// customer sees.
	CreditMemo(ctx context.Context, l Letter, d creditmemo.Document, against string) (domain.Rendition, error)
	// Image refuses the name of a file that cannot be drawn as a picture.
	Image(ctx context.Context, sha256 string) error
}

// Letter is from whom a document is and to whom, as they are when it is drawn.
type Letter struct {
	Issuer   tenant.Settings
	Branding tenant.Branding
	Number   string // the customer's
	Customer customer.Details
	// Branch and Contractor are the names of those that the document is of, if any.
	Branch, Contractor string
}

// Letter is what documents to a customer begin with. It is for staff, and for contacts of
// that customer while its portal is open.
func (c *Commands) Letter(ctx context.Context, by Caller, id uuid.UUID) (Letter, error) {
	to, err := c.reachable(ctx, by, id)
	if err != nil {
		return Letter{}, err
	}
	return c.letter(ctx, by, to, domain.Party{})
}

func (c *Commands) letter(ctx context.Context, by Caller, to customer.Customer, of domain.Party) (Letter, error) {
	from, err := c.tenant(ctx, by)
	if err == nil && to.Details().LegalName == "" {
		err = domain.Refused("subject.erased", "the personal data of whom this is about was erased for good")
	}
	branch, contractor := from.Names(of)
	details, hide := to.Details(), hiding{"customer", from.Hidden()}
	hide.text("address", &details.Address)
	hide.text("country", &details.Country)
	return Letter{from.Settings(), from.Branding(), to.Number(), details, branch, contractor}, err
}

// reachable is a customer that the caller may ask a statement for: any for staff, for a
// contact those of which it may see the whole account. Customers that are not its own, nor
// below its own, are as unknown to it as what does not exist.
func (c *Commands) reachable(ctx context.Context, by Caller, id uuid.UUID) (customer.Customer, error) {
	if err := by.mayOr(access.Contact, access.ManageBilling); err != nil {
		return customer.Customer{}, err
	}
	unknown := domain.NotFound("customer.unknown", "there is no such customer")
	if by.May(access.ManageBilling) != nil {
		mine, _, err := c.StandingOf(ctx, by.Tenant, by.Actor.ID)
		switch {
		case err != nil:
			return customer.Customer{}, err
		case by.Actor.Kind != envelope.Contact || !slices.Contains(mine.Seen(), id):
			return customer.Customer{}, unknown
		case by.asContact():
			return customer.Customer{}, impersonating()
		case !mine.Money(access.Download, id):
			return customer.Customer{}, notGranted(access.Account, access.Download)
		}
	}
	s, err := peek[customer.Customer](ctx, c, by.Tenant, "customer", id)
	if err == nil && !s.Known() {
		err = unknown
	}
	return s, err
}

// draw draws and keeps a customer's document, for the event that is to name it. nil: it is
// drawn later, by a job, as an import's documents are, and nobody's once they are somebody's.
func (c *Commands) draw(ctx context.Context, by Caller, of domain.Party, draw func(Letter) (domain.Rendition, error)) (*domain.Rendition, error) {
	if c.Papers == nil || of.CustomerID == nil || by.Origin.Channel == envelope.ChannelImport {
		return nil, nil
	}
	to, err := peek[customer.Customer](ctx, c, by.Tenant, "customer", *of.CustomerID)
	if err != nil {
		return nil, err
	}
	l, err := c.letter(ctx, by, to, of)
	if err != nil {
		return nil, err
	}
	r, err := draw(l)
	if err != nil {
		return nil, err
	}
	failpoint.At("commands.kept") // the file is there, the event is not
	return &r, nil
}

func (c *Commands) drawInvoice(ctx context.Context, by Caller, d invoice.Document) (*domain.Rendition, error) {
	d = withoutCards(d) // as its event will be
	fields, err := c.HiddenFields(ctx, by.Tenant)
	if err != nil {
		return nil, err
	}
	d = hiding{"invoice", fields}.invoice(d)
	return c.draw(ctx, by, d.Party, func(l Letter) (domain.Rendition, error) { return c.Papers.Invoice(ctx, l, d) })
}

func (c *Commands) drawMemo(ctx context.Context, by Caller, d creditmemo.Document) (*domain.Rendition, error) {
	d = withoutCards(d)
	fields, err := c.HiddenFields(ctx, by.Tenant)
	if err != nil {
		return nil, err
	}
	d = hiding{"credit_memo", fields}.memo(d)
	return c.draw(ctx, by, d.Party, func(l Letter) (domain.Rendition, error) {
		var against invoice.Invoice
		if d.AgainstInvoice != nil {
			var err error
			if against, err = peek[invoice.Invoice](ctx, c, by.Tenant, "invoice", *d.AgainstInvoice); err != nil {
				return domain.Rendition{}, err
			}
		}
		return c.Papers.CreditMemo(ctx, l, d, against.ShownNumber())
	})
}

// RenderInvoice draws the published version of an invoice that was published without a
// file. Asked again it does nothing.
func (c *Commands) RenderInvoice(ctx context.Context, by Caller, id uuid.UUID) (Receipt, error) {
	if err := by.mayOnly(access.System); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "RenderInvoice", "invoice", id), func(s invoice.Invoice) (decision[invoice.Invoice], error) {
		d, version, undrawn := s.Undrawn()
		if !undrawn {
			return decision[invoice.Invoice]{cmd: invoice.Render{}}, nil
		}
		r, err := c.drawInvoice(ctx, by, d)
		if err != nil || r == nil {
			return decision[invoice.Invoice]{cmd: invoice.Render{}}, err
		}
		return decision[invoice.Invoice]{cmd: invoice.Render{Version: version, Rendition: *r}, route: routeOf(d.Party)}, nil
	})
}

// RenderCreditMemo draws a credit memo that was not drawn as it is.
func (c *Commands) RenderCreditMemo(ctx context.Context, by Caller, id uuid.UUID) (Receipt, error) {
	if err := by.mayOnly(access.System); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "RenderCreditMemo", "creditmemo", id), func(s creditmemo.CreditMemo) (decision[creditmemo.CreditMemo], error) {
		d, version, undrawn := s.Undrawn()
		if !undrawn {
			return decision[creditmemo.CreditMemo]{cmd: creditmemo.Render{}}, nil
		}
		r, err := c.drawMemo(ctx, by, d)
		if err != nil || r == nil {
			return decision[creditmemo.CreditMemo]{cmd: creditmemo.Render{}}, err
		}
		return decision[creditmemo.CreditMemo]{cmd: creditmemo.Render{Version: version, Rendition: *r}, route: routeOf(d.Party)}, nil
	})
}

// StatementID is the id of what a statement says, and so of the statement: asked for again
// with nothing recorded since, it is the same one.
func StatementID(tenant string, s statement.Issue) uuid.UUID {
	return domain.DerivedID(TenantID(tenant), "statement", s.CustomerID.String(), s.Currency, string(s.From), string(s.To), s.KnownAt, s.Owed)
}

// StatementKnown tells whether a statement was issued.
func (c *Commands) StatementKnown(ctx context.Context, tenant string, id uuid.UUID) (bool, error) {
	s, err := peek[statement.Statement](ctx, c, tenant, "statement", id)
	return s.Known(), err
}

// IssueStatement hands a statement out that was drawn and kept. Its figures are for
// internal/documents to know.
func (c *Commands) IssueStatement(ctx context.Context, by Caller, cmd statement.Issue) (Receipt, error) {
	by = by.complete(c)
	if _, err := c.reachable(ctx, by, cmd.CustomerID); err != nil {
		return Receipt{}, err
	}
	id := StatementID(by.Tenant, cmd)
	return run(ctx, c, by, about(by, "IssueStatement", "statement", id), decision[statement.Statement]{
		cmd: cmd, route: cmd.CustomerID,
		claim: func() error { return c.reserve(ctx, by, "statement", cmd.Number, id) },
	})
}
