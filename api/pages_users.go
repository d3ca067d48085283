package api

import (
	"context"
	"slices"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/projections"
	"portico/web/pages"
)

// Policies of contacts who look after the people of their own company.
var (
	seesUsers    = policy{module: access.Users, action: access.View}
	invitesUsers = policy{module: access.Users, action: access.Create}
	managesUsers = policy{module: access.Users, action: access.Manage}
)

// userPages are the people of a contact's company. What each form does is what the operation of
// the same command does; whose people they are is decided there.
func (a *api) userPages() {
	group, c := projections.Access.Name, a.Commands
	look(a, "/users", group, seesUsers, "ShowUsers", a.users, func(f projections.UserFilter, u pages.UserList) templ.Component { return pages.Users(f, u) })
	asked := look(a, "/users/new", group, invitesUsers, "ShowNewUser", a.newUser, func(_ struct{}, u pages.UserPage) templ.Component { return pages.NewUser(u) })
	gives(a, "/users/new", invitesUsers, "SendNewUser", "invited", a.inviteColleague,
		func(*inPlain[Colleague], commands.Receipt) string { return "/users" }, asked)
	one := lookAt(a, "/users/{id}", group, seesUsers, "ShowUser", a.user, pages.User)
	gives(a, "/users/{id}/access", managesUsers, "SendUserAccess", "permissions", a.changeColleague, toUser[UserTicks], one)

	sheets := map[string]sheet{}
	for act, who := range map[string]policy{"revoke": managesUsers, "remove": managesUsers, "invite": invitesUsers, "resend": invitesUsers, "cancel": invitesUsers} {
		sheets[act] = lookAt(a, "/users/{id}/"+act, group, who, "ShowUser_"+act, a.user, func(u pages.UserPage) templ.Component { return pages.UserAct(u, act) })
	}
	gives(a, "/users/{id}/revoke", managesUsers, "SendUserRevoke", "revoked", byID(c.RevokeContactAccess), toUser[contact.RevokeAccess], sheets["revoke"])
	gives(a, "/users/{id}/remove", managesUsers, "SendUserRemove", "removed", byID(c.RemoveContact),
		func(*inID[contact.Remove], commands.Receipt) string { return "/users" }, sheets["remove"])
	gives(a, "/users/{id}/cancel", invitesUsers, "SendUserCancel", "cancelled", func(ctx context.Context, by commands.Caller, in *inID[invitation.Cancel]) (commands.Receipt, error) {
		return c.CancelInvitation(ctx, by, invitation.ID(in.ID), in.Body)
	}, toUser[invitation.Cancel], sheets["cancel"])
	gives(a, "/users/{id}/invite", invitesUsers, "SendUserInvite", "invited", func(ctx context.Context, by commands.Caller, in *inID[Confirmed]) (commands.Receipt, error) {
		return c.InviteContact(ctx, by, in.ID, commands.InviteContact{Asked: commands.Asked{Confirm: in.Body.Confirm}})
	}, toUser[Confirmed], sheets["invite"])
	gives(a, "/users/{id}/resend", invitesUsers, "SendUserResend", "invited", func(ctx context.Context, by commands.Caller, in *inID[Confirmed]) (commands.Receipt, error) {
		return c.ResendInvitation(ctx, by, invitation.ID(in.ID), commands.ResendInvitation{Asked: commands.Asked{Confirm: in.Body.Confirm}})
	}, toUser[Confirmed], sheets["resend"])
}

// Confirmed is the word that whoever invites types (S2.4).
type Confirmed struct {
	Confirm string `json:"confirm" maxLength:"20"`
}

// UserTicks are a colleague's permissions as a form has them: a preset, or one by one.
type UserTicks struct {
	Preset string `json:"preset,omitempty" maxLength:"60" doc:"Instead of ticks"`
	Ticked
}

// Colleague is somebody to be invited.
type Colleague struct {
	Name     string `json:"colleague_name" minLength:"1" maxLength:"200"`
	Email    string `json:"email" minLength:"1" maxLength:"254"`
	Phone    string `json:"phone,omitempty" maxLength:"40"`
	Language string `json:"language,omitempty" maxLength:"35"`
	UserTicks
	Confirmed
}

// byID is a command about the contact whose id is in the path.
func byID[C any](f func(context.Context, commands.Caller, uuid.UUID, C) (commands.Receipt, error)) func(context.Context, commands.Caller, *inID[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inID[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ID, in.Body)
	}
}

func toUser[C any](in *inID[C], _ commands.Receipt) string { return "/users/" + in.ID.String() }

// inviteColleague has a link mailed. Contacts are not handed one: that proves no mailbox.
func (a *api) inviteColleague(ctx context.Context, by commands.Caller, in *inPlain[Colleague]) (commands.Receipt, error) {
	b := in.Body
	cmd := commands.InvitePerson{Asked: commands.Asked{Confirm: b.Confirm}, Given: commands.Given{Preset: b.Preset},
		Details: contact.Details{Name: b.Name, Email: b.Email, Phone: b.Phone, Language: b.Language}}
	if b.Preset == "" {
		var err error
		if cmd.Grants, err = b.grants(nil); err != nil {
			return commands.Receipt{}, err
		}
	}
	return a.Commands.InvitePerson(ctx, by, cmd)
}

// changeColleague sets what a colleague may do. What the form cannot show, such as what is of one
// branch only, is kept as the read model has it: the command refuses to give it if it was taken
// away meanwhile and is not the giver's (I11).
func (a *api) changeColleague(ctx context.Context, by commands.Caller, in *inID[UserTicks]) (commands.Receipt, error) {
	cmd := contact.ChangeAccess{Preset: in.Body.Preset, Because: domain.Because{Reason: domain.Reason{Code: "changed_by_customer"}}}
	if cmd.Preset == "" {
		u, err := a.Queries.GetUser(ctx, requestOf(ctx).viewer(), in.ID)
		if err != nil {
			return commands.Receipt{}, err
		}
		if cmd.Grants, err = in.Body.grants(u.Grants); err != nil {
			return commands.Receipt{}, err
		}
	}
	return a.Commands.ChangeContactAccess(ctx, by, in.ID, cmd)
}

func (a *api) users(ctx context.Context, v projections.Viewer, f projections.UserFilter) (out pages.UserList, err error) {
	out.Invites = v.Standing.Open(access.Users, access.Create)
	out.Me = v.ID
	out.Page, err = a.Queries.ListUsers(ctx, v, f)
	return out, err
}

func (a *api) user(ctx context.Context, v projections.Viewer, id uuid.UUID) (pages.UserPage, error) {
	out := giving(v)
	var err error
	out.User, err = a.Queries.GetUser(ctx, v, id)
	out.You = id == v.ID
	return out, err
}

func (a *api) newUser(_ context.Context, v projections.Viewer, _ struct{}) (pages.UserPage, error) {
	return giving(v), nil
}

// giving is what somebody may do with colleagues, and of what.
func giving(v projections.Viewer) pages.UserPage {
	s := *v.Standing
	off := append(slices.Clone(s.Off), s.Customers[s.CustomerID].Off...)
	return pages.UserPage{Mine: s.Grants, Off: off, Manages: s.Open(access.Users, access.Manage), Invites: s.Open(access.Users, access.Create)}
}
