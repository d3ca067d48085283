package commands

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/reservation"
	"portico/domain/tenant"
	"portico/internal/eventstore"
)

// TenantID is the id of a tenant's own stream, and the namespace of ids that are derived
// from names within the tenant.
func TenantID(code string) uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceOID, "portico tenant", code)
}

// ExternalID is the id of what another system knows under its own id. An importer that
// meets the same record again speaks of the same thing.
func ExternalID(tenant, system, kind, external string) uuid.UUID {
	return domain.DerivedID(TenantID(tenant), "external", system, kind, external)
}

// Ledger names an account: a customer's, in one currency.
type Ledger struct {
	CustomerID uuid.UUID
	Currency   string
}

func about(by Caller, name, category string, id uuid.UUID) task {
	return task{name, id, eventstore.Stream(by.Tenant, category, id.String())}
}

func (at Ledger) stream(tenant string) eventstore.StreamName {
	return eventstore.Stream(tenant, "account", account.ID(at.CustomerID, at.Currency))
}

func peek[S any](ctx context.Context, c *Commands, tenant, category string, id uuid.UUID) (S, error) {
	have, err := load[S](ctx, c, eventstore.Stream(tenant, category, id.String()))
	return have.state, err
}

// tenant is the caller's tenant as it stands.
func (c *Commands) tenant(ctx context.Context, by Caller) (tenant.Tenant, error) {
	t, err := peek[tenant.Tenant](ctx, c, by.Tenant, "tenant", TenantID(by.Tenant))
	if err == nil && !t.Known() {
		err = domain.NotFound("tenant.unknown", "register the tenant first")
	}
	return t, err
}

// today is the calendar date in a tenant's zone, unless one is given (E43).
func (c *Commands) today(t tenant.Tenant, given domain.Date) domain.Date {
	if given != "" {
		return given
	}
	return domain.DateOf(c.Clock().In(t.Zone()))
}

// effective is today's date in the caller's tenant, or the date given, checked.
func (c *Commands) effective(ctx context.Context, by Caller, given domain.Date) (domain.Date, error) {
	if given != "" {
		return given, given.Check()
	}
	t, err := c.tenant(ctx, by)
	return c.today(t, ""), err
}

// activeCustomer is a customer that new things may name.
func (c *Commands) activeCustomer(ctx context.Context, by Caller, id uuid.UUID) (customer.Customer, error) {
	s, err := peek[customer.Customer](ctx, c, by.Tenant, "customer", id)
	switch {
	case err != nil:
		return s, err
	case !s.Known():
		return s, domain.NotFound("customer.unknown", "there is no customer %s", id)
	case !s.Active():
		return s, domain.Refused("customer.not_active", "this customer is closed or merged into another")
	}
	return s, nil
}

// reserve takes a name for good (I6).
func (c *Commands) reserve(ctx context.Context, by Caller, kind, name string, forID uuid.UUID) error {
	name = strings.TrimSpace(name)
	t := about(by, "Reserve", "reservation", domain.DerivedID(TenantID(by.Tenant), kind, name))
	_, err := run(ctx, c, by.step("reserve"), t, decision[reservation.Reservation]{
		cmd: reservation.Reserve{Kind: kind, Name: name, Owner: forID},
	})
	return err
}

// now is the instant of the command.
func (c *Commands) now() time.Time { return c.Clock().UTC() }
