package access

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Standing is a contact with all that decides what it may see and do, as of one moment.
type Standing struct {
	ContactID  uuid.UUID
	CustomerID uuid.UUID // whose contact it is
	Active     bool      // the membership lasts
	Grants     Grants
	Off        []Module // modules that the tenant has switched off
	Hidden     []Field  // fields that the tenant does not show
	// Customers are the contact's own and those below it in the tree.
	Customers map[uuid.UUID]Customer
	JobAge    *JobAge // nil: jobs of any age

	// What the tenant's security policy asks of the contact.
	SecondFactor bool // must have shown one (8.4.1)
	IdleMinutes  int  // for which a session may be left alone, unless the contact may pay; 0: as ever
}

// Customer is what decides about all of a customer's contacts.
type Customer struct {
	Portal bool     // open
	Off    []Module // switched off for this customer
}

// Field is one that may be hidden, such as invoice.reference.
type Field struct {
	Entity string `json:"entity"`
	Name   string `json:"field"`
}

// JobAge hides jobs that are older (S4.11).
type JobAge struct {
	Days  int
	Basis string // scheduled, completed or created
}

// Item is what decides whether somebody may see a thing.
type Item struct {
	Module           Module
	Customers        []uuid.UUID // whose it is: a job is of its site's and of its billing customer (E33)
	SiteID           uuid.UUID
	BranchID         uuid.UUID
	ContractorID     uuid.UUID
	PrimaryContactID uuid.UUID
	CreatedBy        uuid.UUID
	Published        bool        // issued, approved, shared: whatever makes it showable (I3)
	AgeFrom          domain.Date // of a job, by the tenant's basis; "" has no age
	Kept             bool        // shown whatever its age: open invoice, open defect, appointment to come (E35)
}

// Rule names one of the conditions that must all hold. A name is forever.
type Rule string

// The rules, in the order in which they are looked at (I2).
const (
	TenantModule   Rule = "tenant_module"   // the business has the module on
	Membership     Rule = "membership"      // the contact was not removed
	InTree         Rule = "customer"        // it is of the contact's customer, or one below
	CustomerPortal Rule = "customer_portal" // that customer's portal is open
	CustomerModule Rule = "customer_module" // and has the module on
	Granted        Rule = "grant"           // the contact may do this in the module at all
	InScope        Rule = "scope"           // and to this
	Publication    Rule = "publication"     // it is issued, approved or shared
	Age            Rule = "age"             // it is not too old
)

// Finding is what came of one rule.
type Finding struct {
	Rule Rule `json:"rule"`
	Pass bool `json:"pass"`
}

// Explain tells of each rule whether it lets a contact do something to an item, on a date
// in the tenant's zone. Who may is who passes them all (I2).
func Explain(s Standing, a Action, it Item, today domain.Date) []Finding {
	of, in := s.side(a, it)
	customer := s.Customers[of]
	return []Finding{
		{TenantModule, !slices.Contains(s.Off, it.Module)},
		{Membership, s.Active},
		{InTree, in},
		{CustomerPortal, in && customer.Portal},
		{CustomerModule, in && !slices.Contains(customer.Off, it.Module)},
		{Granted, s.Grants.Any(it.Module, a)},
		{InScope, in && s.Grants.Allows(s.ContactID, a, it, of)},
		{Publication, it.Published},
		{Age, s.JobAge.shows(it, today)},
	}
}

// side is the customer as whose contact it sees an item: of several the first that the
// other rules allow.
func (s Standing) side(a Action, it Item) (of uuid.UUID, in bool) {
	for _, id := range it.Customers {
		c, known := s.Customers[id]
		if known && c.Portal && !slices.Contains(c.Off, it.Module) && s.Grants.Allows(s.ContactID, a, it, id) {
			return id, true
		}
		if known && !in {
			of, in = id, true
		}
	}
	return of, in
}

func (j *JobAge) shows(it Item, today domain.Date) bool {
	if j == nil || it.Module != Jobs || it.AgeFrom == "" || it.Kept {
		return true
	}
	return it.AgeFrom.AddDays(j.Days) >= today
}

// May tells whether all rules let a contact do something to an item.
func May(s Standing, a Action, it Item, today domain.Date) bool {
	return !slices.ContainsFunc(Explain(s, a, it, today), func(f Finding) bool { return !f.Pass })
}

// Open tells whether a contact may do something in a module at all, for any customer: what
// a menu shows, and whether a list is refused.
func (s Standing) Open(m Module, a Action) bool {
	if !s.Active || slices.Contains(s.Off, m) || !s.Grants.Any(m, a) {
		return false
	}
	for _, c := range s.Customers {
		if c.Portal && !slices.Contains(c.Off, m) {
			return true
		}
	}
	return false
}
