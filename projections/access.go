package projections

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var (
	contacts = engine.NewTable[docKey, contactRow]("contacts")
	apiKeys  = engine.NewTable[docKey, apiKeyRow]("api_keys")
)

type contactRow struct {
	Tenant     string          `db:"tenant,key"`
	ID         uuid.UUID       `db:"id,key"`
	CustomerID uuid.UUID       `db:"customer_id"`
	Name       string          `db:"name"`
	Email      string          `db:"email"`
	Phone      string          `db:"phone"`
	IsPrimary  bool            `db:"is_primary"`
	Language   string          `db:"language"`
	Active     bool            `db:"active"`
	AddedAt    time.Time       `db:"added_at"`
	RemovedAt  *time.Time      `db:"removed_at"`
	Grants     json.RawMessage `db:"grants"`
	LoginID    *uuid.UUID      `db:"login_id"`
	Erased     bool            `db:"erased"`
	Keys       json.RawMessage `db:"keys"` // ids of the API keys that are named after it
}

func applyContact(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case contact.Added:
		k := about(e)
		row := contactRow{Tenant: k.Tenant, ID: k.ID, CustomerID: d.CustomerID, Active: true, AddedAt: e.At, Keys: json.RawMessage("[]")}
		row.describe(d.Details)
		if err := row.grant(d.Grants); err != nil {
			return err
		}
		contacts.Put(b, row)
	case contact.DetailsChanged:
		if c := contacts.Get(b, about(e)); c != nil {
			c.describe(d.Details)
		}
	case contact.Removed:
		if c := contacts.Get(b, about(e)); c != nil {
			c.Active, c.RemovedAt = false, &e.At
		}
	case contact.AccessGranted:
		if c := contacts.Get(b, about(e)); c != nil {
			return c.grant(d.Grants)
		}
	case contact.AccessChanged:
		if c := contacts.Get(b, about(e)); c != nil {
			return c.grant(d.Grants)
		}
	case contact.AccessRevoked:
		if c := contacts.Get(b, about(e)); c != nil {
			return c.grant(nil)
		}
	case contact.ModuleRevoked:
		if c := contacts.Get(b, about(e)); c != nil {
			return c.revoke(d.Module)
		}
	case contact.Joined:
		if c := contacts.Get(b, about(e)); c != nil {
			c.LoginID = &d.LoginID
		}
	}
	return nil
}

func (c *contactRow) grant(g access.Grants) (err error) {
	c.Grants, err = json.Marshal(append(access.Grants{}, g...)) // none is an empty list
	return err
}

func (c *contactRow) revoke(m access.Module) error {
	var g access.Grants
	if err := json.Unmarshal(c.Grants, &g); err != nil {
		return err
	}
	return c.grant(g.Without(m))
}

func (c *contactRow) describe(d contact.Details) {
	if c.Erased {
		return
	}
	c.Name, c.Email, c.Phone, c.IsPrimary, c.Language = d.Name, d.Email, d.Phone, d.IsPrimary, d.Language
}

// apiKeyRow is that there is a key. What it opens is checked elsewhere, not here.
type apiKeyRow struct {
	Tenant     string     `db:"tenant,key"`
	ID         uuid.UUID  `db:"id,key"`
	Name       string     `db:"name"`
	Role       string     `db:"role"`
	ContactID  *uuid.UUID `db:"contact_id"`
	CustomerID *uuid.UUID `db:"customer_id"`
	IssuedAt   time.Time  `db:"issued_at"`
	RevokedAt  *time.Time `db:"revoked_at"`
}

func applyAPIKey(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case apikey.Issued:
		k := about(e)
		apiKeys.Put(b, apiKeyRow{Tenant: k.Tenant, ID: k.ID, Name: d.Name, Role: d.Role, ContactID: d.ContactID, CustomerID: d.CustomerID, IssuedAt: e.At})
		return nameKey(b, k, d.ContactID)
	case apikey.Revoked:
		if r := apiKeys.Get(b, about(e)); r != nil {
			r.RevokedAt = &e.At
		}
	}
	return nil
}

// Contact is a person's membership in a customer.
type Contact struct {
	ID         uuid.UUID     `json:"id"`
	CustomerID uuid.UUID     `json:"customer_id"`
	Name       string        `json:"name"`
	Email      string        `json:"email,omitempty"`
	Phone      string        `json:"phone,omitempty"`
	IsPrimary  bool          `json:"is_primary"`
	Language   string        `json:"language,omitempty" doc:"BCP 47"`
	Active     bool          `json:"active"`
	AddedAt    time.Time     `json:"added_at"`
	RemovedAt  *time.Time    `json:"removed_at,omitempty"`
	Grants     access.Grants `json:"grants" nullable:"false" doc:"What the contact may do"`
	LoginID    *uuid.UUID    `json:"login_id,omitempty" doc:"The human who took the membership up, by an invitation"`
	Erased     bool          `json:"erased,omitempty" doc:"The person's data were erased on request: the name is Erased person"`
}

// APIKey is that a key was given out. The key itself is nowhere.
type APIKey struct {
	ID         uuid.UUID  `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"staff,auditor,integration,contact"`
	ContactID  *uuid.UUID `json:"contact_id,omitempty"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty"`
	IssuedAt   time.Time  `json:"issued_at"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

// ContactFilter narrows the list of contacts.
type ContactFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer only"`
	Removed    bool      `query:"removed" doc:"Removed ones too"`
	Text       string    `query:"text" maxLength:"200" doc:"Part of the name or the email address"`
	Paging
}

const (
	sqlContacts engine.SQL = `
select * from {s}.contacts where tenant = @tenant and (@customer::uuid is null or customer_id = @customer)
  and (@removed or active) and (@text = '' or strpos(lower(name), @text) > 0 or strpos(lower(email), @text) > 0)
  and (customer_id, id) > (@after_customer::uuid, @id::uuid)
order by customer_id, id limit @limit`
	sqlColleagues engine.SQL = `
select * from {s}.contacts where tenant = @tenant and customer_id = @customer and active order by id`
	sqlNames engine.SQL = `
select id, name from {s}.api_keys where tenant = @tenant and id = any(@ids)
union all select id, name from {s}.contacts where tenant = @tenant and id = any(@ids)
union all select id, name from {s}.staff_members where tenant = @tenant and id = any(@ids)`
	sqlAPIKeys engine.SQL = `
select * from {s}.api_keys where tenant = @tenant and id > @id::uuid order by id limit @limit`
	sqlAPIKey engine.SQL = `
select * from {s}.api_keys where tenant = @tenant and id = @id`
)

// ListContacts lists contacts, customer by customer; for staff.
func (q *Queries) ListContacts(ctx context.Context, v Viewer, f ContactFilter) (Page[Contact], error) {
	var none Page[Contact]
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return none, err
	}
	customer, id := uuid.Nil, uuid.Nil
	if f.Cursor != "" {
		parts, err := f.parts(2)
		if err != nil {
			return none, err
		}
		if customer.UnmarshalText([]byte(parts[0])) != nil || id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
	}
	rows, err := many[contactRow](ctx, q.DB, sqlContacts, s, pgx.NamedArgs{
		"customer": optional(f.CustomerID), "removed": f.Removed, "text": strings.ToLower(f.Text), "after_customer": customer, "id": id, "limit": f.limit() + 1,
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, func(c contactRow) Contact {
		return c.view()
	}, func(c contactRow) string { return cursorOf(c.CustomerID.String(), c.ID.String()) }), nil
}

// Colleagues are the contacts of a customer, as far as the read model has come.
func (q *Queries) Colleagues(ctx context.Context, tenant string, customer uuid.UUID) ([]uuid.UUID, error) {
	schema, err := q.Schema(ctx, Access.Name)
	if err != nil {
		return nil, err
	}
	s := scope{schema: schema, tenant: tenant, all: true, now: q.Clock().UTC()}
	rows, err := many[contactRow](ctx, q.DB, sqlColleagues, s, pgx.NamedArgs{"customer": customer})
	return views(rows, func(c contactRow) uuid.UUID { return c.ID }), err
}

func (c contactRow) view() Contact {
	v := Contact{ID: c.ID, CustomerID: c.CustomerID, Name: c.Name, Email: c.Email, Phone: c.Phone, IsPrimary: c.IsPrimary,
		Language: c.Language, Active: c.Active, AddedAt: c.AddedAt.UTC(), RemovedAt: c.RemovedAt, LoginID: c.LoginID, Erased: c.Erased}
	if err := json.Unmarshal(c.Grants, &v.Grants); err != nil {
		v.Grants = access.Grants{} // our own writing: it never fails
	}
	return v
}

// NamesOf are the names of those who acted: keys, contacts and staff. Who is not there was erased,
// or has none.
func (q *Queries) NamesOf(ctx context.Context, v Viewer, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return nil, err
	}
	rows, err := many[nameRow](ctx, q.DB, sqlNames, s, pgx.NamedArgs{"ids": ids})
	names := map[uuid.UUID]string{}
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}

type nameRow struct {
	ID   uuid.UUID `db:"id"`
	Name string    `db:"name"`
}

// ListAPIKeys lists the keys that were given out; for staff.
func (q *Queries) ListAPIKeys(ctx context.Context, v Viewer, p Paging) (Page[APIKey], error) {
	var none Page[APIKey]
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return none, err
	}
	id, err := p.afterID()
	if err != nil {
		return none, err
	}
	rows, err := many[apiKeyRow](ctx, q.DB, sqlAPIKeys, s, pgx.NamedArgs{"id": id, "limit": p.limit() + 1})
	if err != nil {
		return none, err
	}
	return page(p, rows, apiKeyRow.view, func(k apiKeyRow) string { return cursorOf(k.ID.String()) }), nil
}

func (k apiKeyRow) view() APIKey {
	return APIKey{k.ID, k.Name, k.Role, k.ContactID, k.CustomerID, k.IssuedAt.UTC(), k.RevokedAt}
}

// GetAPIKey is one key, revoked ones too; for staff.
func (q *Queries) GetAPIKey(ctx context.Context, v Viewer, id uuid.UUID) (APIKey, error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return APIKey{}, err
	}
	row, err := one[apiKeyRow](ctx, q.DB, sqlAPIKey, s, pgx.NamedArgs{"id": id})
	if err != nil {
		return APIKey{}, absent(err, "api_key.unknown", "there is no such key")
	}
	return row.view(), nil
}

// nameActors names those who acted, as far as they have names.
func (q *Queries) nameActors(ctx context.Context, v Viewer, events []HistoryEvent) error {
	ids := make([]uuid.UUID, len(events))
	for n, e := range events {
		ids[n] = e.Actor.ID
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	names, err := q.NamesOf(ctx, v, slices.Compact(ids))
	for n := range events {
		events[n].ActorName = names[events[n].Actor.ID]
	}
	return err
}
