package staff

import (
	"net/mail"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"portico/domain"
	"portico/domain/access"
)

// Asking is who gives roles, as far as it matters. It is found out, and never taken from a
// request's body.
type Asking struct {
	By    uuid.UUID `json:"-"` // the actor
	Self  bool      `json:"-"` // the member itself
	Alone bool      `json:"-"` // there is no second owner who could approve
	Keyed bool      `json:"-"` // what is proposed was proposed with an API key, which has no eyes
}

// Add makes a person a member of staff.
type Add struct {
	Details
	Roles []access.Role `json:"roles" nullable:"false" doc:"viewer, service_desk, dispatcher, quotes, accounts; portal_administrator, auditor and owner are proposed, and somebody else approves"`
	Asking
}

// Decide adds once; the same again is nothing.
func (c Add) Decide(s Member) ([]Event, error) {
	details, err := c.checked()
	if err != nil {
		return nil, err
	}
	roles, err := access.CheckStaffRoles(c.Roles)
	switch {
	case err != nil:
		return nil, err
	case s.status == "active" && s.details == details:
		return nil, nil
	case s.status != "":
		return nil, domain.Refused("staff.added", "this member of staff exists already")
	case c.Alone || !slices.ContainsFunc(roles, access.Privileged):
		return []Event{Added{details, roles}}, nil
	}
	plain := slices.DeleteFunc(slices.Clone(roles), access.Privileged)
	return []Event{Added{details, plain}, RolesProposed{roles, c.By}}, nil
}

// ChangeDetails replaces a member's details.
type ChangeDetails struct{ Details }

// Decide changes; the same is nothing.
func (c ChangeDetails) Decide(s Member) ([]Event, error) {
	details, err := c.checked()
	if err == nil {
		err = s.active()
	}
	if err != nil || details == s.details {
		return nil, err
	}
	return []Event{DetailsChanged{details}}, nil
}

// ChangeRoles sets all of a member's roles. A role that another person has to approve makes
// a proposal of it.
type ChangeRoles struct {
	Roles []access.Role `json:"roles" nullable:"false" doc:"All of them: what is not here is taken away"`
	domain.Because
	Asking
}

// Decide changes, or proposes (8.2.4). Nobody changes their own roles.
func (c ChangeRoles) Decide(s Member) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	roles, err := access.CheckStaffRoles(c.Roles)
	if err == nil {
		err = s.active()
	}
	more := func(r access.Role) bool { return access.Privileged(r) && !slices.Contains(s.roles, r) }
	switch {
	case err != nil:
		return nil, err
	case slices.Equal(roles, s.roles) && s.proposal.roles == nil:
		return nil, nil
	case c.Self:
		return nil, domain.Refused("staff.own_roles", "nobody changes their own roles: somebody else has to")
	case c.Alone || !slices.ContainsFunc(roles, more):
		return []Event{RolesChanged{roles}}, nil
	case slices.Equal(roles, s.proposal.roles) && s.proposal.by == c.By:
		return nil, nil
	}
	return []Event{RolesProposed{roles, c.By}}, nil
}

// ApproveRoles gives what somebody else has proposed.
type ApproveRoles struct {
	Roles []access.Role `json:"roles" nullable:"false" doc:"As they were proposed: another proposal since is not approved unseen"`
	Asking
}

// Decide approves what is proposed, if it is a second person who does.
func (c ApproveRoles) Decide(s Member) ([]Event, error) {
	roles, err := access.CheckStaffRoles(c.Roles)
	if err == nil {
		err = s.active()
	}
	switch {
	case err != nil:
		return nil, err
	case s.proposal.roles == nil && slices.Equal(roles, s.roles):
		return nil, nil
	case !slices.Equal(roles, s.proposal.roles):
		return nil, domain.Refused("staff.not_proposed", "these roles are not what is proposed")
	case c.Keyed:
		return nil, domain.Refused("staff.person_proposes", "these roles were proposed with an API key, which could be yours: somebody who has signed in has to propose them")
	case s.proposal.by == c.By:
		return nil, domain.Refused("staff.self_approval", "who proposes roles does not approve them: somebody else has to")
	case c.Self:
		return nil, domain.Refused("staff.own_roles", "nobody approves their own roles: somebody else has to")
	}
	return []Event{RolesApproved{roles, s.proposal.by}}, nil
}

// DeclineRoles says that what was proposed is not given. Who proposed it may, too.
type DeclineRoles struct{ domain.Because }

// Decide declines; without a proposal there is nothing to do.
func (c DeclineRoles) Decide(s Member) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.active(); err != nil || s.proposal.roles == nil {
		return nil, err
	}
	return []Event{RolesDeclined{s.proposal.roles, s.proposal.by}}, nil
}

// Join takes a membership up for a human.
type Join struct {
	LoginID      uuid.UUID
	InvitationID uuid.UUID
}

// Decide joins once: a membership is one human's.
func (c Join) Decide(s Member) ([]Event, error) {
	if err := s.active(); err != nil {
		return nil, err
	}
	switch s.login {
	case uuid.Nil:
		return []Event{Joined(c)}, nil
	case c.LoginID:
		return nil, nil
	}
	return nil, domain.Refused("staff.joined", "somebody else has taken this membership up")
}

// Remove ends the membership and with it all access.
type Remove struct {
	domain.Because
	Asking
}

// Decide removes once.
func (c Remove) Decide(s Member) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "removed" {
		return nil, err
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	if c.Self {
		return nil, domain.Refused("staff.self_removal", "nobody removes themselves: somebody else has to")
	}
	return []Event{Removed{}}, nil
}

func (s Member) active() error {
	switch s.status {
	case "active":
		return nil
	case "":
		return domain.NotFound("staff.unknown", "there is no such member of staff")
	}
	return domain.Refused("staff.removed", "this member of staff was removed")
}

func (d Details) checked() (Details, error) {
	name, err := domain.Trimmed(d.Name, "name")
	if err != nil {
		return d, err
	}
	d.Name = name
	if d.Email != "" {
		a, err := mail.ParseAddress(d.Email)
		if err != nil || a.Address != d.Email {
			return d, domain.Invalid("staff.email", "%q is not an e-mail address", d.Email)
		}
	}
	if d.Language != "" {
		tag, err := language.Parse(d.Language)
		if err != nil {
			return d, domain.Invalid("staff.language", "%q is not a language such as en-GB or pl", d.Language)
		}
		d.Language = tag.String()
	}
	return d, nil
}
