package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/customer"
	"portico/domain/guard"
	"portico/internal/eventstore"
)

// guarded announces a step on the stream of what must be decided in one order, whichever
// process decides. check is asked with the steps of others that are not over; it is asked
// anew if another was announced meanwhile.
//
// Cut off after it, the step stays announced until its stream moves on. Others are refused
// then what would go wrong with it, and the same request goes on.
func (c *Commands) guarded(ctx context.Context, by Caller, scope uuid.UUID, step guard.Step, check func(open []guard.Step) error) error {
	by = by.step("guard", fmt.Sprint(step.At))
	_, err := decide(ctx, c, by, about(by, "Announce", "guard", scope), func(s guard.Guard) (decision[guard.Guard], error) {
		open, err := c.open(ctx, by.Tenant, s)
		if err == nil {
			err = check(slices.DeleteFunc(slices.Clone(open), func(o guard.Step) bool { return o == step }))
		}
		return decision[guard.Guard]{cmd: guard.Announce{Open: open, Step: step}}, err
	})
	return err
}

// open are those announced steps whose streams have not moved on.
func (c *Commands) open(ctx context.Context, tenant string, s guard.Guard) (open []guard.Step, err error) {
	for _, step := range s.Steps() {
		since, err := c.Store.ReadStream(ctx, eventstore.Stream(tenant, step.Category, step.ID.String()), step.At+1, 1)
		if err != nil {
			return nil, unavailable(err)
		}
		if len(since) == 0 {
			open = append(open, step)
		}
	}
	return open, nil
}

// guardMove lets a customer be moved if that makes no circle, also with whatever other
// processes are about to move (E37).
func (c *Commands) guardMove(ctx context.Context, by Caller, s customer.Customer, cmd customer.Move) func(at int64) error {
	return func(at int64) error {
		step := guard.Step{What: guard.Move, Category: "customer", ID: cmd.Self, At: at}
		if cmd.ParentID != nil {
			step.To = *cmd.ParentID
		}
		return c.guarded(ctx, by, treeOf(by.Tenant), step, func(open []guard.Step) (err error) {
			if cmd.Ancestors, err = c.above(ctx, by.Tenant, step.To, open); err == nil {
				_, err = cmd.Decide(s)
			}
			return err
		})
	}
}

// guardMerger lets a customer go on as another that is not about to go on as a third.
func (c *Commands) guardMerger(ctx context.Context, by Caller, cmd customer.Merge) func(at int64) error {
	return func(at int64) error {
		step := guard.Step{What: guard.Merger, Category: "customer", ID: cmd.Self, At: at, To: cmd.SurvivorID}
		return c.guarded(ctx, by, treeOf(by.Tenant), step, func(open []guard.Step) error {
			for _, o := range open {
				if o.What == guard.Merger && o.ID == cmd.SurvivorID {
					return domain.Refused("customer.not_active", "that customer is being merged into another")
				}
			}
			_, err := c.activeCustomer(ctx, by, cmd.SurvivorID)
			return err
		})
	}
}

// treeOf is where it is announced what happens to a tenant's tree of customers.
func treeOf(tenant string) uuid.UUID { return domain.DerivedID(TenantID(tenant), "tree") }

// above are all that are above a customer or may be in a moment, itself included.
func (c *Commands) above(ctx context.Context, tenant string, id uuid.UUID, open []guard.Step) (all []uuid.UUID, err error) {
	next := []uuid.UUID{id}
	for len(next) > 0 {
		id, next = next[0], next[1:]
		if id == uuid.Nil || slices.Contains(all, id) {
			continue
		}
		s, err := peek[customer.Customer](ctx, c, tenant, "customer", id)
		if err != nil {
			return nil, err
		}
		all, next = append(all, id), append(next, s.Parent())
		for _, o := range open {
			if o.What == guard.Move && o.ID == id {
				next = append(next, o.To)
			}
		}
	}
	return all, nil
}
