package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/projections"
	"portico/web/pages"
)

// staffCustomerPages are whom staff work for, and who may see the portal.
func (a *api) staffCustomerPages() {
	c, staff := a.Commands, projections.Staff.Name
	look(a, "/staff/customers", staff, readers, "ShowCustomers", a.customerList, func(_ projections.CustomerFilter, l pages.CustomerList) templ.Component { return pages.Customers(l) })
	page := lookAt(a, "/staff/customers/{id}", projections.Portal.Name, readers, "ShowCustomer", a.customerFile, pages.Customer)
	gives(a, "/staff/customers/{id}/invite", people, "SendInvitee", "invited", func(ctx context.Context, by commands.Caller, in *inID[commands.InvitePerson]) (commands.Receipt, error) {
		if in.Body.HandOver { // a link is shown once, and no page does yet
			return commands.Receipt{}, domain.Invalid("invitation.by_mail", "from this page an invitation goes out by mail")
		}
		in.Body.CustomerID = in.ID
		return c.InvitePerson(ctx, by, in.Body)
	}, func(in *inID[commands.InvitePerson], _ commands.Receipt) string {
		return "/staff/customers/" + in.ID.String()
	}, page)
	views := policy{staff: access.ViewAs}
	why := show(a, "/staff/contacts/{id}/view-as", views, "ShowViewAs", a.viewAsSheet)
	form(a, "/staff/contacts/{id}/view-as", views, "SendViewAs", then(a.viewAsContact, leads[MySession]("/")), why)
}

func (a *api) viewAsSheet(ctx context.Context) (templ.Component, error) {
	id, err := pathIDOf(ctx)
	if err != nil {
		return nil, err
	}
	found, lasts, err := a.Commands.MembershipOf(ctx, a.tenantOf(ctx), envelope.Contact, id, uuid.Nil)
	if err == nil && !lasts {
		err = domain.NotFound("contact.unknown", "there is no such contact")
	}
	return pages.ViewAs(id.String(), found.Name), err
}

func (a *api) customerList(ctx context.Context, v projections.Viewer, f projections.CustomerFilter) (out pages.CustomerList, err error) {
	out.Filter, out.Manages = f, access.Can(requestOf(ctx).who.Roles, access.ManageCustomers)
	out.Page, err = a.Queries.ListCustomers(ctx, v, f)
	return out, err
}

// customerFile is what there is of a customer: what it owes, its newest documents, its people.
func (a *api) customerFile(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.CustomerFile, err error) {
	if out.Customer, err = a.Queries.GetCustomer(ctx, v, id); err != nil {
		return out, err
	}
	if out.Overview, err = a.Queries.GetOverview(ctx, v, id, projections.OverviewOptions{Limit: glances}); err != nil {
		return out, err
	}
	if out.Payments, err = a.Queries.ListPayments(ctx, v, projections.PaymentFilter{CustomerID: id, Paging: projections.Paging{Limit: glances}}); err != nil {
		return out, err
	}
	rq := requestOf(ctx)
	if rq.after.Hi > 0 {
		a.awaited(ctx, rq, projections.Access.Name, []uuid.UUID{id})
	}
	if out.Contacts, err = a.Queries.ListContacts(ctx, v, projections.ContactFilter{CustomerID: id, Paging: projections.Paging{Limit: 50}}); err != nil {
		return out, err
	}
	can := func(c access.Capability) bool { return access.Can(rq.who.Roles, c) }
	out.Invites, out.Views, out.Audits = can(access.ManagePeople), can(access.ViewAs), can(access.ReadHistory)
	out.Bills, out.Takes = can(access.ManageBilling), can(access.ManageMoney)
	out.Manages, out.Presets = can(access.ManageCustomers), access.Presets()
	if out.Branches, _, err = a.Commands.PlacesOf(ctx, a.tenantOf(ctx)); err != nil {
		return out, err
	}
	a.awaitStaff(ctx)
	out.Family, err = a.Queries.CustomersNamed(ctx, v, out.Relatives())
	return out, err
}
