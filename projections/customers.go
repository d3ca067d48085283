package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain/access"
	"portico/domain/customer"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var customers = engine.NewTable[docKey, customerRow]("customers")

type customerRow struct {
	Tenant       string     `db:"tenant,key"`
	ID           uuid.UUID  `db:"id,key"`
	Number       string     `db:"number"`
	Name         string     `db:"name"`
	Kind         string     `db:"kind"`
	Country      string     `db:"country"`
	Address      string     `db:"address"`
	Language     string     `db:"language"`
	Currency     string     `db:"currency"`
	TermsDays    int        `db:"terms_days"`
	BranchID     *uuid.UUID `db:"branch_id"`
	ParentID     *uuid.UUID `db:"parent_id"`
	PortalOn     bool       `db:"portal_on"`
	Status       string     `db:"status"` // active, closed, merged
	MergedInto   *uuid.UUID `db:"merged_into"`
	RegisteredAt time.Time  `db:"registered_at"`
	// ModulesOff is a list: of what is switched off for the customer.
	ModulesOff json.RawMessage `db:"modules_off"`
}

func applyCustomer(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case customer.Registered:
		k := about(e)
		row := customerRow{Tenant: k.Tenant, ID: k.ID, Number: d.Number, ParentID: d.ParentID, PortalOn: true, Status: "active", RegisteredAt: e.At,
			ModulesOff: json.RawMessage("[]")}
		row.describe(d.Details)
		customers.Put(b, row)
	case customer.DetailsChanged:
		if c := customers.Get(b, about(e)); c != nil {
			c.describe(d.Details)
		}
	case customer.Reparented:
		if c := customers.Get(b, about(e)); c != nil {
			c.ParentID = d.NewParentID
		}
	case customer.PortalSwitched:
		if c := customers.Get(b, about(e)); c != nil {
			c.PortalOn = d.On
		}
	case customer.ModulesChanged:
		if c := customers.Get(b, about(e)); c != nil {
			var err error
			c.ModulesOff, err = json.Marshal(append([]access.Module{}, d.Off...))
			return err
		}
	case customer.Merged:
		if c := customers.Get(b, about(e)); c != nil {
			c.Status, c.MergedInto = "merged", &d.SurvivorID
		}
	case customer.Closed:
		if c := customers.Get(b, about(e)); c != nil {
			c.Status = "closed"
		}
	}
	return nil
}

func (c *customerRow) describe(d customer.Details) {
	c.Name, c.Kind, c.Country, c.Currency, c.TermsDays = cmp.Or(d.LegalName, erasedName), d.Kind, d.Country, d.Currency, d.TermsDays
	c.BranchID, c.Address, c.Language = optional(d.BranchID), d.Address, d.Language
}

// Customer is a company or person that work is done for.
type Customer struct {
	ID           uuid.UUID   `json:"id"`
	Number       string      `json:"number"`
	Name         string      `json:"name"`
	Kind         string      `json:"kind" enum:"account,consumer,parent"`
	Country      string      `json:"country,omitempty"`
	Address      string      `json:"address,omitempty" doc:"Line by line; documents are addressed to it"`
	Language     string      `json:"language,omitempty" doc:"Of its documents; absent: the tenant's locale"`
	Currency     string      `json:"currency"`
	TermsDays    *int        `json:"terms_days,omitempty" doc:"Days from issue to due date"`
	BranchID     *uuid.UUID  `json:"branch_id,omitempty"`
	ParentID     *uuid.UUID  `json:"parent_id,omitempty"`
	Children     []uuid.UUID `json:"children,omitempty" doc:"Customers under this one; for staff"`
	PortalOn     bool        `json:"portal_on"`
	Status       string      `json:"status" enum:"active,closed,merged"`
	MergedInto   *uuid.UUID  `json:"merged_into,omitempty" doc:"The customer this one goes on as"`
	RegisteredAt time.Time   `json:"registered_at"`

	ModulesOff []access.Module `json:"modules_off,omitempty" doc:"What of the portal is switched off for this customer; for staff"`
}

type customerView struct {
	customerRow
	Children []uuid.UUID `db:"children"`
}

const sqlCustomer engine.SQL = `
select c.*, case when @all then array(
  select k.id from {s}.customers k where k.tenant = c.tenant and k.parent_id = c.id order by k.number, k.id) end as children
from {s}.customers c where c.tenant = @tenant and c.id = @id`

// GetCustomer is one customer. A contact sees its own; the tree is for staff.
func (q *Queries) GetCustomer(ctx context.Context, v Viewer, id uuid.UUID) (Customer, error) {
	var c *customerView
	s, err := q.readOf(ctx, v, id, func(r *reading) error {
		wantOne(r, sqlCustomer, pgx.NamedArgs{"id": id}, &c)
		return nil
	})
	if err == nil && (c == nil || !s.profile(id)) {
		err = unknownCustomer()
	}
	if err != nil {
		return Customer{}, err
	}
	out := Customer{c.ID, c.Number, c.Name, c.Kind, c.Country, c.Address, c.Language, c.Currency, &c.TermsDays, c.BranchID, c.ParentID, c.Children,
		c.PortalOn, c.Status, c.MergedInto, c.RegisteredAt, nil}
	if !s.all {
		out.ParentID, out.MergedInto = nil, nil // ids of customers that are not the contact's
	} else if err := json.Unmarshal(c.ModulesOff, &out.ModulesOff); err != nil {
		return out, err
	}
	return s.customer(out), nil
}
