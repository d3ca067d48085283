package commands

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// replay is all that decides, as it comes to be.
type replay struct {
	c         *Commands
	tenant    string
	contactID uuid.UUID
	ask       VisibilityAsked

	business  tenant.Tenant
	person    contact.Contact
	customers map[uuid.UUID]customer.Customer
	invoice   invoice.Invoice
	memo      creditmemo.CreditMemo
	file      attachment.Attachment
	found     bool // the item
	member    bool // the contact, though it may have been removed since
	of        uuid.UUID
}

// module is that of the item.
func (r *replay) module() access.Module {
	switch r.ask.Kind {
	case "invoice":
		return access.Invoices
	case "customer":
		return access.Profile
	case "attachment":
		return access.Documents
	}
	return access.Account
}

// item is what is asked about, as it is.
func (r *replay) item() access.Item {
	switch r.ask.Kind {
	case "invoice":
		return r.invoice.Item()
	case "credit_memo":
		return r.memo.Item()
	case "attachment":
		it, on := r.file.Item(), r.owner()
		it.SiteID, it.BranchID, it.ContractorID, it.PrimaryContactID = on.SiteID, on.BranchID, on.ContractorID, on.PrimaryContactID
		return it
	}
	return access.Item{Module: r.module(), Customers: []uuid.UUID{r.ask.Item}, Published: true}
}

// owner is what a file hangs on: nothing that decides if that is a customer.
func (r *replay) owner() access.Item {
	switch r.file.Owner().Kind {
	case "invoice":
		return r.invoice.Item()
	case "credit_memo":
		return r.memo.Item()
	}
	return access.Item{}
}

// explain is what comes of each rule, as things are. A file is seen by who sees what it
// hangs on, and an account by who sees all that is on it.
func (r *replay) explain() []access.Finding {
	it := r.item()
	s := r.standing(it)
	today := domain.DateOf(r.ask.At.In(r.business.Zone()))
	findings := access.Explain(s, r.ask.Action, it, today)
	also := func(rule access.Rule, pass bool) {
		for n := range findings {
			if findings[n].Rule == rule {
				findings[n].Pass = findings[n].Pass && pass
			}
		}
	}
	if r.ask.Kind == "account" {
		also(access.InScope, s.Money(r.ask.Action, r.ask.Item))
	}
	if on := r.owner(); on.Module != "" {
		for _, f := range access.Explain(r.standing(on), access.View, on, today) {
			also(f.Rule, f.Pass)
		}
	}
	return findings
}

// standing is the contact's, of the customers of an item. Whose contact it was stays known.
func (r *replay) standing(it access.Item) access.Standing {
	s := access.Standing{ContactID: r.contactID, CustomerID: r.of, Active: r.person.CustomerID() != uuid.Nil, Grants: r.person.Grants(),
		Off: r.business.Off(), JobAge: r.business.JobAge(), Customers: map[uuid.UUID]access.Customer{}}
	for _, id := range it.Customers {
		if own, is := r.customers[r.of], r.customers[id]; r.of != uuid.Nil && r.inTree(id) {
			s.Customers[id] = access.Customer{Portal: is.PortalOn() && own.PortalOn(), Off: is.Off()}
		}
	}
	return s
}

// inTree tells whether a customer is the contact's, or below it.
func (r *replay) inTree(id uuid.UUID) bool {
	for range customer.MaxDepth + 1 {
		if id == r.of || id == uuid.Nil {
			break
		}
		id = r.customers[id].Parent()
	}
	return id == r.of
}

func (r *replay) apply(e envelope.Event) {
	switch d := e.Data.(type) {
	case domain.Event[tenant.Tenant]:
		r.business = d.Evolve(r.business)
	case domain.Event[contact.Contact]:
		r.person, r.member = d.Evolve(r.person), true
		if of := r.person.CustomerID(); of != uuid.Nil {
			r.of = of
		}
	case domain.Event[customer.Customer]:
		id := idOf(e.Stream)
		r.customers[id] = d.Evolve(r.customers[id])
		r.found = r.found || id == r.ask.Item && (r.ask.Kind == "account" || r.ask.Kind == "customer")
	case domain.Event[invoice.Invoice]:
		r.invoice, r.found = d.Evolve(r.invoice), r.found || r.ask.Kind == "invoice"
	case domain.Event[creditmemo.CreditMemo]:
		r.memo, r.found = d.Evolve(r.memo), r.found || r.ask.Kind == "credit_memo"
	case domain.Event[attachment.Attachment]:
		r.file, r.found = d.Evolve(r.file), true
	}
}

// idOf is the id at the end of a stream's name.
func idOf(stream eventstore.StreamName) uuid.UUID {
	name := string(stream)
	id, err := uuid.Parse(name[max(0, len(name)-36):])
	if err != nil {
		return uuid.Nil
	}
	return id
}

// collect reads what happened until then to all that may decide, in order: tenant, contact,
// item, and the customers that are, or ever were, between the item and the top of the tree.
func (r *replay) collect(ctx context.Context) (all []envelope.Event, err error) {
	read := func(category string, id uuid.UUID) []envelope.Event {
		if err != nil {
			return nil
		}
		var events []envelope.Event
		events, err = r.c.until(ctx, eventstore.Stream(r.tenant, category, id.String()), r.ask.At)
		all = append(all, events...)
		return events
	}
	read("tenant", TenantID(r.tenant))
	var above []uuid.UUID
	var person contact.Contact
	for _, e := range read("contact", r.contactID) {
		if d, ok := e.Data.(domain.Event[contact.Contact]); ok {
			person = d.Evolve(person)
			above = append(above, person.CustomerID())
		}
	}
	kind, id := r.ask.Kind, r.ask.Item
	if kind == "attachment" {
		events := read("attachment", id)
		above = append(above, ofAny(events, attachment.Attachment.CustomerID)...)
		if owners := ofAny(events, attachment.Attachment.Owner); len(owners) > 0 {
			kind, id = owners[0].Kind, owners[0].ID // for good
		}
	}
	switch kind {
	case "invoice":
		above = append(above, ofAny(read("invoice", id), invoice.Invoice.CustomerID)...)
	case "credit_memo":
		above = append(above, ofAny(read("creditmemo", id), creditmemo.CreditMemo.CustomerID)...)
	default:
		above = append(above, id)
	}
	seen := map[uuid.UUID]bool{uuid.Nil: true}
	for ; len(above) > 0 && err == nil; above = above[1:] {
		if id := above[0]; !seen[id] {
			seen[id] = true
			above = append(above, ofAny(read("customer", id), customer.Customer.Parent)...)
		}
	}
	slices.SortFunc(all, func(a, b envelope.Event) int {
		if a.Pos.Before(b.Pos) {
			return -1
		}
		return 1
	})
	return all, err
}

// ofAny is what a state was after each of its events.
func ofAny[S, T any](events []envelope.Event, what func(S) T) (all []T) {
	var s S
	for _, e := range events {
		if d, ok := e.Data.(domain.Event[S]); ok {
			s = d.Evolve(s)
			all = append(all, what(s))
		}
	}
	return all
}

// until is a stream as it was at a moment.
func (c *Commands) until(ctx context.Context, stream eventstore.StreamName, at time.Time) (events []envelope.Event, err error) {
	for from := int64(0); ; from += readEvents {
		records, err := c.Store.ReadStream(ctx, stream, from, readEvents)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, r := range records {
			e, err := c.Codec.Open(ctx, r)
			if err != nil {
				return nil, err
			}
			if e.At.After(at) {
				return events, nil
			}
			events = append(events, e)
		}
		if len(records) < readEvents {
			return events, nil
		}
	}
}
