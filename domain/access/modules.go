// Package access says who may see and do what: a contact by its grants, staff by their
// roles. It decides and does nothing else: who asks tells it what is so.
package access

import "slices"

// Module is an area of the portal (DOMAIN d.4). A name is forever: it stands in events.
type Module string

// The modules. Those of work to come are granted already, and show nothing yet.
const (
	Invoices     Module = "invoices"
	Account      Module = "account" // payments, credit memos, statements, the balance
	Documents    Module = "documents"
	Users        Module = "users"   // of the contact's own company
	Profile      Module = "profile" // the customer's details
	Jobs         Module = "jobs"
	Diary        Module = "diary"
	Quotes       Module = "quotes"
	Reports      Module = "reports"
	Certificates Module = "certificates"
	Assets       Module = "assets"
	Sites        Module = "sites"
	Orders       Module = "orders"
	Messages     Module = "messages"
)

// Action is what may be done in a module. A name is forever.
type Action string

// The actions.
const (
	View     Action = "view"
	Download Action = "download"
	Create   Action = "create"
	Edit     Action = "edit"
	Decide   Action = "decide"
	Pay      Action = "pay"
	Export   Action = "export"
	Manage   Action = "manage"
)

// actions are those that each module has (the table of DOMAIN d.4).
var actions = map[Module][]Action{
	Invoices:     {View, Download, Decide, Pay, Export},
	Account:      {View, Download, Pay, Export, Manage},
	Documents:    {View, Download, Create},
	Users:        {View, Create, Edit, Manage},
	Profile:      {View, Edit},
	Jobs:         {View, Create, Edit, Export},
	Diary:        {View, Download, Decide, Export},
	Quotes:       {View, Download, Create, Edit, Decide, Pay, Export},
	Reports:      {View, Download, Export},
	Certificates: {View, Download, Export},
	Assets:       {View, Create, Edit, Decide, Export},
	Sites:        {View, Create, Edit, Export},
	Orders:       {View, Download, Create, Edit, Decide, Export},
	Messages:     {View, Create},
}

// Modules are all of them, in order.
func Modules() []Module {
	all := make([]Module, 0, len(actions))
	for m := range actions {
		all = append(all, m)
	}
	slices.Sort(all)
	return all
}

// Actions are those that the module has; none: there is no such module.
func (m Module) Actions() []Action { return actions[m] }

// Has tells whether there is this action in the module.
func (m Module) Has(a Action) bool { return slices.Contains(actions[m], a) }
