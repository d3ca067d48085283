package projections

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/access"
	"portico/projections/engine"
)

// User is somebody of the viewer's own customer.
type User struct {
	Contact
	Invited *Invitation // as it was last; nil: never
}

// Status is how somebody stands: active, invited, revoked, or none, who never came in.
func (u User) Status() string {
	switch {
	case u.LoginID != nil && len(u.Grants) > 0:
		return "active"
	case u.Invited != nil && u.Invited.Status == "sent":
		return "invited"
	case u.LoginID != nil:
		return "revoked"
	}
	return "none"
}

// UserFilter narrows the list of a customer's users.
type UserFilter struct {
	Text string `query:"q" maxLength:"200" doc:"Part of the name or the e-mail address"`
	Paging
}

const (
	sqlUsers engine.SQL = `
select c.* from {s}.contacts c where c.tenant = @tenant and c.customer_id = @customer and c.active
  and (@text = '' or strpos(lower(c.name), @text) > 0 or strpos(lower(c.email), @text) > 0)
  and (lower(c.name), c.id) > (@name, @id::uuid)
order by lower(c.name), c.id limit @limit`
	sqlUser engine.SQL = `
select c.* from {s}.contacts c where c.tenant = @tenant and c.customer_id = @customer and c.active and c.id = @id`
	sqlInvited engine.SQL = `
select i.* from {s}.invitations i where i.tenant = @tenant and i.customer_id = @customer and i.member_id = any(@ids)`
)

// ListUsers lists the people of a contact's own customer, for those who may look after them.
func (q *Queries) ListUsers(ctx context.Context, v Viewer, f UserFilter) (Page[User], error) {
	var none Page[User]
	s, customer, err := q.ownCompany(ctx, v)
	if err != nil {
		return none, err
	}
	name, id := "", uuid.Nil
	if f.Cursor != "" {
		parts, err := f.parts(2)
		if err != nil || id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
		name = parts[0]
	}
	return q.users(ctx, s, customer, f.Paging, sqlUsers, pgx.NamedArgs{"customer": customer,
		"text": strings.ToLower(strings.TrimSpace(f.Text)), "name": name, "id": id, "limit": f.limit() + 1})
}

// GetUser is one of them. Of people of other customers nothing is known.
func (q *Queries) GetUser(ctx context.Context, v Viewer, id uuid.UUID) (User, error) {
	s, customer, err := q.ownCompany(ctx, v)
	if err != nil {
		return User{}, err
	}
	found, err := q.users(ctx, s, customer, Paging{}, sqlUser, pgx.NamedArgs{"customer": customer, "id": id})
	if err == nil && len(found.Items) == 0 {
		err = domain.NotFound("contact.unknown", "there is no such contact")
	}
	if err != nil {
		return User{}, err
	}
	return found.Items[0], nil
}

// ownCompany is where the people of a contact's own customer are. Whoever may see those of a
// branch alone sees nobody: people are of no branch (E38).
func (q *Queries) ownCompany(ctx context.Context, v Viewer) (s scope, customer uuid.UUID, err error) {
	if v.Tenant == "" || v.Standing == nil {
		return s, uuid.Nil, domain.Forbidden("viewer.forbidden", "this is for contacts of a customer")
	}
	s = scope{tenant: v.Tenant, now: q.Clock().UTC()}
	if v.Standing.All(access.Users, access.View, v.Standing.CustomerID) {
		customer = v.Standing.CustomerID
	}
	s.schema, err = q.Schema(ctx, Access.Name)
	return s, customer, err
}

// users reads people and their invitations of one moment.
func (q *Queries) users(ctx context.Context, s scope, customer uuid.UUID, p Paging, sql engine.SQL, args pgx.NamedArgs) (out Page[User], err error) {
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		people, err := many[contactRow](ctx, tx, sql, s, args)
		if err != nil {
			return err
		}
		ids := views(people, func(c contactRow) uuid.UUID { return c.ID })
		invited, err := many[invitationRow](ctx, tx, sqlInvited, s, pgx.NamedArgs{"customer": customer, "ids": ids})
		if err != nil {
			return err
		}
		out = page(p, people, func(c contactRow) User {
			u := User{Contact: c.view()}
			if i := slices.IndexFunc(invited, func(i invitationRow) bool { return i.MemberID == c.ID }); i >= 0 {
				is := invited[i].view(s.now)
				u.Invited = &is
			}
			return u
		}, func(c contactRow) string { return cursorOf(strings.ToLower(c.Name), c.ID.String()) })
		return nil
	})
	return out, err
}
