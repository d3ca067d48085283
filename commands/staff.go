package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/roster"
	"portico/domain/staff"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// StaffOf is what a member of staff may do now, and the human whose membership it is: no
// roles once it was removed. The answer holds while the streams do not move.
func (c *Commands) StaffOf(ctx context.Context, tenant string, member uuid.UUID) (roles []access.Role, login uuid.UUID, streams []eventstore.StreamName, err error) {
	at := eventstore.Stream(tenant, "staff", member.String())
	have, err := load[staff.Member](ctx, c, at)
	return have.state.Roles(), have.state.LoginID(), []eventstore.StreamName{at}, err
}

// StaffMember is a member of staff as of now.
func (c *Commands) StaffMember(ctx context.Context, tenant string, member uuid.UUID) (staff.Member, error) {
	return peek[staff.Member](ctx, c, tenant, "staff", member)
}

// SecurityPolicy is how people come in to a tenant, as of now.
func (c *Commands) SecurityPolicy(ctx context.Context, code string) (tenant.SecurityPolicy, error) {
	t, err := peek[tenant.Tenant](ctx, c, code, "tenant", TenantID(code))
	return t.Security(), err
}

// SetSecurityPolicy says how people come in.
func (c *Commands) SetSecurityPolicy(ctx context.Context, by Caller, cmd tenant.SetSecurityPolicy) (Receipt, error) {
	return c.onTenant(ctx, by, "SetSecurityPolicy", cmd)
}

// ChangeStaffDetails replaces a member's details.
func (c *Commands) ChangeStaffDetails(ctx context.Context, by Caller, id uuid.UUID, cmd staff.ChangeDetails) (Receipt, error) {
	return c.onStaff(ctx, by, task{name: "ChangeStaffDetails", id: id}, func(staff.Asking) domain.Command[staff.Member] { return cmd })
}

// ChangeStaffRoles sets a member's roles, or proposes them.
func (c *Commands) ChangeStaffRoles(ctx context.Context, by Caller, id uuid.UUID, cmd staff.ChangeRoles) (Receipt, error) {
	return c.onStaff(ctx, by, task{name: "ChangeStaffRoles", id: id}, func(a staff.Asking) domain.Command[staff.Member] {
		cmd.Asking = a
		return cmd
	})
}

// ApproveStaffRoles gives roles that somebody else has proposed. Who approves is a person:
// behind an API key could be whoever made it.
func (c *Commands) ApproveStaffRoles(ctx context.Context, by Caller, id uuid.UUID, cmd staff.ApproveRoles) (Receipt, error) {
	if err := by.May(access.ManageStaff); err != nil {
		return Receipt{}, err
	}
	person, err := c.person(ctx, by)
	if err == nil && !person {
		err = domain.Forbidden("staff.person_needed", "roles are approved by a person who has signed in, not by an API key")
	}
	if err != nil {
		return Receipt{}, err
	}
	return c.onStaff(ctx, by, task{name: "ApproveStaffRoles", id: id}, func(a staff.Asking) domain.Command[staff.Member] {
		cmd.Asking = a
		return cmd
	})
}

// DeclineStaffRoles says that proposed roles are not given.
func (c *Commands) DeclineStaffRoles(ctx context.Context, by Caller, id uuid.UUID, cmd staff.DeclineRoles) (Receipt, error) {
	return c.onStaff(ctx, by, task{name: "DeclineStaffRoles", id: id}, func(staff.Asking) domain.Command[staff.Member] { return cmd })
}

// RemoveStaff ends a membership of staff.
func (c *Commands) RemoveStaff(ctx context.Context, by Caller, id uuid.UUID, cmd staff.Remove) (Receipt, error) {
	return c.onStaff(ctx, by, task{name: "RemoveStaff", id: id}, func(a staff.Asking) domain.Command[staff.Member] {
		cmd.Asking = a
		return cmd
	})
}

// onStaff decides about a member of staff. Whoever is to be an owner no more leaves the
// roster before, and who has become one is in it after: cut off in between, the roster has
// one too few, and the same request mends it.
func (c *Commands) onStaff(ctx context.Context, by Caller, t task, command func(staff.Asking) domain.Command[staff.Member]) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageStaff); err != nil {
		return Receipt{}, err
	}
	return c.decideStaff(ctx, by, about(by, t.name, "staff", t.id), command)
}

func (c *Commands) decideStaff(ctx context.Context, by Caller, t task, command func(staff.Asking) domain.Command[staff.Member]) (Receipt, error) {
	r, err := decide(ctx, c, by, t, func(s staff.Member) (decision[staff.Member], error) {
		asking, err := c.asking(ctx, by, t.id)
		if who := s.ProposedBy(); err == nil && who != uuid.Nil {
			var key apikey.Key
			key, err = peek[apikey.Key](ctx, c, by.Tenant, "apikey", who)
			asking.Keyed = key.Known()
		}
		cmd := command(asking)
		return decision[staff.Member]{cmd: cmd, claim: func() error { return c.leaveRoster(ctx, by, t.id, s, cmd) }}, err
	})
	if err != nil {
		return r, err
	}
	now, err := peek[staff.Member](ctx, c, by.Tenant, "staff", t.id)
	if err != nil || !now.Owner() || now.LoginID() == uuid.Nil {
		return r, err
	}
	_, err = run(ctx, c, by.step("roster join"), c.rosterTask(by, "JoinRoster"), decision[roster.Roster]{cmd: roster.Join{StaffID: t.id}})
	return r, err
}

func (c *Commands) leaveRoster(ctx context.Context, by Caller, id uuid.UUID, s staff.Member, cmd domain.Command[staff.Member]) error {
	events, err := cmd.Decide(s)
	if err != nil || !s.Owner() || domain.Fold(s, events...).Owner() {
		return err
	}
	_, err = decide(ctx, c, by.step("roster leave"), c.rosterTask(by, "LeaveRoster"), func(roster.Roster) (decision[roster.Roster], error) {
		_, gone, err := c.owners(ctx, by.Tenant)
		return decision[roster.Roster]{cmd: roster.Leave{StaffID: id, Gone: gone}}, err
	})
	return err
}

func (c *Commands) rosterTask(by Caller, name string) task {
	return about(by, name, "roster", TenantID(by.Tenant))
}

// asking is who asks about a member of staff.
func (c *Commands) asking(ctx context.Context, by Caller, member uuid.UUID) (staff.Asking, error) {
	owners, _, err := c.owners(ctx, by.Tenant)
	a := staff.Asking{By: by.Actor.ID, Self: by.Actor.ID == member}
	switch len(owners) {
	case 0: // before there is one only who has a shell on the machine comes so far
		a.Alone = by.Origin.Channel == envelope.ChannelCLI || slices.Contains(by.Roles, access.System)
	case 1:
		a.Alone = owners[0] == by.Actor.ID
	}
	return a, err
}

// owners are those who own the business and have joined; gone are those of the roster who
// do not any more.
func (c *Commands) owners(ctx context.Context, tenant string) (owners, gone []uuid.UUID, err error) {
	listed, err := peek[roster.Roster](ctx, c, tenant, "roster", TenantID(tenant))
	for _, id := range listed.Owners() {
		m, err := peek[staff.Member](ctx, c, tenant, "staff", id)
		if err != nil {
			return nil, nil, err
		}
		if m.Owner() {
			owners = append(owners, id)
		} else {
			gone = append(gone, id)
		}
	}
	return owners, gone, err
}

// HasOwner tells whether somebody owns the business, and has joined.
func (c *Commands) HasOwner(ctx context.Context, tenant string) (bool, error) {
	owners, _, err := c.owners(ctx, tenant)
	return len(owners) > 0, err
}

// person tells whether a caller is a member of staff who has signed in, or has a shell on
// the machine.
func (c *Commands) person(ctx context.Context, by Caller) (bool, error) {
	if by.Origin.Channel == envelope.ChannelCLI {
		return true, nil
	}
	roles, _, _, err := c.StaffOf(ctx, by.Tenant, by.Actor.ID)
	return len(roles) > 0, err
}
