// Package contact decides what may happen to one contact: a person's membership in one
// customer. Who may sign in, and see what, hangs on it.
package contact

import (
	"encoding/json"
	"net/mail"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"portico/domain"
	"portico/domain/access"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Added]("contact.added", languageUnknown, grantsUnknown),
	domain.TypeOf[DetailsChanged]("contact.details_changed", languageUnknown),
	domain.TypeOf[Removed]("contact.removed"),
	domain.TypeOf[AccessGranted]("contact.access_granted"),
	domain.TypeOf[AccessChanged]("contact.access_changed"),
	domain.TypeOf[ModuleRevoked]("contact.module_revoked"),
	domain.TypeOf[AccessRevoked]("contact.access_revoked"),
	domain.TypeOf[Joined]("contact.joined"),
	domain.TypeOf[NoticesChosen]("contact.notices_chosen"),
}

// languageUnknown: version 1 had no language, which is what its absence says in version 2.
func languageUnknown(map[string]json.RawMessage) {}

// grantsUnknown: before version 3 every contact saw its customer's account and whatever was
// published to it. History goes on saying so.
func grantsUnknown(fields map[string]json.RawMessage) {
	fields["grants"], _ = json.Marshal(access.BeforeGrants()) // of our own constants: it never fails
}

// Event is one of the types above.
type Event = domain.Event[Contact]

// Contact holds what decisions need.
type Contact struct {
	status   string // "", active, removed
	customer uuid.UUID
	details  Details
	grants   access.Grants
	login    uuid.UUID
	revoked  bool     // all access was taken away, and none given since
	declined []string // topics of mails, as Declinable has them
	moves    int      // what kills invitations sent before (E25)
}

// Moves counts what kills invitations sent before: another address, access revoked, the
// end (E25).
func (s Contact) Moves() int { return s.moves }

// Details are as last changed.
func (s Contact) Details() Details { return s.details }

// CustomerID is the customer the contact belongs to; the nil UUID unless it is active.
func (s Contact) CustomerID() uuid.UUID {
	if s.status != "active" {
		return uuid.Nil
	}
	return s.customer
}

// Details describe a person: all personal data, stored under the contact's own key (E46).
type Details struct {
	Name      string `json:"name" minLength:"1" maxLength:"200" personal:"stream"`
	Email     string `json:"email,omitempty" maxLength:"254" personal:"stream"`
	Phone     string `json:"phone,omitempty" maxLength:"40" personal:"stream"`
	IsPrimary bool   `json:"is_primary,omitempty" doc:"The customer's main contact"`
	Language  string `json:"language,omitempty" maxLength:"35" example:"en-GB" doc:"BCP 47: what mails to this person are written in; the tenant's locale if left out"`
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
			return d, domain.Invalid("contact.email", "%q is not an e-mail address", d.Email)
		}
	}
	if d.Language != "" {
		tag, err := language.Parse(d.Language)
		if err != nil {
			return d, domain.Invalid("contact.language", "%q is not a language such as en-GB or pl", d.Language)
		}
		d.Language = tag.String()
	}
	return d, nil
}

// Added says that a person is a contact of a customer.
type Added struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Details
	Grants access.Grants `json:"grants,omitempty"` // what it may do from the start
}

// Evolve makes it active.
func (e Added) Evolve(Contact) Contact {
	return Contact{status: "active", customer: e.CustomerID, details: e.Details, grants: e.Grants}
}

// DetailsChanged replaces the details.
type DetailsChanged struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Details
}

// Evolve replaces them.
func (e DetailsChanged) Evolve(s Contact) Contact {
	if e.Email != s.details.Email {
		s.moves++
	}
	s.details = e.Details
	return s
}

// Removed ends the membership. It is never taken back: who returns is a new contact (E25).
type Removed struct {
	CustomerID uuid.UUID `json:"customer_id"`
}

// Evolve ends it.
func (e Removed) Evolve(s Contact) Contact {
	s.status = "removed"
	s.moves++
	return s
}

// Add makes a person a contact of a customer.
type Add struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Details
	Grants access.Grants `json:"grants,omitempty" doc:"What the contact may do; left out: nothing, until it is granted"`
}

// Decide adds once; the same again is nothing.
func (c Add) Decide(s Contact) ([]Event, error) {
	details, err := c.checked()
	if err == nil {
		err = c.Grants.Check()
	}
	switch {
	case err != nil:
		return nil, err
	case s.status == "active" && s.customer == c.CustomerID && s.details == details:
		return nil, nil
	case s.status != "":
		return nil, domain.Refused("contact.added", "this contact exists already")
	}
	return []Event{Added{c.CustomerID, details, c.Grants}}, nil
}

// ChangeDetails replaces a contact's details.
type ChangeDetails struct{ Details }

// Decide changes; the same is nothing.
func (c ChangeDetails) Decide(s Contact) ([]Event, error) {
	details, err := c.checked()
	if err == nil {
		err = s.active()
	}
	if err != nil || details == s.details {
		return nil, err
	}
	return []Event{DetailsChanged{s.customer, details}}, nil
}

// Remove ends the membership and with it all access.
type Remove struct{ domain.Because }

// Decide removes once.
func (c Remove) Decide(s Contact) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "removed" {
		return nil, err
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	return []Event{Removed{s.customer}}, nil
}

func (s Contact) active() error {
	switch s.status {
	case "active":
		return nil
	case "":
		return domain.NotFound("contact.unknown", "there is no such contact")
	}
	return domain.Refused("contact.removed", "this contact was removed")
}
