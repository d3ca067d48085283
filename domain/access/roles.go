package access

import "slices"

// Capability is what staff may do. Each route and each command of staff needs one.
type Capability string

// The capabilities.
const (
	ReadBusiness    Capability = "business.read"    // see all customers and their documents
	ManageCustomers Capability = "customers.manage" // register, change, merge, close
	ManagePeople    Capability = "people.manage"    // contacts: add, invite, grant, revoke, remove
	ViewAs          Capability = "people.view_as"   // see the portal as a contact sees it
	ManageBilling   Capability = "billing.manage"   // invoices, credit memos, statements, attachments
	ManageMoney     Capability = "money.manage"     // payments, credits, refunds, write-offs
	ImportLedgers   Capability = "ledgers.import"   // files of another system: their customers, documents and payments
	ManageSettings  Capability = "settings.manage"  // the business, its portal, what is told to whom
	ManageSystem    Capability = "system.manage"    // API keys, webhooks, jobs, mails
	ReadSystem      Capability = "system.read"      // see those
	ManageStaff     Capability = "staff.manage"     // invite staff, change their roles
	ManagePrivacy   Capability = "privacy.manage"   // export and erase a person's data
	ReadHistory     Capability = "history.read"     // who did what: history and journal
)

// Role is a job of a staff member. A name is forever.
type Role string

// The roles. Staff is that of API keys made before there were roles: all but history.
const (
	Viewer        Role = "viewer"
	ServiceDesk   Role = "service_desk"
	Dispatcher    Role = "dispatcher"
	QuoteDesk     Role = "quotes"
	Accounts      Role = "accounts"
	Administrator Role = "portal_administrator"
	Auditor       Role = "auditor"
	Owner         Role = "owner"
	Integration   Role = "integration"
	Staff         Role = "staff"
	System        Role = "system"  // Portico itself
	Contact       Role = "contact" // may what its grants say, and has no capability
)

var everything = []Capability{ReadBusiness, ManageCustomers, ManagePeople, ViewAs, ManageBilling, ManageMoney, ImportLedgers, ManageSettings, ManageSystem, ReadSystem, ManageStaff, ManagePrivacy}

// capabilities of each role: one place (PCI DSS v4 7.2.1).
var capabilities = map[Role][]Capability{
	Viewer:        {ReadBusiness},
	ServiceDesk:   {ReadBusiness, ManageCustomers, ManagePeople, ViewAs},
	Dispatcher:    {ReadBusiness},
	QuoteDesk:     {ReadBusiness},
	Accounts:      {ReadBusiness, ManageBilling, ManageMoney, ImportLedgers},
	Administrator: {ReadBusiness, ManageCustomers, ManagePeople, ViewAs, ManageSettings, ManageSystem, ReadSystem},
	Auditor:       {ReadBusiness, ReadSystem, ReadHistory},
	Owner:         append([]Capability{ReadHistory}, everything...),
	Integration:   {ReadBusiness, ManageCustomers, ManagePeople, ManageBilling, ManageMoney, ImportLedgers},
	Staff:         everything,
	System:        append([]Capability{ReadHistory}, everything...),
}

// Can tells whether any of the roles has a capability. An unknown role has none.
func Can(roles []Role, c Capability) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(capabilities[r], c) })
}

// Capabilities are all that the roles have, in order.
func Capabilities(roles []Role) (all []Capability) {
	for _, r := range roles {
		all = append(all, capabilities[r]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
