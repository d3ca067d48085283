// Package customer decides what may happen to one customer: a company or person that
// work is done for. Customers form a tree (S0.7).
package customer

import (
	"cmp"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Registered]("customer.registered", domain.Unchanged),
	domain.TypeOf[DetailsChanged]("customer.details_changed", domain.Unchanged),
	domain.TypeOf[Reparented]("customer.reparented"),
	domain.TypeOf[PortalSwitched]("customer.portal_switched"),
	domain.TypeOf[Merged]("customer.merged"),
	domain.TypeOf[Closed]("customer.closed"),
	domain.TypeOf[ModulesChanged]("customer.modules_changed"),
}

// Event is one of the types above.
type Event = domain.Event[Customer]

// Customer holds what decisions need.
type Customer struct {
	status  string // "", active, closed, merged
	details Details
	number  string
	parent  uuid.UUID
	portal  bool
	into    uuid.UUID // the survivor of a merger
	off     []access.Module
}

// Known tells whether the customer was ever registered.
func (s Customer) Known() bool { return s.status != "" }

// Active tells whether new documents may name the customer.
func (s Customer) Active() bool { return s.status == "active" }

// PortalOn tells whether the customer's contacts may come in.
func (s Customer) PortalOn() bool { return s.portal }

// Parent is the next customer up the tree, or the nil UUID.
func (s Customer) Parent() uuid.UUID { return s.parent }

// TermsDays is how many days after issue an invoice is due.
func (s Customer) TermsDays() int { return s.details.TermsDays }

// Details are as last changed.
func (s Customer) Details() Details { return s.details }

// Number is the business's own for the customer.
func (s Customer) Number() string { return s.number }

// Currency is what documents are in unless they say otherwise.
func (s Customer) Currency() string { return s.details.Currency }

// Details describe a customer. Name and address are personal: a customer may be a person.
type Details struct {
	LegalName string      `json:"legal_name" minLength:"1" maxLength:"200" personal:"stream"`
	Kind      string      `json:"kind,omitempty" enum:"account,consumer,parent" doc:"account if left out"`
	Country   string      `json:"country,omitempty" maxLength:"60"`
	Currency  string      `json:"currency,omitempty" pattern:"^[A-Z]{3}$" doc:"The tenant's if left out"`
	TermsDays int         `json:"terms_days,omitempty" minimum:"0" maximum:"365" doc:"Days from issue to due date"`
	BranchID  uuid.UUID   `json:"branch_id,omitzero"`
	AsOf      domain.Date `json:"as_of,omitempty" format:"date" doc:"Date of the record this comes from: older ones do not overwrite newer ones"`
	Address   string      `json:"address,omitempty" maxLength:"500" personal:"stream" example:"1 Mill Lane\nLeeds LS1 4AB" doc:"As on a letter, line by line; documents are addressed to it"`
	Language  string      `json:"language,omitempty" pattern:"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$" maxLength:"35" example:"de" doc:"Of the customer's documents, BCP 47; the tenant's locale if left out"`
}

func (d Details) checked() (Details, error) {
	name, err := domain.Trimmed(d.LegalName, "legal_name")
	if err != nil {
		return d, err
	}
	d.LegalName = name
	if d.Address, err = domain.Lines(d.Address, "address", 8); err != nil {
		return d, err
	}
	if d.Kind == "" {
		d.Kind = "account"
	}
	if d.Kind != "account" && d.Kind != "consumer" && d.Kind != "parent" {
		return d, domain.Invalid("customer.kind", "kind is account, consumer or parent, not %q", d.Kind)
	}
	if d.TermsDays < 0 || d.TermsDays > 365 {
		return d, domain.Invalid("customer.terms", "terms are 0 to 365 days, not %d", d.TermsDays)
	}
	if d.AsOf != "" {
		if err := d.AsOf.Check(); err != nil {
			return d, err
		}
	}
	if err := domain.CheckLanguage(d.Language); err != nil {
		return d, err
	}
	return d, domain.CheckCurrency(d.Currency)
}

// Registered says that there is a customer. Number is the business's own for it.
type Registered struct {
	Number string `json:"number"`
	Details
	ParentID *uuid.UUID `json:"parent_id,omitempty"`
}

// Evolve makes it active, its portal on.
func (e Registered) Evolve(s Customer) Customer {
	s = Customer{status: "active", number: e.Number, details: e.Details, portal: true}
	if e.ParentID != nil {
		s.parent = *e.ParentID
	}
	return s
}

// DetailsChanged replaces the details.
type DetailsChanged struct{ Details }

// Evolve replaces them.
func (e DetailsChanged) Evolve(s Customer) Customer {
	s.details = e.Details
	return s
}

// Reparented moves the customer in the tree. Accounts stay where they are (E17).
type Reparented struct {
	OldParentID *uuid.UUID `json:"old_parent_id,omitempty"`
	NewParentID *uuid.UUID `json:"new_parent_id,omitempty"`
}

// Evolve moves it.
func (e Reparented) Evolve(s Customer) Customer {
	s.parent = uuid.Nil
	if e.NewParentID != nil {
		s.parent = *e.NewParentID
	}
	return s
}

// PortalSwitched opens or shuts the portal to all of the customer's contacts.
type PortalSwitched struct {
	On bool `json:"on"`
}

// Evolve switches.
func (e PortalSwitched) Evolve(s Customer) Customer {
	s.portal = e.On
	return s
}

// Merged says that the customer goes on as another. Its accounts stay; money moves by
// transfers only (E17).
type Merged struct {
	SurvivorID uuid.UUID `json:"survivor_id"`
}

// Evolve ends it.
func (e Merged) Evolve(s Customer) Customer {
	s.status, s.into = "merged", e.SurvivorID
	return s
}

// Closed says that no new documents are for this customer.
type Closed struct{}

// Evolve ends it.
func (e Closed) Evolve(s Customer) Customer {
	s.status = "closed"
	return s
}

// Register makes a customer.
type Register struct {
	Number string `json:"number" minLength:"1" maxLength:"60" doc:"Your own number for the customer; one customer each"`
	Details
	ParentID *uuid.UUID `json:"parent_id,omitempty"`
	Depth    int        `json:"-"` // of the parent in the tree
}

// MaxDepth bounds the tree (E37).
const MaxDepth = 8

// Decide registers once; the same again is nothing.
func (c Register) Decide(s Customer) ([]Event, error) {
	number, err := domain.Trimmed(c.Number, "number")
	if err != nil {
		return nil, err
	}
	details, err := c.checked()
	if err != nil {
		return nil, err
	}
	switch {
	case s.status != "" && s.number == number && s.details == details:
		return nil, nil
	case s.status != "":
		return nil, domain.Refused("customer.registered", "this customer is registered already")
	case c.Depth >= MaxDepth:
		return nil, domain.Refused("customer.too_deep", "customers nest at most %d deep", MaxDepth)
	}
	return []Event{Registered{number, details, c.ParentID}}, nil
}

// Import follows a source's record of a customer: it registers or changes, and leaves
// newer details alone, by AsOf. What the record leaves empty stays as it is. An importer
// that has several records of a customer gives the latest.
type Import struct {
	Number string
	Details
}

// Decide compares with what is known.
func (c Import) Decide(s Customer) ([]Event, error) {
	if s.status == "" {
		return Register{Number: c.Number, Details: c.Details}.Decide(s)
	}
	was := s.details
	if c.AsOf != "" && c.AsOf <= was.AsOf {
		return nil, nil
	}
	c.AsOf = cmp.Or(c.AsOf, was.AsOf)
	c.LegalName, c.Kind = cmp.Or(c.LegalName, was.LegalName), cmp.Or(c.Kind, was.Kind)
	c.Country, c.Currency = cmp.Or(c.Country, was.Country), cmp.Or(c.Currency, was.Currency)
	c.Address, c.Language = cmp.Or(c.Address, was.Address), cmp.Or(c.Language, was.Language)
	c.TermsDays, c.BranchID = cmp.Or(c.TermsDays, was.TermsDays), cmp.Or(c.BranchID, was.BranchID)
	details, err := c.checked()
	was.AsOf = details.AsOf
	if err != nil || details == was {
		return nil, err
	}
	return []Event{DetailsChanged{details}}, nil
}

// ChangeDetails replaces a customer's details.
type ChangeDetails struct{ Details }

// Decide changes; the same is nothing.
func (c ChangeDetails) Decide(s Customer) ([]Event, error) {
	details, err := c.checked()
	if err == nil {
		err = s.active()
	}
	details.AsOf = max(details.AsOf, s.details.AsOf) // or the same import would undo it
	if err != nil || details == s.details {
		return nil, err
	}
	return []Event{DetailsChanged{details}}, nil
}

// Move puts a customer under another parent, or none. Ancestors is the chain from the
// new parent up, which the caller has read.
type Move struct {
	ParentID  *uuid.UUID  `json:"parent_id,omitempty" doc:"Left out: to the top"`
	Self      uuid.UUID   `json:"-"`
	Ancestors []uuid.UUID `json:"-"`
	domain.Because
}

// Decide refuses circles and depth (E37).
func (c Move) Decide(s Customer) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	for _, a := range c.Ancestors {
		if a == c.Self {
			return nil, domain.Refused("customer.circle", "a customer cannot be under itself")
		}
	}
	if len(c.Ancestors) >= MaxDepth {
		return nil, domain.Refused("customer.too_deep", "customers nest at most %d deep", MaxDepth)
	}
	var old *uuid.UUID
	if s.parent != uuid.Nil {
		old = &s.parent
	}
	if old == nil && c.ParentID == nil || old != nil && c.ParentID != nil && *old == *c.ParentID {
		return nil, nil
	}
	return []Event{Reparented{old, c.ParentID}}, nil
}

// SwitchPortal opens or shuts the portal for a customer.
type SwitchPortal struct {
	On bool `json:"on"`
	domain.Because
}

// Decide switches; the same is nothing.
func (c SwitchPortal) Decide(s Customer) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.active(); err != nil || s.portal == c.On {
		return nil, err
	}
	return []Event{PortalSwitched{c.On}}, nil
}

// Merge says that a customer goes on as another.
type Merge struct {
	SurvivorID uuid.UUID `json:"survivor_id"`
	Self       uuid.UUID `json:"-"`
	domain.Because
}

// Decide merges once.
func (c Merge) Decide(s Customer) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "merged" && s.into == c.SurvivorID {
		return nil, err
	}
	if c.SurvivorID == c.Self {
		return nil, domain.Refused("customer.circle", "a customer cannot be merged into itself")
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	return []Event{Merged{c.SurvivorID}}, nil
}

// Close ends a customer.
type Close struct{ domain.Because }

// Decide closes once.
func (c Close) Decide(s Customer) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "closed" {
		return nil, err
	}
	if err := s.active(); err != nil {
		return nil, err
	}
	return []Event{Closed{}}, nil
}

func (s Customer) active() error {
	switch s.status {
	case "active":
		return nil
	case "":
		return domain.NotFound("customer.unknown", "there is no such customer")
	}
	return domain.Refused("customer.not_active", "this customer is %s", s.status)
}
