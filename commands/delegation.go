package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/guard"
)

// ChangeContactAccess sets all that a contact may do.
func (c *Commands) ChangeContactAccess(ctx context.Context, by Caller, id uuid.UUID, cmd contact.ChangeAccess) (Receipt, error) {
	if by.isContact() {
		cmd.DelegatedBy = &by.Actor.ID
	}
	return c.onAccess(ctx, by, task{name: "ChangeContactAccess", id: id}, cmd, func(access.Grants) (access.Grants, error) { return cmd.Wanted() })
}

// RevokeContactModule takes a module away from a contact.
func (c *Commands) RevokeContactModule(ctx context.Context, by Caller, id uuid.UUID, cmd contact.RevokeModule) (Receipt, error) {
	return c.onAccess(ctx, by, task{name: "RevokeContactModule", id: id}, cmd,
		func(g access.Grants) (access.Grants, error) { return g.Without(cmd.Module), nil })
}

// RevokeContactAccess takes all access away from a contact.
func (c *Commands) RevokeContactAccess(ctx context.Context, by Caller, id uuid.UUID, cmd contact.RevokeAccess) (Receipt, error) {
	return c.onAccess(ctx, by, task{name: "RevokeContactAccess", id: id}, cmd, nothing)
}

// RemoveContact ends a contact's membership.
func (c *Commands) RemoveContact(ctx context.Context, by Caller, id uuid.UUID, cmd contact.Remove) (Receipt, error) {
	return c.onAccess(ctx, by, task{name: "RemoveContact", id: id}, cmd, nothing)
}

func nothing(access.Grants) (access.Grants, error) { return nil, nil }

// onAccess changes what a contact may do, for staff and for contacts who manage those of
// their own customer. after is what it may do then.
func (c *Commands) onAccess(ctx context.Context, by Caller, t task, cmd domain.Command[contact.Contact], after func(access.Grants) (access.Grants, error)) (Receipt, error) {
	by = by.complete(c)
	t = about(by, t.name, "contact", t.id)
	if !by.isContact() {
		if err := by.May(access.ManagePeople); err != nil {
			return Receipt{}, err
		}
		return decide(ctx, c, by, t, func(s contact.Contact) (decision[contact.Contact], error) {
			return decision[contact.Contact]{cmd: cmd, route: s.CustomerID()}, nil
		})
	}
	leave, err := c.queue.enter(ctx, by.Tenant+" managers") // two at once could each take the other for the last
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	return decide(ctx, c, by, t, func(s contact.Contact) (decision[contact.Contact], error) {
		d := decision[contact.Contact]{cmd: cmd, route: s.CustomerID()}
		given, err := after(s.Grants())
		if err != nil {
			return d, err
		}
		if err := c.delegates(ctx, by, access.Manage, s.CustomerID(), given, s.Grants()); err != nil {
			return d, err
		}
		if manages(t.id, s, s.Grants()) && !manages(t.id, s, given) {
			d.guard = c.guardManager(ctx, by, t.id, s.CustomerID())
		}
		return d, nil
	})
}

// delegates refuses a contact who may not do this to the people of a customer, or gives what
// it does not hold itself (I11). What somebody has already is not given. Of people of other
// customers it learns nothing.
func (c *Commands) delegates(ctx context.Context, by Caller, need access.Action, customer uuid.UUID, given, had access.Grants) error {
	mine, _, err := c.StandingOf(ctx, by.Tenant, by.Actor.ID)
	if err != nil {
		return err
	}
	if err := c.allowed(ctx, by, need, people(mine.CustomerID)); err != nil {
		return err
	}
	switch {
	case customer == uuid.Nil || customer != mine.CustomerID:
		return domain.NotFound("contact.unknown", "there is no such contact")
	case !access.Within(mine.Grants, given.Beside(had)):
		return domain.Forbidden("access.more_than_held", "you can give what you hold yourself, and no more")
	}
	return nil
}

// people are those of a customer, as an item of the module users.
func people(customer uuid.UUID) access.Item {
	return access.Item{Module: access.Users, Customers: []uuid.UUID{customer}, Published: true}
}

// manages tells whether somebody may manage the people of its customer.
func manages(id uuid.UUID, s contact.Contact, g access.Grants) bool {
	return s.CustomerID() != uuid.Nil && g.Allows(id, access.Manage, people(s.CustomerID()), s.CustomerID())
}

// guardManager lets a contact stop managing the people of its customer if another goes on,
// who is not about to stop in another process (E30). Staff can have it otherwise.
func (c *Commands) guardManager(ctx context.Context, by Caller, id, customer uuid.UUID) func(at int64) error {
	return func(at int64) error {
		step := guard.Step{What: guard.StopsManaging, Category: "contact", ID: id, At: at}
		return c.guarded(ctx, by, domain.DerivedID(customer, "managers"), step, func(open []guard.Step) error {
			stays, err := c.managed(ctx, by, customer, append(open, step))
			if err == nil && !stays {
				err = domain.Refused("access.last_manager", "nobody would be left who manages the people of this customer: make somebody else a manager first, or ask us")
			}
			return err
		})
	}
}

// managed tells whether a contact manages the people of a customer and does not stop.
func (c *Commands) managed(ctx context.Context, by Caller, customer uuid.UUID, stop []guard.Step) (bool, error) {
	colleagues := []uuid.UUID{by.Actor.ID}
	if c.Colleagues != nil {
		known, err := c.Colleagues(ctx, by.Tenant, customer)
		if err != nil {
			return false, err
		}
		colleagues = append(colleagues, known...)
	}
	for _, id := range colleagues {
		if slices.ContainsFunc(stop, func(o guard.Step) bool { return o.ID == id }) {
			continue
		}
		is, err := peek[contact.Contact](ctx, c, by.Tenant, "contact", id)
		if err != nil {
			return false, err
		}
		if is.CustomerID() == customer && manages(id, is, is.Grants()) {
			return true, nil
		}
	}
	return false, nil
}
