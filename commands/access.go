package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain/contact"
)

// CustomersOfContact are whose contact somebody is now: none once it was removed. It asks
// history itself, so that access ends with the event, not when a read model follows.
func (c *Commands) CustomersOfContact(ctx context.Context, tenant string, id uuid.UUID) ([]uuid.UUID, error) {
	person, err := peek[contact.Contact](ctx, c, tenant, "contact", id)
	if err != nil || person.CustomerID() == uuid.Nil {
		return nil, err
	}
	return []uuid.UUID{person.CustomerID()}, nil
}
