package api

import (
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/projections"
	"portico/web/pages"
)

// staffSystemPages are what keeps the business's portal running.
func (a *api) staffSystemPages() {
	a.jobPages()
	a.mailPages()
	portal := projections.Portal.Name
	look(a, "/staff/system", portal, watchers, "ShowSystem", a.readModels, func(_ struct{}, s pages.ReadModels) templ.Component { return pages.SystemPage(s) })
	a.importPages()
	look(a, "/staff/search", projections.Staff.Name, readers, "ShowSearch", a.search, func(_ searched, f pages.Found) templ.Component { return pages.SearchPage(f) })
}

// ofBody gives a form the command's method as it is.
func ofBody[C any](f func(context.Context, commands.Caller, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *inPlain[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inPlain[C]) (commands.Receipt, error) {
		return f(ctx, by, in.Body)
	}
}

// ledTo is the page that a form leads to.
func ledTo[I any](path string) func(*I, commands.Receipt) string {
	return func(*I, commands.Receipt) string { return path }
}

// ledToOne is the page of the thing whose id is in a form's path.
func ledToOne[C any](path string) func(*inID[C], commands.Receipt) string {
	return func(in *inID[C], _ commands.Receipt) string { return path + in.ID.String() }
}

func (a *api) jobPages() {
	portal := projections.Portal.Name
	look(a, "/staff/jobs", portal, systems, "ShowJobs", func(ctx context.Context, v projections.Viewer, f jobFilter) (pages.Jobs, error) {
		list, err := a.ListJobs(ctx, v, f)
		return pages.Jobs{Page: list, State: f.State, Kind: f.Kind}, err
	}, func(_ jobFilter, list pages.Jobs) templ.Component { return pages.JobsPage(list) })
	job := lookAt(a, "/staff/jobs/{id}", portal, systems, "ShowJob", a.GetJob, pages.JobPage)
	gives(a, "/staff/jobs/{id}/retry", systems, "SendJobRetry", "job_retry", onID(a.RetryJob), ledToOne[actOnJob]("/staff/jobs/"), job)
	gives(a, "/staff/jobs/{id}/cancel", systems, "SendJobCancel", "job_cancel", onID(a.CancelJob), ledToOne[actOnJob]("/staff/jobs/"), job)
}

func (a *api) mailPages() {
	portal := projections.Portal.Name
	mails := look(a, "/staff/mails", portal, watchers, "ShowMails", a.mails, func(_ mailFilter, list pages.Mails) templ.Component { return pages.MailsPage(list) })
	lookAt(a, "/staff/mails/{id}", portal, watchers, "ShowMail", a.GetMail, pages.MailPage)
	gives(a, "/staff/mails/lift", systems, "SendMailBlockLift", "block_lift", ofBody(a.LiftMailBlock), ledTo[inPlain[liftMailBlock]]("/staff/mails"), mails)
}

func (a *api) mails(ctx context.Context, v projections.Viewer, f mailFilter) (out pages.Mails, err error) {
	out.State, out.Address, out.Manages = f.State, f.Address, access.Can(requestOf(ctx).who.Roles, access.ManageSystem)
	if out.Page, err = a.ListMails(ctx, v, f); err == nil {
		blocks, failed := a.ListMailBlocks(ctx, v)
		out.Blocks, err = blocks.Items, failed
	}
	return out, err
}

// readModels are how far each build is, and who waits for repair: named, as far as the models that
// are whole know the customer.
func (a *api) readModels(ctx context.Context, v projections.Viewer, _ struct{}) (out pages.ReadModels, err error) {
	if out.Builds, err = a.Engine.Builds(ctx); err != nil {
		return out, err
	}
	parked, err := a.ListParkedCustomers(ctx, v)
	for _, p := range parked.Items {
		row := pages.Parked{Group: p.Group, Type: p.Type, Error: p.Error, Since: p.Since, Held: p.Held, Customer: p.Stream}
		if p.CustomerID != nil {
			row.Customer, row.Href = p.CustomerID.String(), "/staff/customers/"+p.CustomerID.String()
			if c, err := a.Queries.GetCustomer(ctx, v, *p.CustomerID); err == nil {
				row.Customer = c.Name
			}
		}
		out.Parked = append(out.Parked, row)
	}
	return out, err
}

// searched is what somebody looks for.
type searched struct {
	Q string `query:"q" maxLength:"200" doc:"Part of a name or number"`
}

// searchLength is how many of each kind a search shows.
const searchLength = 10

func (a *api) search(ctx context.Context, v projections.Viewer, f searched) (pages.Found, error) {
	out := pages.Found{Query: f.Q}
	if f.Q == "" {
		return out, nil
	}
	few := projections.Paging{Limit: searchLength}
	customers, err := a.Queries.ListCustomers(ctx, v, projections.CustomerFilter{Text: f.Q, Paging: few})
	if err != nil {
		return out, err
	}
	contacts, err := a.Queries.ListContacts(ctx, v, projections.ContactFilter{Text: f.Q, Paging: few})
	if err != nil {
		return out, err
	}
	var of []uuid.UUID
	for _, c := range contacts.Items {
		of = append(of, c.CustomerID)
	}
	if out.Named, err = a.Queries.CustomersNamed(ctx, v, of); err != nil {
		return out, err
	}
	invoices, err := a.Queries.ListInvoices(ctx, v, projections.InvoiceFilter{Text: f.Q, Paging: few})
	out.Customers, out.Contacts, out.Invoices = customers.Items, contacts.Items, invoices.Items
	out.More = customers.Next != "" || contacts.Next != "" || invoices.Next != ""
	return out, err
}
