package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// StandingOf is what a contact may see and do now, and the streams that decide it: while
// none of them moves, nor does the answer, but for customers that come to be below its own.
// It asks history itself, so that access ends with the event, on every node, not when a
// read model follows (I9, SECURITY 8.2.5).
func (c *Commands) StandingOf(ctx context.Context, tenantCode string, id uuid.UUID) (access.Standing, []eventstore.StreamName, error) {
	look := looking{c: c, tenant: tenantCode}
	s := access.Standing{ContactID: id}
	person, err := see[contact.Contact](ctx, &look, "contact", id)
	if err != nil || person.CustomerID() == uuid.Nil {
		return s, look.streams, err
	}
	s.CustomerID, s.Active, s.Grants = person.CustomerID(), true, person.Grants()
	if err := look.switches(ctx, &s); err != nil {
		return s, look.streams, err
	}
	s.Customers, err = look.tree(ctx, s.CustomerID)
	return s, look.streams, err
}

// StandingOfCustomer is that of a system of a customer's own: it sees whatever can be shown
// to contacts of that customer now.
func (c *Commands) StandingOfCustomer(ctx context.Context, tenantCode string, id uuid.UUID) (access.Standing, error) {
	look, s := looking{c: c, tenant: tenantCode}, access.Whole(id)
	of, err := look.customer(ctx, id)
	if err != nil {
		return s, err
	}
	s.Customers[id] = access.Customer{Portal: of.PortalOn(), Off: of.Off()}
	return s, look.switches(ctx, &s)
}

// looking remembers which streams were looked at.
type looking struct {
	c         *Commands
	tenant    string
	streams   []eventstore.StreamName
	customers map[uuid.UUID]customer.Customer
}

func see[S any](ctx context.Context, l *looking, category string, id uuid.UUID) (S, error) {
	l.streams = append(l.streams, eventstore.Stream(l.tenant, category, id.String()))
	return peek[S](ctx, l.c, l.tenant, category, id)
}

func (l *looking) customer(ctx context.Context, id uuid.UUID) (s customer.Customer, err error) {
	s, known := l.customers[id]
	if known {
		return s, nil
	}
	if l.customers == nil {
		l.customers = map[uuid.UUID]customer.Customer{}
	}
	s, err = see[customer.Customer](ctx, l, "customer", id)
	l.customers[id] = s
	return s, err
}

// switches fills in what the tenant has decided about all contacts.
func (l *looking) switches(ctx context.Context, s *access.Standing) error {
	t, err := see[tenant.Tenant](ctx, l, "tenant", TenantID(l.tenant))
	s.Off, s.Hidden, s.JobAge = t.Off(), t.Hidden(), t.JobAge()
	policy := t.Security()
	s.SecondFactor, s.IdleMinutes = asksSecondFactor(policy.ContactFactor, s.Grants), policy.IdleMinutes
	return err
}

// tree is a customer and those below it (E37). Whoever is said to be below is looked up in
// history: what says so may lag behind, and then hides, but shows nothing.
func (l *looking) tree(ctx context.Context, root uuid.UUID) (map[uuid.UUID]access.Customer, error) {
	own, err := l.customer(ctx, root)
	if err != nil {
		return nil, err
	}
	seen := map[uuid.UUID]access.Customer{root: {Portal: own.PortalOn(), Off: own.Off()}}
	below, err := l.c.belowOf(ctx, l.tenant, root)
	for _, id := range below {
		is, err := l.isBelow(ctx, root, id)
		if err != nil {
			return nil, err
		}
		if s := l.customers[id]; is { // a shut portal keeps all of its customer's own contacts out
			seen[id] = access.Customer{Portal: s.PortalOn() && own.PortalOn(), Off: s.Off()}
		}
	}
	return seen, err
}

func (l *looking) isBelow(ctx context.Context, root, id uuid.UUID) (bool, error) {
	for range customer.MaxDepth {
		s, err := l.customer(ctx, id)
		if err != nil || s.Parent() == uuid.Nil {
			return false, err
		}
		if id = s.Parent(); id == root {
			return true, nil
		}
	}
	return false, nil
}

func (c *Commands) belowOf(ctx context.Context, tenantCode string, root uuid.UUID) ([]uuid.UUID, error) {
	if c.Below == nil {
		return nil, nil
	}
	return c.Below(ctx, tenantCode, root)
}

// allowed refuses a contact whose grants do not let it do something to an item, and whoever
// sees the portal as a contact: they look, and do nothing (I10).
func (c *Commands) allowed(ctx context.Context, by Caller, a access.Action, it access.Item) error {
	if by.asContact() {
		return impersonating()
	}
	if by.Actor.Kind != envelope.Contact {
		return domain.Forbidden("caller.forbidden", "this is for contacts of a customer")
	}
	s, _, err := c.StandingOf(ctx, by.Tenant, by.Actor.ID)
	if err != nil {
		return err
	}
	today, err := c.effective(ctx, by, "")
	if err != nil {
		return err
	}
	if !access.May(s, a, it, today) {
		return notGranted(it.Module, a)
	}
	return nil
}

func notGranted(m access.Module, a access.Action) error {
	return domain.Forbidden("access.not_granted", "this needs the grant %s/%s", m, a)
}

// isContact tells whether it is a contact who asks.
func (by Caller) isContact() bool {
	return by.Actor.Kind == envelope.Contact && slices.Contains(by.Roles, access.Contact)
}
