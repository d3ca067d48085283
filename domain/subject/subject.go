// Package subject decides what may happen to the personal data of one person, whatever
// they are to the business: a contact, a member of staff, a login, or a customer who is a
// person. Erasing is two events (SECURITY §3.4): what was requested stands in history
// before the first key is destroyed, so that no death in between loses it.
package subject

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[ErasureRequested]("subject.erasure_requested"),
	domain.TypeOf[ErasureRefused]("subject.erasure_refused"),
	domain.TypeOf[Erased]("subject.erased"),
	domain.TypeOf[DataExported]("subject.data_exported"),
	domain.TypeOf[LegalHoldPlaced]("subject.legal_hold_placed"),
	domain.TypeOf[LegalHoldReleased]("subject.legal_hold_released"),
}

// Event is one of the types above.
type Event = domain.Event[Subject]

// The kinds of subject, which are the categories of their own streams.
const (
	Contact  = "contact"
	Customer = "customer"
	Staff    = "staff"
	Login    = "login"
)

// Kinds are all of them, in the order in which an id is looked for.
var Kinds = []string{Contact, Customer, Staff, Login}

// The rules by which an erasure is refused.
const (
	RuleHold    = "legal_hold"  // until it is released: there is no date
	RuleRecords = "tax_records" // documents must name whom they were for
)

// Subject holds what decisions need.
type Subject struct {
	status string // "", requested, erased
	kind   string
	login  uuid.UUID
	holds  []string
}

// Requested tells whether erasure was requested: from then on nothing of it is readable.
func (s Subject) Requested() bool { return s.status != "" }

// Done tells whether everything was erased.
func (s Subject) Done() bool { return s.status == "erased" }

// Kind is what the person was when the erasure was requested.
func (s Subject) Kind() string { return s.kind }

// Login is the human who is erased with this membership, their last; or the nil UUID.
func (s Subject) Login() uuid.UUID { return s.login }

// Held tells whether a legal hold keeps the data.
func (s Subject) Held() bool { return len(s.holds) > 0 }

// ErasureRequested says that the person's data shall be destroyed. It is never taken back.
type ErasureRequested struct {
	Kind    string    `json:"kind"`
	LoginID uuid.UUID `json:"login_id,omitzero"` // erased with it: it was the human's last membership
}

// Evolve shuts.
func (e ErasureRequested) Evolve(s Subject) Subject {
	s.status, s.kind, s.login = "requested", e.Kind, e.LoginID
	return s
}

// ErasureRefused says that a rule keeps the data, and until when at least.
type ErasureRefused struct {
	Kind         string      `json:"kind"`
	Rule         string      `json:"rule"`
	EarliestDate domain.Date `json:"earliest_date,omitempty"` // none: it is not known
}

// Evolve changes nothing.
func (e ErasureRefused) Evolve(s Subject) Subject { return s }

// Erased says that the keys are destroyed, and all that was derived is gone.
type Erased struct {
	Kind  string   `json:"kind"`
	Scope []string `json:"scope"` // what was gone through
}

// Evolve ends it.
func (e Erased) Evolve(s Subject) Subject {
	s.status = "erased"
	return s
}

// DataExported says that a copy of what is known of the person was given out.
type DataExported struct {
	Kind  string `json:"kind"`
	Parts []Part `json:"parts"`
}

// Part is how much of what was given out.
type Part struct {
	What  string `json:"what"` // events, mails and so on
	Count int    `json:"count"`
}

// Evolve changes nothing.
func (e DataExported) Evolve(s Subject) Subject { return s }

// LegalHoldPlaced says that the data must be kept while a matter lasts.
type LegalHoldPlaced struct {
	Kind   string `json:"kind"`
	Matter string `json:"matter"`
}

// Evolve holds.
func (e LegalHoldPlaced) Evolve(s Subject) Subject {
	s.holds = append(slices.Clip(s.holds), e.Matter)
	return s
}

// LegalHoldReleased ends one hold.
type LegalHoldReleased struct {
	Matter string `json:"matter"`
}

// Evolve releases.
func (e LegalHoldReleased) Evolve(s Subject) Subject {
	s.holds = slices.DeleteFunc(slices.Clone(s.holds), func(m string) bool { return m == e.Matter })
	return s
}
