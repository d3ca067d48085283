package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/staff"
	"portico/domain/tenant"
	"portico/internal/envelope"
)

// Membership is what a human who has it may know of it, from history.
type Membership struct {
	ID         uuid.UUID     `json:"id" doc:"The contact's or the staff member's"`
	Kind       string        `json:"kind" enum:"contact,staff"`
	Name       string        `json:"name,omitempty" doc:"Of the person in it"`
	Email      string        `json:"email,omitempty"`
	CustomerID *uuid.UUID    `json:"customer_id,omitempty"`
	Customer   string        `json:"customer,omitempty" doc:"The customer's name"`
	Number     string        `json:"number,omitempty" doc:"The customer's number"`
	Roles      []access.Role `json:"roles,omitempty" doc:"Of staff"`
}

// MembershipOf is one of a login's memberships; ok is false once it has ended, or was
// never the login's. The nil UUID as the login asks about anybody's.
func (c *Commands) MembershipOf(ctx context.Context, code, kind string, id, login uuid.UUID) (m Membership, ok bool, err error) {
	m = Membership{ID: id, Kind: kind}
	if kind == envelope.Staff {
		s, err := peek[staff.Member](ctx, c, code, "staff", id)
		m.Name, m.Email, m.Roles = s.Details().Name, s.Details().Email, s.Roles()
		return m, err == nil && len(s.Roles()) > 0 && (login == uuid.Nil || s.LoginID() == login), err
	}
	p, err := peek[contact.Contact](ctx, c, code, "contact", id)
	if err != nil || p.CustomerID() == uuid.Nil || login != uuid.Nil && p.LoginID() != login {
		return m, false, err
	}
	of, err := peek[customer.Customer](ctx, c, code, "customer", p.CustomerID())
	at := p.CustomerID()
	m.Name, m.Email, m.CustomerID, m.Customer, m.Number = p.Details().Name, p.Details().Email, &at, of.Details().LegalName, of.Number()
	return m, err == nil && of.PortalOn(), err
}

// PlacesOf are the branches and contractors of a business as of now.
func (c *Commands) PlacesOf(ctx context.Context, code string) (branches, contractors []tenant.Place, err error) {
	t, err := peek[tenant.Tenant](ctx, c, code, "tenant", TenantID(code))
	return t.Branches(), t.Contractors(), err
}
