package commands

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/reservation"
	"portico/domain/staff"
	"portico/internal/envelope"
)

// Asked is what every invitation says.
type Asked struct {
	Confirm  string `json:"confirm" maxLength:"20" example:"Confirm" doc:"The word Confirm, exactly; without it nothing is sent"`
	HandOver bool   `json:"hand_over,omitempty" doc:"For staff: send no mail; the link is in the answer, once, to be handed over"`
}

// Given is what whoever accepts may do then.
type Given struct {
	Grants access.Grants `json:"grants,omitempty" doc:"Given when the invitation is accepted, if whoever invites may still give them; left out, with preset: what was granted already stays"`
	Preset string        `json:"preset,omitempty" doc:"Grants under a name, instead of grants"`
}

func (g Given) resolved() (access.Grants, error) {
	switch {
	case g.Preset != "" && len(g.Grants) > 0:
		return nil, domain.Invalid("access.empty", "say either which grants, or which preset")
	case g.Preset != "":
		return access.Preset(g.Preset)
	case len(g.Grants) == 0:
		return nil, nil
	}
	return g.Grants, g.Grants.Check()
}

// InviteContact is how to invite a contact that there is.
type InviteContact struct {
	Asked
	Given
}

// InvitePerson is how to invite somebody who is no contact yet.
type InvitePerson struct {
	Asked
	Given
	CustomerID uuid.UUID `json:"customer_id,omitzero" doc:"Left out by a contact: its own"`
	contact.Details
}

// InviteStaff is how to invite somebody to work here.
type InviteStaff struct {
	Asked
	staff.Details
	Roles []access.Role `json:"roles" nullable:"false" doc:"viewer, service_desk, dispatcher, quotes, accounts; portal_administrator, auditor and owner wait for somebody else's approval"`
}

// ResendInvitation is how to send an invitation again.
type ResendInvitation struct{ Asked }

// InviteContact invites a contact. The link is internal/people's.
func (c *Commands) InviteContact(ctx context.Context, by Caller, id uuid.UUID, cmd InviteContact) (Receipt, error) {
	by = by.complete(c)
	grants, err := c.mayInvite(ctx, by, id, cmd.Given, cmd.HandOver)
	if err == nil {
		err = invitation.Confirmed(cmd.Confirm)
	}
	if err != nil {
		return Receipt{}, err
	}
	return c.invite(ctx, by, "InviteContact", invitation.Sent{Kind: invitation.Contact, MemberID: id, Grants: grants, Preset: cmd.Preset, HandedOver: cmd.HandOver})
}

// InvitePerson adds a contact and invites it. Whoever is a contact under the address
// already is not added again.
func (c *Commands) InvitePerson(ctx context.Context, by Caller, cmd InvitePerson) (Receipt, error) {
	by = by.complete(c)
	of, grants, err := c.mayInviteTo(ctx, by, cmd.CustomerID, cmd.Given, cmd.HandOver)
	if err == nil {
		err = invitation.Confirmed(cmd.Confirm)
	}
	if err == nil && !cmd.HandOver && cmd.Email == "" {
		err = domain.Invalid("invitation.no_address", "say at which e-mail address")
	}
	if err != nil {
		return Receipt{}, err
	}
	id, err := c.newcomer(ctx, by, invitation.Contact, of, cmd.Email)
	if err != nil {
		return Receipt{}, err
	}
	if m, err := c.Member(ctx, by.Tenant, invitation.Contact, id); err != nil || !m.Active {
		if err == nil {
			err = c.addInvited(ctx, by, id, contact.Add{CustomerID: of, Details: cmd.Details})
		}
		if err != nil {
			return Receipt{}, err
		}
	}
	return c.invite(ctx, by, "InvitePerson", invitation.Sent{Kind: invitation.Contact, MemberID: id, Grants: grants, Preset: cmd.Preset, HandedOver: cmd.HandOver})
}

// CheckInvitee refuses what InvitePerson would, and answers who is a contact under the
// address already; the nil UUID: nobody.
func (c *Commands) CheckInvitee(ctx context.Context, by Caller, cmd InvitePerson) (uuid.UUID, error) {
	by = by.complete(c)
	of, _, err := c.mayInviteTo(ctx, by, cmd.CustomerID, cmd.Given, cmd.HandOver)
	if err == nil && cmd.Email == "" {
		err = domain.Invalid("invitation.no_address", "say at which e-mail address")
	}
	if err == nil {
		_, err = c.activeCustomer(ctx, by, of)
	}
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := (contact.Add{CustomerID: of, Details: cmd.Details}).Decide(contact.Contact{}); err != nil {
		return uuid.Nil, err
	}
	id, err := c.newcomer(ctx, by, invitation.Contact, of, cmd.Email)
	if err != nil {
		return uuid.Nil, err
	}
	m, err := c.Member(ctx, by.Tenant, invitation.Contact, id)
	if err != nil || !m.Active {
		return uuid.Nil, err
	}
	return id, nil
}

// CustomerNumbered is the customer that has a number.
func (c *Commands) CustomerNumbered(ctx context.Context, tenant, number string) (uuid.UUID, error) {
	number = strings.TrimSpace(number)
	r, err := peek[reservation.Reservation](ctx, c, tenant, "reservation", domain.DerivedID(TenantID(tenant), "customer", number))
	if err == nil && (number == "" || r.Owner() == uuid.Nil) {
		err = domain.NotFound("customer.unknown", "there is no customer with the number %q", number)
	}
	return r.Owner(), err
}

// addInvited adds a contact for whoever may invite one.
func (c *Commands) addInvited(ctx context.Context, by Caller, id uuid.UUID, cmd contact.Add) error {
	_, err := decide(ctx, c, by.step("add"), about(by, "AddContact", "contact", id), func(contact.Contact) (decision[contact.Contact], error) {
		_, err := c.activeCustomer(ctx, by, cmd.CustomerID)
		return decision[contact.Contact]{cmd: cmd, route: cmd.CustomerID}, err
	})
	return err
}

// InviteStaff adds a member of staff and invites it. Whoever is one under the address
// already is not added again.
func (c *Commands) InviteStaff(ctx context.Context, by Caller, cmd InviteStaff) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageStaff); err != nil {
		return Receipt{}, err
	}
	if err := invitation.Confirmed(cmd.Confirm); err != nil {
		return Receipt{}, err
	}
	id, err := c.addStaff(ctx, by, cmd)
	if err != nil {
		return Receipt{}, err
	}
	return c.invite(ctx, by, "InviteStaff", invitation.Sent{Kind: invitation.Staff, MemberID: id, HandedOver: cmd.HandOver})
}

func (c *Commands) addStaff(ctx context.Context, by Caller, cmd InviteStaff) (uuid.UUID, error) {
	id, err := c.newcomer(ctx, by, invitation.Staff, TenantID(by.Tenant), cmd.Email)
	if err != nil {
		return id, err
	}
	if m, err := c.Member(ctx, by.Tenant, invitation.Staff, id); err != nil || m.Active {
		return id, err
	}
	_, err = c.decideStaff(ctx, by.step("add"), about(by, "InviteStaff", "staff", id), func(a staff.Asking) domain.Command[staff.Member] {
		return staff.Add{Details: cmd.Details, Roles: cmd.Roles, Asking: a}
	})
	return id, err
}

// invite sends an invitation of a member as the member is now.
func (c *Commands) invite(ctx context.Context, by Caller, name string, s invitation.Sent) (Receipt, error) {
	policy, err := c.SecurityPolicy(ctx, by.Tenant)
	if err != nil {
		return Receipt{}, err
	}
	s.Inviter = invitation.Inviter{Kind: by.Actor.Kind, ID: by.Actor.ID}
	return decide(ctx, c, by, about(by, name, "invitation", invitation.ID(s.MemberID)), func(invitation.Invitation) (decision[invitation.Invitation], error) {
		m, err := c.invitable(ctx, by, s.Kind, s.MemberID)
		now := c.now().Truncate(1e9)
		s.CustomerID, s.Email, s.Moves, s.ExpiresAt = m.CustomerID, m.Email, m.Moves, now.Add(policy.InviteTTL())
		return decision[invitation.Invitation]{cmd: invitation.Send{Sent: s, Now: now}, route: m.CustomerID}, err
	})
}

// invitable is a member that nobody has taken up.
func (c *Commands) invitable(ctx context.Context, by Caller, kind string, id uuid.UUID) (Member, error) {
	m, err := c.Member(ctx, by.Tenant, kind, id)
	switch {
	case err != nil:
	case !m.Active:
		err = domain.NotFound(kind+".unknown", "there is no such person, or it was removed")
	case m.Login != uuid.Nil:
		err = domain.Refused("invitation.accepted", "this person has joined already")
	}
	return m, err
}

// ResendInvitation sends an invitation again, to where the member is now. Links sent before
// are dead (E26).
func (c *Commands) ResendInvitation(ctx context.Context, by Caller, id uuid.UUID, cmd ResendInvitation) (Receipt, error) {
	by = by.complete(c)
	sent, err := c.mayAbout(ctx, by, id, cmd.HandOver)
	if err == nil {
		err = invitation.Confirmed(cmd.Confirm)
	}
	if err != nil {
		return Receipt{}, err
	}
	return c.resend(ctx, by, id, sent, invitation.Inviter{Kind: by.Actor.Kind, ID: by.Actor.ID}, cmd.HandOver)
}

func (c *Commands) resend(ctx context.Context, by Caller, id uuid.UUID, sent invitation.Sent, from invitation.Inviter, handOver bool) (Receipt, error) {
	policy, err := c.SecurityPolicy(ctx, by.Tenant)
	if err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, "ResendInvitation", "invitation", id), func(invitation.Invitation) (decision[invitation.Invitation], error) {
		m, err := c.invitable(ctx, by, sent.Kind, sent.MemberID)
		return decision[invitation.Invitation]{route: m.CustomerID, cmd: invitation.Resend{Email: m.Email, Moves: m.Moves,
			ExpiresAt: c.now().Truncate(1e9).Add(policy.InviteTTL()), HandedOver: handOver, Inviter: from}}, err
	})
}

// CancelInvitation takes an invitation back.
func (c *Commands) CancelInvitation(ctx context.Context, by Caller, id uuid.UUID, cmd invitation.Cancel) (Receipt, error) {
	by = by.complete(c)
	sent, err := c.mayAbout(ctx, by, id, false)
	if err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "CancelInvitation", "invitation", id), decision[invitation.Invitation]{cmd: cmd, route: sent.CustomerID})
}

// mayAbout refuses whoever may not do with an invitation what they may with their own.
func (c *Commands) mayAbout(ctx context.Context, by Caller, id uuid.UUID, handOver bool) (invitation.Sent, error) {
	if err := by.May(access.ManagePeople); err != nil && !by.isContact() {
		if staffToo := by.May(access.ManageStaff); staffToo != nil {
			return invitation.Sent{}, err
		}
	}
	s, err := c.Invitation(ctx, by.Tenant, id)
	sent := s.Latest()
	switch {
	case err != nil:
	case sent.No == 0, sent.Kind == invitation.Staff && by.isContact():
		err = unknownInvitation()
	case sent.Kind == invitation.Staff:
		err = by.May(access.ManageStaff)
	default:
		_, err = c.mayInvite(ctx, by, sent.MemberID, Given{Grants: sent.Grants}, handOver)
		if domain.CodeOf(err) == "contact.unknown" { // another customer's is as if there were none
			err = unknownInvitation()
		}
	}
	return sent, err
}

func unknownInvitation() error {
	return domain.NotFound("invitation.unknown", "there is no such invitation")
}

// mayInvite lets staff invite any contact, and contacts those of their own customer (I11).
func (c *Commands) mayInvite(ctx context.Context, by Caller, id uuid.UUID, g Given, handOver bool) (access.Grants, error) {
	if !by.isContact() {
		if err := by.May(access.ManagePeople); err != nil {
			return nil, err
		}
		return g.resolved()
	}
	m, err := c.Member(ctx, by.Tenant, invitation.Contact, id)
	if err != nil {
		return nil, err
	}
	mine, err := c.Member(ctx, by.Tenant, invitation.Contact, by.Actor.ID)
	if err == nil && (!m.Active || m.CustomerID != mine.CustomerID) {
		err = domain.NotFound("contact.unknown", "there is no such contact")
	}
	if err != nil {
		return nil, err
	}
	_, grants, err := c.mayInviteTo(ctx, by, m.CustomerID, g, handOver)
	return grants, err
}

// mayInviteTo lets staff invite to any customer, and contacts to their own, with what they
// may give.
func (c *Commands) mayInviteTo(ctx context.Context, by Caller, of uuid.UUID, g Given, handOver bool) (uuid.UUID, access.Grants, error) {
	if !by.isContact() {
		if err := by.May(access.ManagePeople); err != nil {
			return of, nil, err
		}
		grants, err := g.resolved()
		return of, grants, err
	}
	if by.asContact() {
		return of, nil, impersonating()
	}
	s, _, err := c.StandingOf(ctx, by.Tenant, by.Actor.ID)
	switch {
	case err != nil:
		return of, nil, err
	case of == uuid.Nil:
		of = s.CustomerID
	case of != s.CustomerID:
		return of, nil, domain.NotFound("customer.unknown", "there is no such customer")
	}
	if err := c.allowed(ctx, by, access.Create, ofOwnCompany(of)); err != nil {
		return of, nil, err
	}
	if handOver { // a link in its inviter's hands proves no mailbox
		return of, nil, domain.Forbidden("invitation.hand_over", "only staff hand links over")
	}
	grants, err := g.resolved()
	if err == nil && len(grants) > 0 {
		err = c.allowed(ctx, by, access.Manage, ofOwnCompany(of))
		if err == nil && !access.Within(s.Grants, grants) {
			err = domain.Forbidden("access.not_held", "you can give others only what you may do yourself")
		}
	}
	return of, grants, err
}

// ofOwnCompany is the item that a customer's people are.
func ofOwnCompany(of uuid.UUID) access.Item {
	return access.Item{Module: access.Users, Customers: []uuid.UUID{of}, Published: true}
}

// FirstOwner is the member of staff by which a business begins.
func FirstOwner(tenant string) uuid.UUID { return domain.DerivedID(TenantID(tenant), "first owner") }

// SetUp invites the first owner, while there is none. Whoever was to be it and never came
// makes room for somebody else.
func (c *Commands) SetUp(ctx context.Context, by Caller, d staff.Details) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	owned, err := c.HasOwner(ctx, by.Tenant)
	if err == nil && owned {
		err = domain.Refused("setup.done", "there is an owner already, who invites others")
	}
	if err != nil {
		return Receipt{}, err
	}
	id := FirstOwner(by.Tenant)
	if by.Actor.ID == uuid.Nil { // whoever has the code is that person
		by.Actor = envelope.Actor{Kind: envelope.Staff, ID: id}
	}
	m, err := c.StaffMember(ctx, by.Tenant, id)
	if err != nil {
		return Receipt{}, err
	}
	_, err = c.decideStaff(ctx, by.step("add"), about(by, "SetUp", "staff", id), func(a staff.Asking) domain.Command[staff.Member] {
		if m.Known() {
			return staff.ChangeDetails{Details: d}
		}
		a.Alone = true
		return staff.Add{Details: d, Roles: []access.Role{access.Owner}, Asking: a}
	})
	if err != nil {
		return Receipt{}, err
	}
	r, err := c.invite(ctx, by, "SetUp", invitation.Sent{Kind: invitation.Staff, MemberID: id, HandedOver: true})
	if err != nil || r.Events > 0 {
		return r, err
	}
	return c.resend(ctx, by.step("again"), r.ID, invitation.Sent{Kind: invitation.Staff, MemberID: id}, invitation.Inviter{Kind: by.Actor.Kind, ID: by.Actor.ID}, true)
}
