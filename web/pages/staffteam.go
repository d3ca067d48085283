package pages

import (
	"context"
	"slices"
	"strings"
	"time"

	"portico/domain/access"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// Team is a list of the people of the business.
type Team struct {
	projections.Page[projections.StaffMember]
	Removed bool // as asked for: those removed too
	Manages bool // whoever looks may invite
}

// Member is what there is of one of them, and what whoever looks may do about it.
type Member struct {
	projections.StaffFile
	Zone     *time.Location // the business's
	Now      time.Time
	Stream   string // of its history
	Self     bool   // it is whoever looks
	Proposer string // who proposed the roles that wait; "": who has no name any more
	Proposes bool   // whoever looks has proposed them
	Manages  bool   // may change all of it
	Audits   bool   // may read history
}

func (m Member) path(act string) string { return "/staff/team/" + m.ID.String() + act }

func (m Member) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: t(ctx, "staff.nav_team"), Href: "/staff/team"}, {Label: m.Name, Href: m.path("")}}
}

// resends tells whether there is an invitation to send again.
func (m Member) resends() bool {
	return m.Active && m.LoginID == nil && m.Invitation != nil && (m.Invitation.Status == "sent" || m.Invitation.Status == "expired")
}

// pending tells whether an invitation could still be taken up.
func (m Member) pending() bool { return m.resends() && m.Invitation.Status == "sent" }

// door is how a member stands at the door, in words.
func (m Member) door(ctx context.Context) string {
	p := text.Of(ctx)
	switch i := m.Invitation; {
	case !m.Active && m.RemovedAt != nil:
		return t(ctx, "staff.team.removed_on", "at", p.Time(*m.RemovedAt, m.Zone))
	case m.LoginID != nil:
		return t(ctx, "staff.team.joined")
	case i == nil:
		return t(ctx, "staff.team.never_invited")
	case i.Status == "sent":
		return t(ctx, "staff.team.invited_until", "sent", p.Time(i.SentAt, m.Zone), "until", p.Time(i.ExpiresAt, m.Zone))
	case i.Status == "expired":
		return t(ctx, "staff.team.invite_expired", "at", p.Time(i.ExpiresAt, m.Zone))
	}
	return t(ctx, "staff.team.invite_over")
}

// teamStatus is the key of a member's chip.
func teamStatus(m projections.StaffMember) string {
	switch {
	case !m.Active:
		return "revoked"
	case m.LoginID == nil:
		return "invited"
	}
	return "active"
}

// teamRole is what a role is called; one that only a newer server knows, by its name.
func teamRole(ctx context.Context, r access.Role) string {
	if key := "staff.team.role_" + string(r); text.Has(key) {
		return t(ctx, key)
	}
	return string(r)
}

func teamRolesSaid(ctx context.Context, roles []access.Role) string {
	var said []string
	for _, r := range roles {
		said = append(said, teamRole(ctx, r))
	}
	return strings.Join(said, ", ")
}

// teamRoleOptions are all roles, each with what it may do.
func teamRoleOptions(ctx context.Context, has []access.Role) (all []ui.Option) {
	for _, r := range access.StaffRoles() {
		chosen := slices.Contains(has, r)
		if typed := sent(ctx).Typed; typed != nil {
			chosen = slices.Contains(strings.Split(typed["roles"], ","), string(r))
		}
		all = append(all, ui.Option{Value: string(r), Label: teamRole(ctx, r), Hint: t(ctx, "staff.team.may_"+string(r)), Chosen: chosen})
	}
	return all
}

// teamField is one of a form about a member, with what stands in it until something is typed.
func teamField(ctx context.Context, name, kind, value, label string) ui.Field {
	return contactField(ctx, name, kind, value, label)
}
