// Package staff decides what may happen to one staff member: a person's membership in the
// business that runs Portico, and the roles that it has there.
package staff

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Added]("staff.added"),
	domain.TypeOf[DetailsChanged]("staff.details_changed"),
	domain.TypeOf[RolesChanged]("staff.roles_changed"),
	domain.TypeOf[RolesProposed]("staff.roles_proposed"),
	domain.TypeOf[RolesApproved]("staff.roles_approved"),
	domain.TypeOf[RolesDeclined]("staff.roles_declined"),
	domain.TypeOf[Joined]("staff.joined"),
	domain.TypeOf[Removed]("staff.removed"),
}

// Event is one of the types above.
type Event = domain.Event[Member]

// Member holds what decisions need.
type Member struct {
	status   string // "", active, removed
	details  Details
	roles    []access.Role
	proposal proposal
	login    uuid.UUID
	moves    int
}

// proposal is what one person would give, and another has to approve.
type proposal struct {
	roles []access.Role
	by    uuid.UUID
}

// Details describe a person: all personal data, stored under the member's own key (E46).
type Details struct {
	Name     string `json:"name" minLength:"1" maxLength:"200" personal:"stream"`
	Email    string `json:"email,omitempty" maxLength:"254" personal:"stream"`
	Language string `json:"language,omitempty" maxLength:"35" example:"en-GB" doc:"BCP 47: what mails to this person are written in; the tenant's locale if left out"`
}

// Known tells whether there is, or was, such a member.
func (s Member) Known() bool { return s.status != "" }

// Active tells whether the membership lasts.
func (s Member) Active() bool { return s.status == "active" }

// Roles are what the member may do now: nothing once it was removed, or before somebody
// has taken the membership up.
func (s Member) Roles() []access.Role {
	if s.status != "active" || s.login == uuid.Nil {
		return nil
	}
	return s.roles
}

// Owner tells whether the role is the member's, joined or not.
func (s Member) Owner() bool { return s.status == "active" && slices.Contains(s.roles, access.Owner) }

// ProposedBy is who proposed the roles that wait for approval.
func (s Member) ProposedBy() uuid.UUID { return s.proposal.by }

// LoginID is the human whose membership it is; the nil UUID until somebody has joined.
func (s Member) LoginID() uuid.UUID { return s.login }

// Details are as last changed.
func (s Member) Details() Details { return s.details }

// Moves counts what kills invitations sent before: another address, the end (E25).
func (s Member) Moves() int { return s.moves }

// Added says that a person is a member of staff. Roles that another person has to approve
// are proposed beside it.
type Added struct {
	Details
	Roles []access.Role `json:"roles"`
}

// Evolve makes it active.
func (e Added) Evolve(Member) Member {
	return Member{status: "active", details: e.Details, roles: e.Roles}
}

// DetailsChanged replaces the details.
type DetailsChanged struct{ Details }

// Evolve replaces them.
func (e DetailsChanged) Evolve(s Member) Member {
	if e.Email != s.details.Email {
		s.moves++
	}
	s.details = e.Details
	return s
}

// RolesChanged replaces the roles.
type RolesChanged struct {
	Roles []access.Role `json:"roles"`
}

// Evolve replaces them; what was proposed before is out of date.
func (e RolesChanged) Evolve(s Member) Member {
	s.roles, s.proposal = e.Roles, proposal{}
	return s
}

// RolesProposed says which roles By would give. They are not the member's yet.
type RolesProposed struct {
	Roles []access.Role `json:"roles"`
	By    uuid.UUID     `json:"by"` // who proposes: somebody else has to approve
}

// Evolve waits for approval; a later proposal takes the place of an earlier one.
func (e RolesProposed) Evolve(s Member) Member {
	s.proposal = proposal{e.Roles, e.By}
	return s
}

// RolesApproved gives what was proposed.
type RolesApproved struct {
	Roles      []access.Role `json:"roles"`
	ProposedBy uuid.UUID     `json:"proposed_by"`
}

// Evolve gives them.
func (e RolesApproved) Evolve(s Member) Member {
	s.roles, s.proposal = e.Roles, proposal{}
	return s
}

// RolesDeclined says that what was proposed is not given.
type RolesDeclined struct {
	Roles      []access.Role `json:"roles"`
	ProposedBy uuid.UUID     `json:"proposed_by"`
}

// Evolve forgets the proposal.
func (e RolesDeclined) Evolve(s Member) Member {
	s.proposal = proposal{}
	return s
}

// Joined says that a human has taken the membership up.
type Joined struct {
	LoginID      uuid.UUID `json:"login_id"`
	InvitationID uuid.UUID `json:"invitation_id,omitzero"` // none: the first owner, by the code that the server printed
}

// Evolve links them.
func (e Joined) Evolve(s Member) Member {
	s.login = e.LoginID
	return s
}

// Removed ends the membership. It is never taken back: who returns is a new member.
type Removed struct{}

// Evolve ends it.
func (e Removed) Evolve(s Member) Member {
	s.status, s.proposal = "removed", proposal{}
	s.moves++
	return s
}
