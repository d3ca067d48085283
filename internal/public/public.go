// Package public is what Portico tells other systems: chosen domain events in a schema of
// their own, as CloudEvents 1.0. It is apart from how events are stored, so that a stored
// event may change its version while the public one only gains fields, or becomes a new
// ".vN". It says ids, numbers, codes, dates and amounts: no name, no address, no text that
// a person wrote. Whoever may know those asks the API for them, by id.
package public

import (
	"reflect"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
)

// Audience is who may be told of an event.
type Audience string

// The audiences, each within the next but one: whatever a customer may know, the business
// knows. What a customer may know is what its contacts see in the portal (I3).
const (
	// Owner is the business itself.
	Owner Audience = "owner"
	// CustomerIfPublished is the business, and the customer if its contacts can see all of
	// Event.Invoices. The event alone cannot tell: the caller must ask.
	CustomerIfPublished Audience = "customer_if_published"
	// Customer is the business, and the customer that the event is about.
	Customer Audience = "customer"
)

// Event is a domain event as other systems see it.
type Event struct {
	ID            uuid.UUID // of the stored event: the same whenever it is told again
	Type          string    // such as portico.invoice.issued.v1
	Source        string    // whose history it is from
	Subject       string    // what it is about, such as invoice/<id>
	DataSchema    string
	Time          time.Time // when it happened, which for imported history is before Recorded
	Recorded      time.Time
	Tenant        string
	CustomerID    uuid.UUID // the customer concerned; nil: none
	CorrelationID uuid.UUID
	CausationID   uuid.UUID
	Stream        string // events of one stream are told in order of Version
	Version       int64  // in the stream; those that are not public leave gaps
	Position      string // in the log: the API's Portico-Position
	Data          any    // the public struct of Type
	Audience      Audience
	Invoices      []uuid.UUID // which CustomerIfPublished hangs on
}

// Translate is the public form of an event; false if it has none. It looks at nothing but
// the event.
func Translate(e envelope.Event) (Event, bool) {
	k, known := byStored[e.Type]
	if !known || e.Data == nil {
		return Event{}, false
	}
	data, audience := k.translate(e)
	if data == nil {
		return Event{}, false
	}
	p := Event{
		ID: e.ID, Type: k.Type, Source: "/portico/" + e.Meta.Tenant, Subject: k.subject + "/" + idOf(data).String(),
		DataSchema: "urn:portico:schema:" + k.Type, Time: e.Meta.OccurredAt, Recorded: e.At, Tenant: e.Meta.Tenant,
		CustomerID: e.Meta.Route, CorrelationID: e.Meta.CorrelationID, CausationID: e.Meta.CausationID,
		Stream: string(e.Stream), Version: e.Version, Position: e.Pos.String(), Data: data, Audience: audience,
	}
	if names, ok := data.(interface{ invoices() []uuid.UUID }); ok {
		p.Invoices = names.invoices()
	}
	switch {
	case p.CustomerID == uuid.Nil:
		p.Audience = Owner // on nobody's account
	case audience == CustomerIfPublished && len(p.Invoices) == 0:
		p.Audience = Customer
	}
	return p, true
}

// idOf is what an event is about: the first field of its data.
func idOf(data any) uuid.UUID {
	v := reflect.ValueOf(data)
	for v.Type() != reflect.TypeFor[uuid.UUID]() {
		v = v.Field(0)
	}
	return v.Interface().(uuid.UUID)
}
