package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain/account"
	"portico/domain/invoice"
	"portico/projections"
	"portico/web/pages"
)

// staffInvoicePages are the invoices of all customers, and what is done about one.
func (a *api) staffInvoicePages() {
	c, at := a.Commands, "/staff/invoices/{id}"
	look(a, "/staff/invoices", projections.Portal.Name, readers, "ShowStaffInvoices", a.staffInvoices, pages.StaffInvoices)
	one := lookAt(a, at, projections.Portal.Name, readers, "ShowStaffInvoice", a.staffInvoice, pages.StaffInvoice)
	act := func(what, name string, who policy, draw func(pages.AnInvoice) templ.Component) sheet {
		return lookAt(a, at+"/"+what, projections.Portal.Name, who, name, a.staffInvoice, draw)
	}
	gives(a, at+"/publish", billing, "SendPublishInvoice", "published", ofOne(c.PublishInvoice), pageOf[inID[invoice.Publish]]("/staff/invoices/"), one)
	void := act("void", "ShowVoidInvoice", billing, pages.VoidInvoice)
	gives(a, at+"/void", billing, "SendVoidInvoice", "voided", ofOne(c.VoidInvoice), pageOf[inID[invoice.Void]]("/staff/invoices/"), void)
	dispute := act("dispute", "ShowInvoiceDispute", billing, pages.OpenDispute)
	gives(a, at+"/dispute", billing, "SendInvoiceDispute", "disputed", ofOne(c.OpenInvoiceDispute), pageOf[inID[invoice.OpenDispute]]("/staff/invoices/"), dispute)
	resolve := act("resolve", "ShowInvoiceResolve", billing, pages.ResolveDispute)
	gives(a, at+"/resolve", billing, "SendInvoiceResolve", "resolved", ofOne(c.ResolveInvoiceDispute), pageOf[inID[invoice.ResolveDispute]]("/staff/invoices/"), resolve)
	correct := act("correct", "ShowCorrectInvoice", billing, pages.CorrectInvoice)
	gives(a, at+"/correct", billing, "SendCorrectInvoice", "corrected", ofOne(c.CorrectInvoiceReference), pageOf[inID[invoice.CorrectReference]]("/staff/invoices/"), correct)
	assign := look(a, at+"/assign", projections.Portal.Name, billing, "ShowAssignInvoice", a.assigning, func(_ Choosing, i pages.AnInvoice) templ.Component { return pages.AssignInvoice(i) })
	gives(a, at+"/assign", billing, "SendAssignInvoice", "assigned", ofOne(c.AssignInvoice), pageOf[inID[invoice.Assign]]("/staff/invoices/"), assign)
	writeOff := act("write-off", "ShowWriteOffInvoice", money, pages.WriteOff)
	gives(a, staffAccounts+"/invoices/{id}/write-off", money, "SendWriteOffInvoice", "written_off", ofLedger(c.WriteOffInvoice), back[account.WriteOffInvoice]("/staff/invoices/"), writeOff)
}

func (a *api) staffInvoices(ctx context.Context, v projections.Viewer, f projections.InvoiceFilter) (pages.Listed[projections.Invoice], error) {
	a.awaitStaff(ctx)
	f.Paging = short(ctx, f.Paging)
	found, err := a.Queries.ListInvoices(ctx, v, f)
	if err != nil {
		return pages.Listed[projections.Invoice]{}, err
	}
	return withNames(ctx, a, found, ofInvoice, f.CustomerID)
}

func ofInvoice(i projections.Invoice) *uuid.UUID { return i.CustomerID }

func (a *api) staffInvoice(ctx context.Context, v projections.Viewer, id uuid.UUID) (i pages.AnInvoice, err error) {
	a.awaitStaff(ctx)
	if i.InvoiceDetail, err = a.Queries.GetInvoice(ctx, v, id); err != nil {
		return i, err
	}
	var ids []uuid.UUID
	if i.CustomerID != nil {
		ids = append(ids, *i.CustomerID)
	}
	if i.Desk, err = a.desk(ctx, ids); err != nil || i.BranchID == nil {
		return i, err
	}
	t, err := a.Queries.GetTenant(ctx, v)
	for _, b := range t.Branches {
		if b.ID == *i.BranchID {
			i.Branch = b.Name
		}
	}
	return i, err
}

// assigning is an invoice that is nobody's, and whose it may be.
func (a *api) assigning(ctx context.Context, v projections.Viewer, f Choosing) (pages.AnInvoice, error) {
	i, err := a.staffInvoice(ctx, v, pathID(ctx))
	if err != nil {
		return i, err
	}
	if i.To, err = a.named(ctx, f.chosen(ctx)); err == nil && i.To == nil {
		i.Search = f.Text
		i.Found, err = a.customersFound(ctx, f)
	}
	return i, err
}
