package commands

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// VisibilityAsked is a question: could a contact do this to that, then?
type VisibilityAsked struct {
	Kind   string        `query:"kind" enum:"invoice,credit_memo,account,customer" required:"true" doc:"What item is; account stands for the money of a customer, customer for its details"`
	Item   uuid.UUID     `query:"item" required:"true" doc:"Of an account, the customer's"`
	Action access.Action `query:"action" enum:"view,download,create,edit,decide,pay,export,manage" default:"view"`
	At     time.Time     `query:"at" doc:"As it was at this instant; now if left out"`
}

// Visibility is the answer: each rule, and what made it so.
type Visibility struct {
	Visible bool      `json:"visible" doc:"Whether all rules let the contact"`
	At      time.Time `json:"at"`
	Rules   []Ruling  `json:"rules" nullable:"false" doc:"In the order in which they are looked at"`
}

// Ruling is what came of a rule, and the event since which it is so.
type Ruling struct {
	access.Finding
	Set *SetBy `json:"set_by,omitempty" doc:"The event since which it is so; absent: it was always so"`
}

// SetBy is an event that set a rule's outcome.
type SetBy struct {
	Type       string         `json:"type"`
	RecordedAt time.Time      `json:"recorded_at"`
	Stream     string         `json:"stream"`
	Version    int64          `json:"version"`
	Actor      envelope.Actor `json:"actor" doc:"Who"`
	ActorName  string         `json:"actor_name,omitempty"`
	Reason     string         `json:"reason,omitempty" doc:"The code that was given"`
}

// ExplainVisibility says which rules let a contact do something to an item at a moment, and
// which not, and which event each of that hangs on. It replays all that decides, event by
// event, and notes which made which outcome another: no rule has code of its own here.
func (c *Commands) ExplainVisibility(ctx context.Context, tenantCode string, contactID uuid.UUID, ask VisibilityAsked) (Visibility, error) {
	now := c.Clock().UTC()
	if ask.At.IsZero() || ask.At.After(now) {
		ask.At = now
	}
	if ask.Action == "" {
		ask.Action = access.View
	}
	r := &replay{c: c, tenant: tenantCode, contactID: contactID, ask: ask, customers: map[uuid.UUID]customer.Customer{}}
	if !r.module().Has(ask.Action) {
		return Visibility{}, domain.Invalid("access.action", "%s has no action %q: one of %v", r.module(), ask.Action, r.module().Actions())
	}
	events, err := r.collect(ctx)
	if err != nil {
		return Visibility{}, err
	}
	out := Visibility{At: ask.At}
	for _, f := range r.explain() {
		out.Rules = append(out.Rules, Ruling{Finding: f})
	}
	for _, e := range events {
		r.apply(e)
		for n, f := range r.explain() {
			if f.Pass != out.Rules[n].Pass {
				out.Rules[n] = Ruling{f, setBy(e)}
			}
		}
	}
	switch {
	case !r.found:
		return Visibility{}, domain.NotFound("visibility.unknown_item", "there was no such %s then", ask.Kind)
	case !r.member:
		return Visibility{}, domain.NotFound("contact.unknown", "there was no such contact then")
	}
	out.Visible = !slices.ContainsFunc(out.Rules, func(f Ruling) bool { return !f.Pass })
	return out, nil
}

func setBy(e envelope.Event) *SetBy {
	s := &SetBy{Type: e.Type, RecordedAt: e.At.UTC(), Stream: string(e.Stream), Version: e.Version, Actor: e.Meta.Actor}
	if e.Meta.Reason != nil {
		s.Reason = e.Meta.Reason.Code
	}
	return s
}

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
	}
	return access.Item{Module: r.module(), Customers: []uuid.UUID{r.ask.Item}, Published: true}
}

// explain is what comes of each rule, as things are. Whose contact it was stays known.
func (r *replay) explain() []access.Finding {
	it := r.item()
	s := access.Standing{ContactID: r.contactID, CustomerID: r.of, Active: r.person.CustomerID() != uuid.Nil, Grants: r.person.Grants(),
		Off: r.business.Off(), JobAge: r.business.JobAge(), Customers: map[uuid.UUID]access.Customer{}}
	for _, id := range it.Customers {
		if own, is := r.customers[r.of], r.customers[id]; r.of != uuid.Nil && r.inTree(id) {
			s.Customers[id] = access.Customer{Portal: is.PortalOn() && own.PortalOn(), Off: is.Off()}
		}
	}
	findings := access.Explain(s, r.ask.Action, it, domain.DateOf(r.ask.At.In(r.business.Zone())))
	if r.ask.Kind == "account" { // a sum over all invoices
		for n := range findings {
			if findings[n].Rule == access.InScope {
				findings[n].Pass = findings[n].Pass && s.Money(r.ask.Action, r.ask.Item)
			}
		}
	}
	return findings
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
		r.invoice, r.found = d.Evolve(r.invoice), true
	case domain.Event[creditmemo.CreditMemo]:
		r.memo, r.found = d.Evolve(r.memo), true
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
	switch r.ask.Kind {
	case "invoice":
		above = append(above, ofAny(read("invoice", r.ask.Item), invoice.Invoice.CustomerID)...)
	case "credit_memo":
		above = append(above, ofAny(read("creditmemo", r.ask.Item), creditmemo.CreditMemo.CustomerID)...)
	default:
		above = append(above, r.ask.Item)
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
func ofAny[S any](events []envelope.Event, what func(S) uuid.UUID) (ids []uuid.UUID) {
	var s S
	for _, e := range events {
		if d, ok := e.Data.(domain.Event[S]); ok {
			s = d.Evolve(s)
			ids = append(ids, what(s))
		}
	}
	return ids
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
