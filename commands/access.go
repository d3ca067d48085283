package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/customer"
)

// CustomersOfContact are whose data a contact may see now: none once it was removed, or
// its customer's portal was shut. It asks history itself, so that access ends with the
// event, on every node, not when a read model follows (SECURITY 8.2.5).
func (c *Commands) CustomersOfContact(ctx context.Context, tenant string, id uuid.UUID) ([]uuid.UUID, error) {
	person, err := peek[contact.Contact](ctx, c, tenant, "contact", id)
	if err != nil || person.CustomerID() == uuid.Nil {
		return nil, err
	}
	of, err := peek[customer.Customer](ctx, c, tenant, "customer", person.CustomerID())
	if err != nil || !of.PortalOn() {
		return nil, err
	}
	return []uuid.UUID{person.CustomerID()}, nil
}
