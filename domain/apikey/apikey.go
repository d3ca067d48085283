// Package apikey records the life of API keys: that there is one, for whom, until when.
// The key itself, and even its hash, are never in an event.
package apikey

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Issued]("api_key.issued"),
	domain.TypeOf[Revoked]("api_key.revoked"),
}

// Event is one of the types above.
type Event = domain.Event[Key]

// Key holds what decisions need.
type Key struct{ status string }

// Issued says that a key was given out. Its name may be a person's.
type Issued struct {
	Name       string     `json:"name" personal:"contact_id"`
	Role       string     `json:"role"` // staff, auditor, integration, contact
	ContactID  *uuid.UUID `json:"contact_id,omitempty"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty"`
}

// Evolve makes it live.
func (e Issued) Evolve(Key) Key { return Key{"live"} }

// Revoked says that a key opens nothing any more.
type Revoked struct{}

// Evolve ends it.
func (e Revoked) Evolve(Key) Key { return Key{"revoked"} }

// Roles are those a key may have.
var Roles = []string{"staff", "auditor", "integration", "contact"}

// Issue gives a key out.
type Issue struct {
	Name       string
	Role       string
	ContactID  *uuid.UUID
	CustomerID *uuid.UUID // the contact's, which the caller has read
}

// Decide gives out once.
func (c Issue) Decide(s Key) ([]Event, error) {
	name, err := domain.Trimmed(c.Name, "name")
	switch {
	case err != nil || s.status != "":
		return nil, err
	case !slices.Contains(Roles, c.Role):
		return nil, domain.Invalid("api_key.role", "role is staff, auditor, integration or contact, not %q", c.Role)
	case (c.Role == "contact") != (c.ContactID != nil && c.CustomerID != nil):
		return nil, domain.Invalid("api_key.contact", "a key is either for a role, or for a contact of a customer")
	}
	return []Event{Issued{name, c.Role, c.ContactID, c.CustomerID}}, nil
}

// Revoke ends a key.
type Revoke struct{ domain.Because }

// Decide revokes once.
func (c Revoke) Decide(s Key) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "revoked" {
		return nil, err
	}
	if s.status == "" {
		return nil, domain.NotFound("api_key.unknown", "there is no such key")
	}
	return []Event{Revoked{}}, nil
}

// Known tells whether there is or was such a key.
func (s Key) Known() bool { return s.status != "" }

// Revoked tells whether a key that there was opens nothing any more.
func (s Key) Revoked() bool { return s.status == "revoked" }
