package api

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/session"
)

// Me is who asks, and what is open to them now.
type Me struct {
	LoginID      uuid.UUID                         `json:"login_id"`
	Name         string                            `json:"name,omitempty"`
	Email        string                            `json:"email,omitempty"`
	Username     string                            `json:"username,omitempty" doc:"What they may sign in with instead of the address"`
	Membership   *commands.Membership              `json:"membership,omitempty" doc:"As which they are here; absent until one was chosen"`
	Memberships  []commands.Membership             `json:"memberships" nullable:"false" doc:"All that they may switch to"`
	Capabilities []access.Capability               `json:"capabilities,omitempty" doc:"Of staff"`
	Modules      map[access.Module][]access.Action `json:"modules,omitempty" doc:"Of contacts: what is open to them in which module"`
	Branches     []tenant.Place                    `json:"branches,omitempty" doc:"Of contacts: those of which they may look at anything, if they are several"`
	Contractors  []tenant.Place                    `json:"contractors,omitempty" doc:"The same of contractors"`
	Session      MySession                         `json:"session"`
	IdleSeconds  int                               `json:"idle_seconds" doc:"Left alone for this long, the session is over"`
	ViewedBy     *ViewedBy                         `json:"viewed_by,omitempty" doc:"Somebody of the business sees the portal as this contact: say so on every page"`
}

// ViewedBy is for the banner.
type ViewedBy struct {
	StaffID uuid.UUID `json:"staff_id"`
	Name    string    `json:"name,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Until   time.Time `json:"until"`
}

func (a *api) getMe(ctx context.Context) (Me, error) {
	rq := requestOf(ctx)
	s, who := *rq.session, rq.who
	me := Me{LoginID: s.Login, Memberships: []commands.Membership{}, Capabilities: access.Capabilities(who.Roles), Modules: open(who),
		Session: a.shown(s, s.ID), IdleSeconds: int(session.Idle(who) / time.Second)}
	if s.Stage == session.Full {
		if err := a.places(ctx, who, &me); err != nil {
			return me, err
		}
	}
	if s.Impersonator != nil {
		return me, a.viewedAs(ctx, s, &me)
	}
	human, err := a.Commands.LoginOf(ctx, s.Tenant, s.Login)
	if err != nil {
		return me, err
	}
	me.Name, me.Email, me.Username = human.Person().Name, human.Person().Email, human.Person().Username
	if s.Stage != session.Full { // whose they are is nothing to tell before that
		return me, nil
	}
	for _, m := range human.Memberships() {
		found, lasts, err := a.Commands.MembershipOf(ctx, s.Tenant, m.Kind, m.ID, s.Login)
		switch {
		case err != nil:
			return me, err
		case !lasts:
			continue
		case m.ID == s.Membership:
			me.Membership = &found
		}
		me.Memberships = append(me.Memberships, found)
	}
	return me, nil
}

// places fills in the branches and the contractors that a contact chooses between: of one
// there is nothing to choose (E38, S3.19).
func (a *api) places(ctx context.Context, who auth.Principal, me *Me) (err error) {
	if who.Standing == nil {
		return nil
	}
	branches, contractors, err := a.Commands.PlacesOf(ctx, who.Tenant)
	several := func(all []tenant.Place, reaches func(uuid.UUID) bool) []tenant.Place {
		all = slices.DeleteFunc(all, func(p tenant.Place) bool { return !reaches(p.ID) })
		if len(all) < 2 {
			return nil
		}
		return all
	}
	me.Branches, me.Contractors = several(branches, who.Standing.ReachesBranch), several(contractors, who.Standing.ReachesContractor)
	return err
}

// viewedAs is the contact as whom a staff member sees the portal. What else the human is
// belongs to neither.
func (a *api) viewedAs(ctx context.Context, s session.Session, me *Me) error {
	as, _, err := a.Commands.MembershipOf(ctx, s.Tenant, envelope.Contact, s.Membership, uuid.Nil)
	if err != nil {
		return err
	}
	by, _, err := a.Commands.MembershipOf(ctx, s.Tenant, envelope.Staff, *s.Impersonator, s.Login)
	me.Name, me.Email, me.Membership = as.Name, as.Email, &as
	me.ViewedBy = &ViewedBy{StaffID: *s.Impersonator, Name: by.Name, Reason: s.Reason, Until: s.ExpiresAt}
	return err
}

// open are the modules in which a contact may do anything, with what it may do.
func open(who auth.Principal) map[access.Module][]access.Action {
	if who.Standing == nil {
		return nil
	}
	all := map[access.Module][]access.Action{}
	for _, m := range access.Modules() {
		for _, action := range m.Actions() {
			if who.Standing.Open(m, action) {
				all[m] = append(all[m], action)
			}
		}
	}
	return all
}
