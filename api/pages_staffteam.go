package api

import (
	"context"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/invitation"
	"portico/domain/staff"
	"portico/internal/eventstore"
	doors "portico/internal/people"
	"portico/projections"
	"portico/web/pages"
)

const (
	staffTeam   = "/staff/team"
	staffMember = staffTeam + "/{id}"
)

// staffTeamPages are about the people of the business: who they are, and what their roles let
// them do. Each form has a page at its own address, to come back to from a fresh proof.
func (a *api) staffTeamPages() {
	c, group := a.Commands, projections.Access.Name
	look(a, staffTeam, group, readers, "ShowTeam", a.team, func(_ projections.StaffFilter, list pages.Team) templ.Component { return pages.TeamPage(list) })
	invite := show(a, staffTeam+"/new", staffing, "ShowStaffInvite", a.lately(fixed(pages.TeamInvite)))
	form(a, staffTeam+"/new", staffing, "SendStaffInvite", func(ctx context.Context, in *inPlain[commands.InviteStaff]) (outcome, error) {
		return a.letStaffIn(ctx, staffTeam, func(by commands.Caller) (commands.Receipt, error) { return c.InviteStaff(ctx, by, in.Body) })
	}, invite, sensitive)

	lookAt(a, staffMember, group, readers, "ShowStaffMember", a.staffFile, pages.TeamMember)
	details := a.staffAct("details", "ShowStaffDetails", pages.TeamDetails)
	gives(a, staffMember+"/details", staffing, "SendStaffDetails", "team_details", ofOne(c.ChangeStaffDetails), ledToOne[staff.ChangeDetails](staffTeam+"/"), details, sensitive)
	roles := a.staffAct("roles", "ShowStaffRoles", pages.TeamRoles)
	gives(a, staffMember+"/roles", staffing, "SendStaffRoles", "team_roles", ofOne(c.ChangeStaffRoles), ledToOne[staff.ChangeRoles](staffTeam+"/"), roles, sensitive)
	approve := a.staffAct("approve", "ShowStaffApproval", pages.TeamApprove)
	gives(a, staffMember+"/approve", staffing, "SendStaffApproval", "team_approved", ofOne(c.ApproveStaffRoles), ledToOne[staff.ApproveRoles](staffTeam+"/"), approve, sensitive)
	decline := a.staffAct("decline", "ShowStaffDecline", pages.TeamDecline)
	gives(a, staffMember+"/decline", staffing, "SendStaffDecline", "team_declined", ofOne(c.DeclineStaffRoles), ledToOne[staff.DeclineRoles](staffTeam+"/"), decline, sensitive)
	remove := a.staffAct("remove", "ShowStaffRemoval", pages.TeamRemove)
	gives(a, staffMember+"/remove", staffing, "SendStaffRemoval", "team_removed", ofOne(c.RemoveStaff), ledToOne[staff.Remove](staffTeam+"/"), remove, sensitive)
	a.staffDoorPages()
}

// staffDoorPages are about an invitation that was sent.
func (a *api) staffDoorPages() {
	c := a.Commands
	again := a.staffAct("resend", "ShowStaffResend", pages.TeamResend)
	form(a, staffMember+"/resend", staffing, "SendStaffResend", func(ctx context.Context, in *inID[commands.ResendInvitation]) (outcome, error) {
		return a.letStaffIn(ctx, staffTeam+"/"+in.ID.String(), func(by commands.Caller) (commands.Receipt, error) {
			return c.ResendInvitation(ctx, by, invitation.ID(in.ID), in.Body)
		})
	}, again, sensitive)
	cancel := a.staffAct("cancel", "ShowStaffCancel", pages.TeamCancel)
	gives(a, staffMember+"/cancel", staffing, "SendStaffCancel", "cancelled", func(ctx context.Context, by commands.Caller, in *inID[invitation.Cancel]) (commands.Receipt, error) {
		return c.CancelInvitation(ctx, by, invitation.ID(in.ID), in.Body)
	}, ledToOne[invitation.Cancel](staffTeam+"/"), cancel)
}

// staffAct is the page of one thing that can be done about a member of staff, for who has shown
// lately who they are: what is typed into it is not lost on the way to show it.
func (a *api) staffAct(act, operation string, draw func(pages.Member) templ.Component) sheet {
	return lookAt(a, staffMember+"/"+act, projections.Access.Name, staffing, operation, func(ctx context.Context, v projections.Viewer, id uuid.UUID) (pages.Member, error) {
		if err := a.handsOver(ctx, true); err != nil {
			return pages.Member{}, err
		}
		return a.staffFile(ctx, v, id)
	}, draw)
}

// letStaffIn invites, and shows the link if it is to be handed over: no answer of it is kept.
func (a *api) letStaffIn(ctx context.Context, back string, invite func(commands.Caller) (commands.Receipt, error)) (outcome, error) {
	rq := requestOf(ctx)
	r, err := invite(rq.caller())
	made, err := a.People.Invite(ctx, rq.caller(), r, err)
	if err != nil {
		return outcome{}, err
	}
	rq.events = made.Events
	return staffLetIn(made, back), nil
}

func staffLetIn(made doors.Invited, back string) outcome {
	said := "team_invited"
	switch {
	case made.Link != "":
		return outcome{Shows: pages.TeamLink(came(back, "", made.Position), made.Link, made.Shared)}
	case made.Shared:
		said = "team_shared"
	}
	return outcome{To: came(back, said, made.Position)}
}

func (a *api) team(ctx context.Context, v projections.Viewer, f projections.StaffFilter) (out pages.Team, err error) {
	out.Removed, out.Manages = f.Removed, access.Can(requestOf(ctx).who.Roles, access.ManageStaff)
	out.Page, err = a.Queries.ListStaff(ctx, v, f)
	return out, err
}

// staffFile is what there is of a member of staff, and what whoever asks may do about it.
func (a *api) staffFile(ctx context.Context, v projections.Viewer, id uuid.UUID) (out pages.Member, err error) {
	if out.StaffFile, err = a.Queries.GetStaffMember(ctx, v, id); err != nil {
		return out, err
	}
	d, err := a.desk(ctx, nil)
	if err != nil {
		return out, err
	}
	who := requestOf(ctx).who
	out.Zone, out.Now, out.Self = d.Zone, a.Clock().UTC().Truncate(time.Second), who.Member == id
	out.Manages, out.Audits = access.Can(who.Roles, access.ManageStaff), access.Can(who.Roles, access.ReadHistory)
	out.Stream = string(eventstore.Stream(v.Tenant, "staff", id.String()))
	if by := out.ProposedBy; by != nil {
		out.Proposes = *by == who.Member
		names, err := a.Queries.NamesOf(ctx, v, []uuid.UUID{*by})
		out.Proposer = names[*by]
		return out, err
	}
	return out, nil
}
