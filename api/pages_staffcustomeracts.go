package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/projections"
	"portico/web/pages"
)

const staffCustomer = "/staff/customers/{id}"

// staffCustomerActPages are what is done about a customer, each on a page of its own.
func (a *api) staffCustomerActPages() {
	c, home := a.Commands, "/staff/customers/"
	fresh := show(a, "/staff/customers/new", clients, "ShowNewCustomer", a.newCustomer)
	gives(a, "/staff/customers/new", clients, "SendCustomer", "customer", ofNew(c.RegisterCustomer), pageOf[inPlain[customer.Register]](home), fresh)
	act := func(name, operation string, who policy, draw func(pages.CustomerFile) templ.Component) sheet {
		return lookAt(a, staffCustomer+"/"+name, projections.Portal.Name, who, operation, a.customerFile, draw)
	}
	details := act("details", "ShowCustomerDetails", clients, pages.CustomerDetails)
	gives(a, staffCustomer+"/details", clients, "SendCustomerDetails", "customer_details", ofOne(c.ChangeCustomerDetails), ledToOne[customer.ChangeDetails](home), details)
	portal := act("portal", "ShowCustomerPortal", clients, pages.CustomerPortal)
	gives(a, staffCustomer+"/portal", clients, "SendCustomerPortal", "customer_portal", ofOne(c.SwitchCustomerPortal), ledToOne[customer.SwitchPortal](home), portal)
	modules := act("modules", "ShowCustomerModules", clients, pages.CustomerModules)
	gives(a, staffCustomer+"/modules", clients, "SendCustomerModules", "customer_modules", a.tickModules, ledToOne[ModuleTicks](home), modules)
	end := act("close", "ShowCustomerClose", clients, pages.CustomerClose)
	gives(a, staffCustomer+"/close", clients, "SendCustomerClose", "customer_closed", ofOne(c.CloseCustomer), ledToOne[customer.Close](home), end)

	move := look(a, staffCustomer+"/move", projections.Portal.Name, clients, "ShowCustomerMove", a.placing, func(_ placing, p pages.Placing) templ.Component { return pages.CustomerMove(p) })
	gives(a, staffCustomer+"/move", clients, "SendCustomerMove", "customer_moved", ofOne(c.MoveCustomer), ledToOne[customer.Move](home), move)
	merge := look(a, staffCustomer+"/merge", projections.Portal.Name, clients, "ShowCustomerMerge", a.placing, func(_ placing, p pages.Placing) templ.Component { return pages.CustomerMerge(p) })
	gives(a, staffCustomer+"/merge", clients, "SendCustomerMerge", "customer_merged", ofOne(c.MergeCustomers), ledToOne[customer.Merge](home), merge)

	person := act("contacts/new", "ShowNewContact", people, pages.NewContact)
	gives(a, staffCustomer+"/contacts/new", people, "SendNewContact", "contact_added", func(ctx context.Context, by commands.Caller, in *inID[contact.Add]) (commands.Receipt, error) {
		in.Body.CustomerID = in.ID
		return c.AddContact(ctx, by, uuid.Nil, in.Body)
	}, pageOf[inID[contact.Add]]("/staff/contacts/"), person)
}

// newCustomer is a form that nothing stands in yet but what the business's own settings say.
func (a *api) newCustomer(ctx context.Context) (templ.Component, error) {
	t, err := a.Commands.Tenant(ctx, a.tenantOf(ctx))
	if err != nil {
		return nil, err
	}
	return pages.NewCustomer(t.Settings().Currency, t.Branches()), nil
}

// ModuleTicks are what a customer's people can be let into, and why that changes.
type ModuleTicks struct {
	On []access.Module `json:"on,omitempty" maxItems:"50"`
	domain.Because
}

// tickModules switches off what was not ticked: the same command as the operation's.
func (a *api) tickModules(ctx context.Context, by commands.Caller, in *inID[ModuleTicks]) (commands.Receipt, error) {
	off := slices.DeleteFunc(access.Modules(), func(m access.Module) bool { return slices.Contains(in.Body.On, m) })
	return a.Commands.SetCustomerModules(ctx, by, in.ID, customer.SetModules{Off: off, Because: in.Body.Because})
}

// placing says which other customer one is to stand under or go on as, or that it is to stand at
// the top, and finds customers while that is not said.
type placing struct {
	Choosing
	Top bool `query:"top"`
}

// placing is a customer, and the other one.
func (a *api) placing(ctx context.Context, v projections.Viewer, f placing) (out pages.Placing, err error) {
	if out.CustomerFile, err = a.customerFile(ctx, v, pathID(ctx)); err != nil {
		return out, err
	}
	typed := requestOf(ctx).form.Typed
	other, _ := uuid.Parse(cmp.Or(typed["parent_id"], typed["survivor_id"])) // what is none is refused by the schema
	out.Top = f.Top || typed != nil && other == uuid.Nil && strings.HasSuffix(requestOf(ctx).op.Path, "/move")
	if out.To, err = a.named(ctx, cmp.Or(f.CustomerID, other)); err != nil || out.To != nil || out.Top {
		return out, err
	}
	out.Search = f.Text
	out.Found, err = a.customersFound(ctx, f.Choosing)
	out.Found.Items = slices.DeleteFunc(out.Found.Items, func(c projections.CustomerSummary) bool { return c.ID == out.ID })
	return out, err
}
