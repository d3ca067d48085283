package api

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/projections"
	"portico/web/pages"
)

// companyPages are what a contact has beside money and colleagues: its company's details, its
// papers and files, what happened, and whom the business writes to.
func (a *api) companyPages() {
	portal, contacts := projections.Portal.Name, policy{contact: true}
	look(a, "/company", portal, policy{module: access.Profile, action: access.View}, "ShowCompany", a.company,
		func(_ struct{}, all []projections.Customer) templ.Component { return pages.Company(all) })
	look(a, "/documents", portal, contacts, "ShowDocuments", a.papers, pages.Documents)
	look(a, "/activity", portal, contacts, "ShowActivity", a.Queries.ListActivity,
		func(_ projections.ActivityFilter, l projections.Page[projections.Activity]) templ.Component {
			return pages.Activity(l)
		})
	notices := look(a, "/notifications", projections.Staff.Name, contacts, "ShowNotifications", func(ctx context.Context, v projections.Viewer, _ struct{}) (MyNotices, error) {
		return a.ListMyNotices(ctx, v)
	}, func(_ struct{}, n MyNotices) templ.Component { return pages.Notices(n.Items) })
	gives(a, "/notifications", contacts, "SendNotices", "notices", ofBody(a.Commands.ChooseNotices), ledTo[inPlain[contact.ChooseNotices]]("/notifications"), notices)
}

// manyCompanies is more than anybody has on a page of details.
const manyCompanies = 20

// company is the contact's own and those below it, as far as it may see their details: whoever
// looks after one branch sees that one.
func (a *api) company(ctx context.Context, v projections.Viewer, _ struct{}) (all []projections.Customer, err error) {
	ids := slices.SortedFunc(maps.Keys(v.Standing.Customers), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range append([]uuid.UUID{v.Standing.CustomerID}, slices.DeleteFunc(ids, func(id uuid.UUID) bool { return id == v.Standing.CustomerID })...) {
		c, err := a.Queries.GetCustomer(ctx, v, id)
		if domain.CodeOf(err) == "customer.unknown" {
			continue
		}
		if err != nil || len(all) == manyCompanies {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

// MyNotices are the mails that a contact may get.
type MyNotices struct {
	Items []projections.MyNotice `json:"items" nullable:"false"`
}

// ListMyNotices says whom the business tells of what, and what the contact wants no mails about.
func (a *api) ListMyNotices(ctx context.Context, v projections.Viewer) (out MyNotices, err error) {
	settings, err := a.Queries.GetNotificationSettings(ctx, projections.Viewer{Tenant: v.Tenant, Kind: envelope.System})
	if err != nil {
		return out, err
	}
	declined, err := a.Commands.Declines(ctx, v.Tenant, v.Standing.ContactID)
	for _, topic := range tenant.ContactTopics {
		out.Items = append(out.Items, projections.MyNotice{Topic: topic, To: settings.Tells(topic),
			Wanted: !slices.Contains(declined, topic), Optional: slices.Contains(contact.Declinable, topic)})
	}
	return out, err
}

// papers are the documents and files that a contact may have, newest first: some of each kind,
// or page by page those of one.
func (a *api) papers(ctx context.Context, v projections.Viewer, f pages.PaperFilter) (out pages.Papers, err error) {
	if requestOf(ctx).parameter("limit") == "" {
		f.Limit = pageLength
	}
	for _, kind := range []struct {
		name   string
		module access.Module
		list   func(context.Context, projections.Viewer, pages.PaperFilter) ([]pages.Paper, string, error)
	}{{"invoice", access.Invoices, a.invoicePapers}, {"credit_memo", access.Account, a.creditPapers},
		{"statement", access.Account, a.statementPapers}, {"file", access.Documents, a.filePapers}} {
		open := v.Standing.Open(kind.module, access.Download) && v.Standing.Open(kind.module, access.View)
		if kind.name == "statement" {
			open = v.Standing.Money(access.Download, v.Standing.CustomerID)
		}
		if !open {
			continue
		}
		out.Kinds = append(out.Kinds, kind.name)
		if f.Kind != "" && f.Kind != kind.name {
			continue
		}
		if f.Kind == "" {
			f.Cursor = ""
		}
		found, next, err := kind.list(ctx, v, f)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, found...)
		if f.Kind != "" {
			out.Next = next
		}
		out.More = out.More || next != ""
	}
	slices.SortStableFunc(out.Items, func(a, b pages.Paper) int { return cmp.Compare(b.On, a.On) })
	return out, nil
}

func (a *api) invoicePapers(ctx context.Context, v projections.Viewer, f pages.PaperFilter) (all []pages.Paper, next string, err error) {
	found, err := a.Queries.ListInvoices(ctx, v, projections.InvoiceFilter{Text: f.Text, From: f.From, To: f.To, Paging: f.Paging})
	for _, i := range found.Items {
		at := "/invoices/" + i.ID.String()
		all = append(all, pages.Paper{Kind: "invoice", Name: i.Number, On: i.IssuedOn, Detail: i.Description, Page: at, File: "/v1" + at + "/document"})
	}
	return all, found.Next, err
}

func (a *api) creditPapers(ctx context.Context, v projections.Viewer, f pages.PaperFilter) (all []pages.Paper, next string, err error) {
	found, err := a.Queries.ListCreditMemos(ctx, v, projections.CreditMemoFilter{Text: f.Text, From: f.From, To: f.To, Paging: f.Paging})
	for _, m := range found.Items {
		at := "/credit-memos/" + m.ID.String()
		all = append(all, pages.Paper{Kind: "credit_memo", Name: m.Number, On: m.IssuedOn, Detail: m.Description, Page: at, File: "/v1" + at + "/document"})
	}
	return all, found.Next, err
}

// statementPapers are found by their number and by the day they were made.
func (a *api) statementPapers(ctx context.Context, v projections.Viewer, f pages.PaperFilter) (all []pages.Paper, next string, err error) {
	found, err := a.Queries.ListStatements(ctx, v, v.Standing.CustomerID, f.Paging)
	for _, s := range found.Items {
		p := pages.Paper{Kind: "statement", Name: s.Number, On: dayOf(s.IssuedAt), Detail: s.Currency, Size: s.Document.Size, File: "/v1/statements/" + s.ID.String() + "/document"}
		if f.Takes(p.On) && strings.Contains(strings.ToLower(p.Name), strings.ToLower(f.Text)) {
			all = append(all, p)
		}
	}
	return all, found.Next, err
}

// filePapers are found by their name and by the day they were added.
func (a *api) filePapers(ctx context.Context, v projections.Viewer, f pages.PaperFilter) (all []pages.Paper, next string, err error) {
	found, err := a.Queries.ListAttachments(ctx, v, projections.AttachmentFilter{Text: f.Text, Paging: f.Paging})
	for _, x := range found.Items {
		p := pages.Paper{Kind: "file", Name: x.SaveAs(), On: dayOf(x.AddedAt), Size: x.Size, File: "/v1/attachments/" + x.ID.String() + "/file"}
		if x.Owner.Kind == "invoice" {
			p.Page = "/invoices/" + x.Owner.ID.String()
		}
		if x.Owner.Kind == "credit_memo" {
			p.Page = "/credit-memos/" + x.Owner.ID.String()
		}
		if f.Takes(p.On) {
			all = append(all, p)
		}
	}
	return all, found.Next, err
}

// dayOf is the day of an instant in UTC, as pages show it.
func dayOf(t time.Time) domain.Date { return domain.DateOf(t.UTC()) }
