package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/internal/envelope"
)

func (c *Commands) onCustomer(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[customer.Customer]) (Receipt, error) {
	if err := by.May(access.ManageCustomers); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, name, "customer", id), decision[customer.Customer]{cmd: cmd, route: id})
}

// mayBringIn refuses whoever may not register customers; those that a ledger names come with it.
func (by Caller) mayBringIn() error {
	if by.Origin.Channel == envelope.ChannelImport && by.May(access.ImportLedgers) == nil {
		return nil
	}
	return by.May(access.ManageCustomers)
}

// RegisterCustomer makes a customer. Its number is reserved for it.
func (c *Commands) RegisterCustomer(ctx context.Context, by Caller, id uuid.UUID, cmd customer.Register) (Receipt, error) {
	by = by.complete(c)
	if err := by.mayBringIn(); err != nil {
		return Receipt{}, err
	}
	if cmd.ParentID != nil {
		leave, err := c.inTree(ctx, by)
		if err != nil {
			return Receipt{}, err
		}
		defer leave()
	}
	id = by.newID(id, "customer")
	return decide(ctx, c, by, about(by, "RegisterCustomer", "customer", id), func(s customer.Customer) (decision[customer.Customer], error) {
		d := c.numberedCustomer(ctx, by, id, s, cmd.Number)
		if cmd.Currency == "" {
			t, err := c.tenant(ctx, by)
			if err != nil {
				return d, err
			}
			cmd.Currency = t.Settings().Currency
		}
		if cmd.ParentID != nil {
			chain, err := c.ancestors(ctx, by, *cmd.ParentID)
			if err != nil {
				return d, err
			}
			cmd.Depth = len(chain)
		}
		d.cmd = cmd
		return d, nil
	})
}

// ImportCustomer follows a source's record of a customer.
func (c *Commands) ImportCustomer(ctx context.Context, by Caller, id uuid.UUID, cmd customer.Import) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ImportLedgers); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "ImportCustomer", "customer", id), func(s customer.Customer) (decision[customer.Customer], error) {
		d := c.numberedCustomer(ctx, by, id, s, cmd.Number)
		if cmd.Currency == "" && !s.Known() {
			t, err := c.tenant(ctx, by)
			if err != nil {
				return d, err
			}
			cmd.Currency = t.Settings().Currency
		}
		d.cmd = cmd
		return d, nil
	})
}

// numberedCustomer reserves the number of a new customer.
func (c *Commands) numberedCustomer(ctx context.Context, by Caller, id uuid.UUID, s customer.Customer, number string) decision[customer.Customer] {
	d := decision[customer.Customer]{route: id}
	if !s.Known() {
		d.claim = func() error { return c.reserve(ctx, by, "customer", number, id) }
	}
	return d
}

// ChangeCustomerDetails replaces a customer's details.
func (c *Commands) ChangeCustomerDetails(ctx context.Context, by Caller, id uuid.UUID, cmd customer.ChangeDetails) (Receipt, error) {
	if err := by.May(access.ManageCustomers); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "ChangeCustomerDetails", "customer", id), func(s customer.Customer) (decision[customer.Customer], error) {
		with := cmd
		if with.Currency == "" {
			with.Currency = s.Currency()
		}
		return decision[customer.Customer]{cmd: with, route: id}, nil
	})
}

// MoveCustomer puts a customer under another parent (E37).
func (c *Commands) MoveCustomer(ctx context.Context, by Caller, id uuid.UUID, cmd customer.Move) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageCustomers); err != nil {
		return Receipt{}, err
	}
	leave, err := c.inTree(ctx, by)
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	cmd.Self = id
	return decide(ctx, c, by, about(by, "MoveCustomer", "customer", id), func(s customer.Customer) (d decision[customer.Customer], err error) {
		if cmd.ParentID != nil {
			if cmd.Ancestors, err = c.ancestors(ctx, by, *cmd.ParentID); err != nil {
				return d, err
			}
		}
		return decision[customer.Customer]{cmd: cmd, route: id, guard: c.guardMove(ctx, by, s, cmd)}, nil
	})
}

// inTree lets this process's moves in a tenant's tree wait for each other, as those of other
// processes are kept apart by guarded: two at once could make a circle between them.
func (c *Commands) inTree(ctx context.Context, by Caller) (leave func(), err error) {
	return c.queue.enter(ctx, by.Tenant+" tree")
}

// ancestors is the chain from a new parent up to the top, itself included. Those above it
// may have been closed since.
func (c *Commands) ancestors(ctx context.Context, by Caller, id uuid.UUID) (chain []uuid.UUID, err error) {
	s, err := c.activeCustomer(ctx, by, id)
	for ; err == nil && len(chain) <= customer.MaxDepth; s, err = peek[customer.Customer](ctx, c, by.Tenant, "customer", id) {
		chain = append(chain, id)
		if id = s.Parent(); id == uuid.Nil {
			break
		}
	}
	return chain, err
}

// SwitchCustomerPortal opens or shuts the portal for a customer.
func (c *Commands) SwitchCustomerPortal(ctx context.Context, by Caller, id uuid.UUID, cmd customer.SwitchPortal) (Receipt, error) {
	return c.onCustomer(ctx, by, "SwitchCustomerPortal", id, cmd)
}

// SetCustomerModules says which modules are switched off for a customer.
func (c *Commands) SetCustomerModules(ctx context.Context, by Caller, id uuid.UUID, cmd customer.SetModules) (Receipt, error) {
	return c.onCustomer(ctx, by, "SetCustomerModules", id, cmd)
}

// MergeCustomers says that a customer goes on as another (E17).
func (c *Commands) MergeCustomers(ctx context.Context, by Caller, id uuid.UUID, cmd customer.Merge) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageCustomers); err != nil {
		return Receipt{}, err
	}
	leave, err := c.inTree(ctx, by)
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	cmd.Self = id
	return decide(ctx, c, by, about(by, "MergeCustomers", "customer", id), func(customer.Customer) (decision[customer.Customer], error) {
		_, err := c.activeCustomer(ctx, by, cmd.SurvivorID)
		return decision[customer.Customer]{cmd: cmd, route: id, guard: c.guardMerger(ctx, by, cmd)}, err
	})
}

// CloseCustomer ends a customer.
func (c *Commands) CloseCustomer(ctx context.Context, by Caller, id uuid.UUID, cmd customer.Close) (Receipt, error) {
	return c.onCustomer(ctx, by, "CloseCustomer", id, cmd)
}

// AddContact makes a person a contact of a customer.
func (c *Commands) AddContact(ctx context.Context, by Caller, id uuid.UUID, cmd contact.Add) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManagePeople); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "AddContact", "contact", by.newID(id, "contact")), func(contact.Contact) (decision[contact.Contact], error) {
		_, err := c.activeCustomer(ctx, by, cmd.CustomerID)
		return decision[contact.Contact]{cmd: cmd, route: cmd.CustomerID}, err
	})
}

// ChangeContactDetails replaces a contact's details.
func (c *Commands) ChangeContactDetails(ctx context.Context, by Caller, id uuid.UUID, cmd contact.ChangeDetails) (Receipt, error) {
	return c.onContact(ctx, by, "ChangeContactDetails", id, cmd)
}

func (c *Commands) onContact(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[contact.Contact]) (Receipt, error) {
	if err := by.May(access.ManagePeople); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, name, "contact", id), func(s contact.Contact) (decision[contact.Contact], error) {
		return decision[contact.Contact]{cmd: cmd, route: s.CustomerID()}, nil
	})
}
