package access

import (
	"maps"
	"slices"

	"portico/domain"

	"github.com/google/uuid"
)

// Whole is the standing of who sees all of one customer that can be shown: of a system of
// that customer's own.
func Whole(customer uuid.UUID) Standing {
	return Standing{CustomerID: customer, Active: true, Grants: Everything(), Customers: map[uuid.UUID]Customer{customer: {Portal: true}}}
}

// Seen are the customers, in order, of which the contact may see anything at all.
func (s Standing) Seen() (ids []uuid.UUID) {
	if !s.Active {
		return nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(s.Customers), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
		if s.Customers[id].Portal {
			ids = append(ids, id)
		}
	}
	return ids
}

// At are the grants that decide about an action in a module at a customer: none where a
// switch is off, or none is given. Whether the scope names the customer is decided.
func (s Standing) At(m Module, a Action, customer uuid.UUID) (decide Grants) {
	c, known := s.Customers[customer]
	if !known || !c.Portal || !s.Active || slices.Contains(s.Off, m) || slices.Contains(c.Off, m) || !s.Grants.Any(m, a) {
		return nil
	}
	for _, g := range s.Grants {
		if g.Module == m && slices.Contains(g.Actions, a) && (len(g.Scope.Customers) == 0 || slices.Contains(g.Scope.Customers, customer)) {
			decide = append(decide, g)
		}
	}
	return decide
}

// All tells whether an action in a module is allowed for whatever is the customer's. It
// may say no where nothing but all narrower denials are outweighed.
func (s Standing) All(m Module, a Action, customer uuid.UUID) bool {
	decide := s.At(m, a, customer)
	if slices.ContainsFunc(decide, func(g Grant) bool { return g.Deny && g.Scope.narrows() }) {
		return false
	}
	nothing := Item{Module: m, Customers: []uuid.UUID{customer}}
	return decide.Allows(s.ContactID, a, nothing, customer)
}

// narrows tells whether a scope is of some of a customer's things only.
func (s Scope) narrows() bool {
	return len(s.Sites)+len(s.Branches)+len(s.Contractors) > 0 || s.PrimaryContact || s.CreatedByMe
}

// Money tells whether the contact may see the account of a customer: balance, statement,
// ageing. They are sums over all invoices, so all of those it must be able to see too.
func (s Standing) Money(a Action, customer uuid.UUID) bool {
	return s.All(Account, View, customer) && s.All(Account, a, customer) && s.All(Invoices, View, customer)
}

// Document is an invoice or credit memo as an item. Nobody's is in nobody's tree.
func Document(m Module, p domain.Party, published bool) Item {
	it := Item{Module: m, Published: published}
	if p.CustomerID != nil {
		it.Customers = []uuid.UUID{*p.CustomerID}
	}
	for to, from := range map[*uuid.UUID]*uuid.UUID{&it.BranchID: p.BranchID, &it.ContractorID: p.ContractorID,
		&it.SiteID: p.SiteID, &it.PrimaryContactID: p.PrimaryContactID} {
		if from != nil {
			*to = *from
		}
	}
	return it
}
