package contact

import (
	"reflect"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
)

// Grants are what the contact may do now: none once it was removed.
func (s Contact) Grants() access.Grants {
	if s.status != "active" {
		return nil
	}
	return s.grants
}

// LoginID is the human whose membership it is; the nil UUID until somebody has joined.
func (s Contact) LoginID() uuid.UUID { return s.login }

// AccessGranted says what a contact that could do nothing may do from now on.
type AccessGranted struct {
	CustomerID  uuid.UUID     `json:"customer_id"`
	Grants      access.Grants `json:"grants"`
	Preset      string        `json:"preset,omitempty"`       // under which name it was chosen
	DelegatedBy *uuid.UUID    `json:"delegated_by,omitempty"` // the contact that gave it of its own (I11)
}

// Evolve grants.
func (e AccessGranted) Evolve(s Contact) Contact {
	s.grants, s.revoked = e.Grants, false
	return s
}

// AccessChanged replaces what a contact may do.
type AccessChanged struct {
	CustomerID  uuid.UUID     `json:"customer_id"`
	Grants      access.Grants `json:"grants"`
	Preset      string        `json:"preset,omitempty"`
	DelegatedBy *uuid.UUID    `json:"delegated_by,omitempty"`
}

// Evolve replaces.
func (e AccessChanged) Evolve(s Contact) Contact {
	s.grants = e.Grants
	return s
}

// ModuleRevoked takes a module away (S2.7).
type ModuleRevoked struct {
	CustomerID uuid.UUID     `json:"customer_id"`
	Module     access.Module `json:"module"`
}

// Evolve takes it away.
func (e ModuleRevoked) Evolve(s Contact) Contact {
	s.grants = s.grants.Without(e.Module)
	return s
}

// AccessRevoked takes all away (S2.8). The person stays known as a contact.
type AccessRevoked struct {
	CustomerID uuid.UUID `json:"customer_id"`
}

// Evolve takes it away.
func (e AccessRevoked) Evolve(s Contact) Contact {
	s.grants, s.revoked = nil, true
	s.moves++
	return s
}

// Joined says that a human has taken the membership up, by an invitation.
type Joined struct {
	CustomerID   uuid.UUID `json:"customer_id"`
	LoginID      uuid.UUID `json:"login_id"`
	InvitationID uuid.UUID `json:"invitation_id,omitzero"`
}

// Evolve links them.
func (e Joined) Evolve(s Contact) Contact {
	s.login = e.LoginID
	return s
}

// ChangeAccess sets all that a contact may do.
type ChangeAccess struct {
	Grants access.Grants `json:"grants,omitempty" doc:"All of them: what is not here is taken away"`
	Preset string        `json:"preset,omitempty" doc:"Grants under a name, instead of grants: customer_admin, accounts_payable, site_manager, buyer, occupier, primary_contact, read_only"`
	domain.Because
	DelegatedBy *uuid.UUID `json:"-"`
}

// Decide grants or changes; the same is nothing.
func (c ChangeAccess) Decide(s Contact) ([]Event, error) {
	grants, err := c.Wanted()
	if err == nil {
		err = s.active()
	}
	switch {
	case err != nil || reflect.DeepEqual(grants, s.grants):
		return nil, err
	case len(s.grants) == 0:
		return []Event{AccessGranted{s.customer, grants, c.Preset, c.DelegatedBy}}, nil
	}
	return []Event{AccessChanged{s.customer, grants, c.Preset, c.DelegatedBy}}, nil
}

// Wanted are the grants that the contact is to have.
func (c ChangeAccess) Wanted() (access.Grants, error) {
	if (c.Preset == "") == (len(c.Grants) == 0) {
		return nil, domain.Invalid("access.empty", "say either which grants, or which preset; to take all away, revoke the access")
	}
	if c.Preset != "" {
		return access.Preset(c.Preset)
	}
	return c.Grants, c.Grants.Check()
}

// RevokeModule takes one module away.
type RevokeModule struct {
	Module access.Module `json:"module"`
	domain.Because
}

// Decide revokes; what is not there is nothing.
func (c RevokeModule) Decide(s Contact) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if len(c.Module.Actions()) == 0 {
		return nil, domain.Invalid("access.module", "there is no module %q: one of %v", c.Module, access.Modules())
	}
	if err := s.active(); err != nil || len(s.grants.Without(c.Module)) == len(s.grants) {
		return nil, err
	}
	return []Event{ModuleRevoked{s.customer, c.Module}}, nil
}

// RevokeAccess takes all access away, and with it what was promised by an invitation.
type RevokeAccess struct{ domain.Because }

// Decide revokes once; also of who has not joined yet, and is only invited.
func (c RevokeAccess) Decide(s Contact) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.active(); err != nil || len(s.grants) == 0 && (s.revoked || s.login != uuid.Nil) {
		return nil, err
	}
	return []Event{AccessRevoked{s.customer}}, nil
}

// Join takes a membership up for a human.
type Join struct {
	LoginID      uuid.UUID
	InvitationID uuid.UUID
}

// Decide joins once: a membership is one human's.
func (c Join) Decide(s Contact) ([]Event, error) {
	if err := s.active(); err != nil {
		return nil, err
	}
	switch s.login {
	case uuid.Nil:
		return []Event{Joined{s.customer, c.LoginID, c.InvitationID}}, nil
	case c.LoginID:
		return nil, nil
	}
	return nil, domain.Refused("contact.joined", "somebody else has taken this membership up")
}
