package api

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/auth"
	"portico/projections"
	"portico/web/pages"
)

// auditAccessPages are the review of who has access (PCI DSS v4 7.2.4).
func (a *api) auditAccessPages() {
	look(a, "/audit/access", projections.Access.Name, auditors, "ShowAccessReview", a.accessPage, func(_ reviewAsked, r pages.AccessReview) templ.Component { return pages.ReviewAccess(r) })
	a.reviewExport()
}

// reviewAsked says who are reviewed: staff if left out.
type reviewAsked struct {
	Of     string `query:"of" enum:"staff,contacts,keys,invitations"`
	Cursor string `query:"cursor" maxLength:"400"`
}

// reviewLength is how many a page of the review shows.
const reviewLength = 40

func (a *api) accessPage(ctx context.Context, v projections.Viewer, f reviewAsked) (pages.AccessReview, error) {
	r, err := a.reviewer(ctx, v)
	if err != nil {
		return pages.AccessReview{}, err
	}
	if f.Of == "" {
		f.Of = "staff"
	}
	page, err := r.part(ctx, f.Of, projections.Paging{Limit: reviewLength, Cursor: f.Cursor})
	return pages.AccessReview{Page: page, Of: f.Of, At: r.now, UnusedDays: r.unused}, err
}

// reviewer looks up who has access.
type reviewer struct {
	*api
	v      projections.Viewer
	now    time.Time
	unused int // after how many days a login counts as not used
}

func (a *api) reviewer(ctx context.Context, v projections.Viewer) (reviewer, error) {
	policy, err := a.Commands.SecurityPolicy(ctx, v.Tenant)
	return reviewer{a, v, a.Clock().UTC(), policy.InactiveDays}, err
}

func (r reviewer) part(ctx context.Context, of string, p projections.Paging) (projections.Page[pages.Accessor], error) {
	switch of {
	case "contacts":
		return r.contacts(ctx, p)
	case "keys":
		return r.keys(ctx)
	case "invitations":
		return r.invitations(ctx, p)
	}
	return r.staff(ctx, p)
}

func (r reviewer) staff(ctx context.Context, p projections.Paging) (out projections.Page[pages.Accessor], err error) {
	found, err := r.Queries.ListStaff(ctx, r.v, projections.StaffFilter{Paging: p})
	if err != nil {
		return out, err
	}
	logins := make([]*uuid.UUID, 0, len(found.Items))
	for _, m := range found.Items {
		logins = append(logins, m.LoginID)
		out.Items = append(out.Items, pages.Accessor{Of: "staff", ID: m.ID, Name: m.Name, Email: m.Email, May: joined(m.Roles), Since: m.AddedAt})
	}
	out.Next = found.Next
	return out, r.standing(ctx, out.Items, logins)
}

func (r reviewer) contacts(ctx context.Context, p projections.Paging) (out projections.Page[pages.Accessor], err error) {
	found, err := r.Queries.ListContacts(ctx, r.v, projections.ContactFilter{Paging: p})
	if err != nil {
		return out, err
	}
	logins, ids := []*uuid.UUID{}, []uuid.UUID{}
	for _, c := range found.Items {
		logins, ids = append(logins, c.LoginID), append(ids, c.CustomerID)
		out.Items = append(out.Items, pages.Accessor{Of: "contacts", ID: c.ID, Name: c.Name, Email: c.Email, CustomerID: c.CustomerID, May: granting(c.Grants), Since: c.AddedAt})
	}
	out.Next = found.Next
	if err := r.nameCustomers(ctx, out.Items, ids); err != nil {
		return out, err
	}
	return out, r.standing(ctx, out.Items, logins)
}

// keys are those that open something. All of them are on one page: there are few.
func (r reviewer) keys(ctx context.Context) (out projections.Page[pages.Accessor], err error) {
	var all []auth.Key
	if all, err = r.Auth.List(ctx, r.v.Tenant); err != nil {
		return out, err
	}
	var ids []uuid.UUID
	for _, k := range all {
		if k.RevokedAt != nil {
			continue
		}
		row := pages.Accessor{Of: "keys", ID: k.ID, Name: k.Name, May: k.Role, Since: k.CreatedAt, Used: k.LastUsedAt}
		if k.CustomerID != nil {
			row.CustomerID = *k.CustomerID
			ids = append(ids, *k.CustomerID)
		}
		row.State = r.use(row.Used)
		out.Items = append(out.Items, row)
	}
	return out, r.nameCustomers(ctx, out.Items, ids)
}

func (r reviewer) invitations(ctx context.Context, p projections.Paging) (out projections.Page[pages.Accessor], err error) {
	found, err := r.Queries.ListInvitations(ctx, r.v, projections.InvitationFilter{Status: "sent", Paging: p})
	if err != nil {
		return out, err
	}
	var ids []uuid.UUID
	for _, i := range found.Items {
		row := pages.Accessor{Of: "invitations", ID: i.ID, Name: i.Email, May: i.Kind, Since: i.SentAt, State: "waiting", Until: &i.ExpiresAt}
		if i.CustomerID != nil {
			row.CustomerID = *i.CustomerID
			ids = append(ids, *i.CustomerID)
		}
		out.Items = append(out.Items, row)
	}
	out.Next = found.Next
	return out, r.nameCustomers(ctx, out.Items, ids)
}

func (r reviewer) nameCustomers(ctx context.Context, rows []pages.Accessor, ids []uuid.UUID) error {
	named, err := r.Queries.CustomersNamed(ctx, r.v, ids)
	for i := range rows {
		rows[i].Customer = named[rows[i].CustomerID]
	}
	return err
}

// standing says of people whether their login opens anything, and when it last did.
func (r reviewer) standing(ctx context.Context, rows []pages.Accessor, logins []*uuid.UUID) error {
	var ids []uuid.UUID
	for _, id := range logins {
		if id != nil {
			ids = append(ids, *id)
		}
	}
	used, err := r.SignIn.LastUsed(ctx, r.v.Tenant, ids)
	if err != nil {
		return err
	}
	for i, id := range logins {
		if id == nil {
			rows[i].State = "no_login"
			continue
		}
		if at, ever := used[*id]; ever {
			rows[i].Used = &at
		}
		who, err := r.Commands.LoginOf(ctx, r.v.Tenant, *id)
		if err != nil {
			return err
		}
		if rows[i].State = r.use(rows[i].Used); !who.Active() {
			rows[i].State = "shut"
		}
	}
	return nil
}

// use is how something is used that opens doors.
func (r reviewer) use(last *time.Time) string {
	switch {
	case last == nil:
		return "never"
	case r.now.Sub(*last) >= time.Duration(r.unused)*24*time.Hour:
		return "unused"
	}
	return "active"
}

func joined[T ~string](all []T) string {
	said := make([]string, 0, len(all))
	for _, s := range all {
		said = append(said, string(s))
	}
	return strings.ReplaceAll(strings.Join(said, ", "), "_", " ")
}

// granting is what grants say, in one line: modules in which the same may be done stand together.
func granting(g access.Grants) string {
	var ways []string
	modules := map[string][]access.Module{}
	for _, one := range g {
		way := joined(one.Actions)
		if one.Scope.Specificity() > 0 {
			way += " (of some)"
		}
		if one.Deny {
			way = "not " + way
		}
		if len(modules[way]) == 0 {
			ways = append(ways, way)
		}
		modules[way] = append(modules[way], one.Module)
	}
	for i, way := range ways {
		ways[i] = joined(modules[way]) + ": " + way
	}
	return strings.Join(ways, "; ")
}
