package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/envelope"
)

// AcceptInvitation takes a membership up for a login that is there. Whoever asks has proved
// to hold the link, and to read the mailbox. What follows from it is FollowAcceptance's, at
// once here, or by the policy if the process dies.
func (c *Commands) AcceptInvitation(ctx context.Context, by Caller, id uuid.UUID, no int, who uuid.UUID) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	r, err := decide(ctx, c, by, about(by, "AcceptInvitation", "invitation", id), func(s invitation.Invitation) (decision[invitation.Invitation], error) {
		m, err := c.Member(ctx, by.Tenant, s.Latest().Kind, s.Latest().MemberID)
		if err == nil && m.Login != uuid.Nil && m.Login != who {
			err = invitation.NotOpen()
		}
		if err == nil && m.Kind == invitation.Staff {
			err = c.soleMembership(ctx, by.Tenant, m.ID, who)
		}
		return decision[invitation.Invitation]{cmd: invitation.Accept{No: no, LoginID: who, Moves: m.Moves, Now: c.now()}, route: m.CustomerID}, err
	})
	if err != nil {
		return r, err
	}
	_, err = c.FollowAcceptance(ctx, by.step("follow"), id)
	return r, err
}

// soleMembership refuses a login a second membership of staff: who is one human must not be
// two people, one of whom approves what the other proposes.
func (c *Commands) soleMembership(ctx context.Context, tenant string, id, who uuid.UUID) error {
	l, err := c.LoginOf(ctx, tenant, who)
	for _, m := range l.Memberships() {
		if err != nil {
			return err
		}
		var roles []access.Role
		if m.Kind == invitation.Staff && m.ID != id {
			if roles, _, _, err = c.StaffOf(ctx, tenant, m.ID); err == nil && len(roles) > 0 {
				err = domain.Refused("staff.member_already", "you are a member of staff already: have your roles changed instead")
			}
		}
	}
	return err
}

// FollowAcceptance does what follows from an accepted invitation: the membership is the
// login's, the contact gets what was promised as far as it may still be given (E26), and
// the login lists the membership. Each may be asked again at any time: done is done.
func (c *Commands) FollowAcceptance(ctx context.Context, by Caller, id uuid.UUID) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	s, err := c.Invitation(ctx, by.Tenant, id)
	if err != nil || s.LoginID() == uuid.Nil {
		return Receipt{ID: id}, err
	}
	sent, who := s.Latest(), s.LoginID()
	m, err := c.Member(ctx, by.Tenant, sent.Kind, sent.MemberID)
	if err != nil || !m.Active { // removed since: there is nothing to join
		return Receipt{ID: id}, err
	}
	if sent.Kind == invitation.Staff {
		_, err = c.decideStaff(ctx, by.step("join"), about(by, "JoinStaff", "staff", m.ID), func(staff.Asking) domain.Command[staff.Member] {
			return staff.Join{LoginID: who, InvitationID: id}
		})
	} else {
		err = c.joinContact(ctx, by, m, sent, contact.Join{LoginID: who, InvitationID: id})
	}
	if err != nil {
		return Receipt{ID: id}, err
	}
	return c.JoinLogin(ctx, by.step("login"), who, login.Join{Membership: login.Membership{Kind: sent.Kind, ID: m.ID}})
}

// joinContact gives what was promised, and then the membership: nobody is in without it, and
// what is taken away from somebody who has joined is not given back by a repetition.
func (c *Commands) joinContact(ctx context.Context, by Caller, m Member, sent invitation.Sent, join contact.Join) error {
	if m.Login == uuid.Nil && len(sent.Grants) > 0 && m.Moves == sent.Moves {
		grants, err := c.still(ctx, by.Tenant, sent)
		if err != nil {
			return err
		}
		if len(grants) > 0 {
			change := contact.ChangeAccess{Grants: grants}
			if sent.Inviter.Kind == envelope.Contact {
				change.DelegatedBy = &sent.Inviter.ID
			}
			_, err = run(ctx, c, by.step("grant"), about(by, "ChangeContactAccess", "contact", m.ID), decision[contact.Contact]{cmd: change, route: m.CustomerID})
			if err != nil {
				return err
			}
		}
	}
	_, err := run(ctx, c, by.step("join"), about(by, "JoinContact", "contact", m.ID), decision[contact.Contact]{cmd: join, route: m.CustomerID})
	return err
}

// still is what of a promise whoever made it may still give (E26): staff while a role lets
// them, a key until it is revoked, a contact what it holds itself.
func (c *Commands) still(ctx context.Context, tenant string, sent invitation.Sent) (access.Grants, error) {
	from := sent.Inviter
	switch from.Kind {
	case envelope.Contact:
		s, _, err := c.StandingOf(ctx, tenant, from.ID)
		own := access.Item{Module: access.Users, Customers: []uuid.UUID{sent.CustomerID}, Published: true}
		if err != nil || !access.May(s, access.Manage, own, "") {
			return nil, err
		}
		var left access.Grants
		for _, g := range sent.Grants {
			if access.Within(s.Grants, append(left[:len(left):len(left)], g)) {
				left = append(left, g)
			}
		}
		return left, nil
	case envelope.Staff, envelope.Integration:
		member, err := c.StaffMember(ctx, tenant, from.ID)
		if err != nil || member.Known() && !access.Can(member.Roles(), access.ManagePeople) {
			return nil, err
		}
		if key, err := peek[apikey.Key](ctx, c, tenant, "apikey", from.ID); err != nil || key.Revoked() {
			return nil, err
		}
	}
	return sent.Grants, nil
}

// RefuseInvitation notes that somebody came with a dead link; of one that was not used in
// time it notes that first.
func (c *Commands) RefuseInvitation(ctx context.Context, by Caller, id uuid.UUID, cmd invitation.Refuse) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	if cmd.Why == invitation.WhyExpired {
		if _, err := c.ExpireInvitation(ctx, by.step("expire"), id); err != nil {
			return Receipt{}, err
		}
	}
	return c.onInvitation(ctx, by, "RefuseInvitation", id, cmd)
}

// ExpireInvitation notes that nobody came in time.
func (c *Commands) ExpireInvitation(ctx context.Context, by Caller, id uuid.UUID) (Receipt, error) {
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	return c.onInvitation(ctx, by, "ExpireInvitation", id, invitation.Expire{Now: c.now()})
}

// RenewInvitation sends an invitation again because whoever holds an old link of it asks:
// only ever to the invited mailbox (E26).
func (c *Commands) RenewInvitation(ctx context.Context, by Caller, id uuid.UUID) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	s, err := c.Invitation(ctx, by.Tenant, id)
	if err != nil || s.Latest().HandedOver || s.Latest().Email == "" {
		return Receipt{ID: id}, err // whoever handed it over can do so again
	}
	return c.resend(ctx, by, id, s.Latest(), s.Latest().Inviter, false)
}

func (c *Commands) onInvitation(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[invitation.Invitation]) (Receipt, error) {
	return decide(ctx, c, by, about(by, name, "invitation", id), func(s invitation.Invitation) (decision[invitation.Invitation], error) {
		return decision[invitation.Invitation]{cmd: cmd, route: s.Latest().CustomerID}, nil
	})
}

// FollowRemoval ends a membership for the login that had it, once the member was removed
// (E24): whoever has other memberships keeps those.
func (c *Commands) FollowRemoval(ctx context.Context, by Caller, kind string, id uuid.UUID) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	m, err := c.Member(ctx, by.Tenant, kind, id)
	if err != nil || m.Active || m.Login == uuid.Nil {
		return Receipt{ID: id}, err
	}
	return c.LeaveLogin(ctx, by, m.Login, login.Leave{Membership: login.Membership{Kind: kind, ID: id}})
}
