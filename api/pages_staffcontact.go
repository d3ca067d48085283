package api

import (
	"context"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/internal/eventstore"
	doors "portico/internal/people"
	"portico/projections"
	"portico/web/pages"
)

const staffContact = "/staff/contacts/{id}"

// staffContactPages are about one person of a customer: what they may do, and how they come in.
func (a *api) staffContactPages() {
	c, group := a.Commands, projections.Access.Name
	one := lookAt(a, staffContact, group, readers, "ShowContact", a.contactFile, pages.ContactPage)
	gives(a, staffContact+"/access", people, "SendContactTicks", "access", a.tickGrants, ledToOne[StaffTicks]("/staff/contacts/"), one)

	act := func(name, operation string, draw func(pages.ContactFile) templ.Component) sheet {
		return lookAt(a, staffContact+"/"+name, group, people, operation, a.contactFile, draw)
	}
	preset := act("preset", "ShowContactPreset", pages.ContactPreset)
	gives(a, staffContact+"/preset", people, "SendContactPreset", "access", ofOne(c.ChangeContactAccess), ledToOne[contact.ChangeAccess]("/staff/contacts/"), preset)
	details := act("details", "ShowContactDetails", pages.ContactDetails)
	gives(a, staffContact+"/details", people, "SendContactDetails", "contact", ofOne(c.ChangeContactDetails), ledToOne[contact.ChangeDetails]("/staff/contacts/"), details)
	revoke := act("revoke", "ShowContactRevoke", pages.ContactRevoke)
	gives(a, staffContact+"/revoke", people, "SendContactRevoke", "revoked", ofOne(c.RevokeContactAccess), ledToOne[contact.RevokeAccess]("/staff/contacts/"), revoke)
	remove := act("remove", "ShowContactRemove", pages.ContactRemove)
	gives(a, staffContact+"/remove", people, "SendContactRemove", "removed", ofOne(c.RemoveContact), ledToOne[contact.Remove]("/staff/contacts/"), remove)
	a.contactDoorPages(act)
}

// contactDoorPages let a contact in. What opens is shown once: no answer of theirs is kept.
func (a *api) contactDoorPages(act func(string, string, func(pages.ContactFile) templ.Component) sheet) {
	c := a.Commands
	invite := act("invite", "ShowContactInvite", pages.ContactInvite)
	form(a, staffContact+"/invite", people, "SendContactInvite", func(ctx context.Context, in *inID[commands.InviteContact]) (outcome, error) {
		return a.letIn(ctx, in.ID, in.Body.HandOver, func(by commands.Caller) (commands.Receipt, error) {
			return c.InviteContact(ctx, by, in.ID, in.Body)
		})
	}, invite)
	again := act("resend", "ShowContactResend", pages.ContactResend)
	form(a, staffContact+"/resend", people, "SendContactResend", func(ctx context.Context, in *inID[commands.ResendInvitation]) (outcome, error) {
		return a.letIn(ctx, in.ID, in.Body.HandOver, func(by commands.Caller) (commands.Receipt, error) {
			return c.ResendInvitation(ctx, by, invitation.ID(in.ID), in.Body)
		})
	}, again)
	cancel := act("cancel", "ShowContactCancel", pages.ContactCancel)
	gives(a, staffContact+"/cancel", people, "SendContactCancel", "cancelled", func(ctx context.Context, by commands.Caller, in *inID[invitation.Cancel]) (commands.Receipt, error) {
		return c.CancelInvitation(ctx, by, invitation.ID(in.ID), in.Body)
	}, ledToOne[invitation.Cancel]("/staff/contacts/"), cancel)
	password := lookAt(a, staffContact+"/password", projections.Access.Name, people, "ShowContactPassword", func(ctx context.Context, v projections.Viewer, id uuid.UUID) (pages.ContactFile, error) {
		if err := a.handsOver(ctx, true); err != nil {
			return pages.ContactFile{}, err
		}
		return a.contactFile(ctx, v, id)
	}, pages.ContactPassword)
	form(a, staffContact+"/password", people, "SendContactPassword", a.givePassword, password, sensitive)
}

// letIn invites, and shows the link if it is to be handed over.
func (a *api) letIn(ctx context.Context, id uuid.UUID, handOver bool, invite func(commands.Caller) (commands.Receipt, error)) (outcome, error) {
	if err := a.handsOver(ctx, handOver); err != nil {
		return outcome{}, err
	}
	rq := requestOf(ctx)
	r, err := invite(rq.caller())
	made, err := a.People.Invite(ctx, rq.caller(), r, err)
	if err != nil {
		return outcome{}, err
	}
	rq.events = made.Events
	if made.Link != "" {
		return outcome{Shows: pages.ContactLink(id, made.Link)}, nil
	}
	return outcome{To: came("/staff/contacts/"+id.String(), "contact_invited", made.Position)}, nil
}

func (a *api) givePassword(ctx context.Context, in *inID[doors.TemporaryPassword]) (outcome, error) {
	rq := requestOf(ctx)
	made, err := a.People.SetTemporaryPassword(ctx, rq.caller(), in.ID, in.Body)
	switch {
	case err != nil:
		return outcome{}, err
	case made.Password == "":
		return outcome{}, domain.Refused("invitation.accepted", "this person has a password already")
	}
	rq.events = made.Events
	return outcome{Shows: pages.ContactPasswordGiven(in.ID, made.Username, made.Password)}, nil
}

// contactFile is what there is of a contact, and what whoever asks may do about it.
func (a *api) contactFile(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.ContactFile, err error) {
	if out.ContactFile, err = a.Queries.GetContact(ctx, v, id); err != nil {
		return out, err
	}
	d, err := a.desk(ctx, []uuid.UUID{out.CustomerID})
	if err != nil {
		return out, err
	}
	out.Customer, out.Zone, out.Now = d.Customers[out.CustomerID], d.Zone, a.Clock().UTC().Truncate(time.Second)
	roles := requestOf(ctx).who.Roles
	out.Manages = access.Can(roles, access.ManagePeople)
	out.Audits = access.Can(roles, access.ReadHistory)
	out.Keys = access.Can(roles, access.ManageSystem)
	out.Stream = string(eventstore.Stream(v.Tenant, "contact", id.String()))
	out.Declines, err = a.Commands.Declines(ctx, v.Tenant, id)
	return out, err
}
