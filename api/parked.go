package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/projections"
)

// parkedCustomers is who waits for repair.
type parkedCustomers struct {
	Items []parkedCustomer `json:"items"`
}

type parkedCustomer struct {
	CustomerID *uuid.UUID `json:"customer_id,omitempty" doc:"Left out: what belongs to no customer"`
	Group      string     `json:"group" doc:"The read models that show this customer as before the event"`
	EventID    uuid.UUID  `json:"event_id"`
	Type       string     `json:"type"`
	Stream     string     `json:"stream"`
	Position   string     `json:"position" example:"s1.42.0"`
	Error      string     `json:"error" doc:"Why it cannot be applied"`
	Since      time.Time  `json:"since"`
	Held       int64      `json:"held" doc:"Events that wait, this one included"`
	Deaths     int        `json:"deaths" doc:"Processes that died of it"`
}

// ListParkedCustomers are those of whom an event cannot be applied to the read models. It
// is mended with: portico projections retry.
func (a *api) ListParkedCustomers(ctx context.Context, v projections.Viewer) (parkedCustomers, error) {
	out := parkedCustomers{Items: []parkedCustomer{}}
	all, err := a.Engine.Parked(ctx)
	for _, p := range all {
		if p.Tenant != v.Tenant {
			continue
		}
		item := parkedCustomer{Group: p.Group, EventID: p.EventID, Type: p.Type, Stream: p.Stream, Position: positionToken(p.Position),
			Error: p.Error, Since: p.At, Held: p.Held, Deaths: p.Deaths}
		if p.Route != uuid.Nil {
			item.CustomerID = &p.Route
		}
		out.Items = append(out.Items, item)
	}
	return out, err
}
