package documents

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/jobs"
)

// kind is the name of the jobs that draw what was published without a file.
const kind = "documents.render"

// order is what to draw: the payload of a job.
type order struct {
	Kind string    `json:"kind"` // invoice or credit_memo
	ID   uuid.UUID `json:"id"`
}

// Plan says what is to be drawn later: what imports publish, what was published before
// files were named by events, and what has found its customer.
var Plan = jobs.Plan{Of: []string{"invoice.", "credit_memo."}, Jobs: func(e envelope.Event) []jobs.Job {
	of := ""
	switch d := e.Data.(type) {
	case invoice.Published:
		if d.Rendition == nil && d.CustomerID != nil {
			of = "invoice"
		}
	case invoice.Assigned:
		if d.Published {
			of = "invoice"
		}
	case creditmemo.Issued:
		if d.CustomerID != nil {
			of = "credit_memo" // mostly drawn already, by its issue
		}
	case creditmemo.Restated:
		if d.CustomerID != nil {
			of = "credit_memo"
		}
	case creditmemo.Assigned:
		of = "credit_memo"
	}
	if of == "" {
		return nil
	}
	return []jobs.Job{jobs.For(e, kind, order{of, e.Stream.AggregateID()})}
}}

// Kind is how such jobs are done. Its pauses add up to more than a day: a store of files may
// be away for long. It concerns the past too: customers of an older Portico get documents.
func Kind(c *commands.Commands) jobs.Kind {
	return jobs.Kind{
		Name: kind, Timeout: time.Minute, AtOnce: 2, Past: true,
		Pauses: []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour},
		Do: func(ctx context.Context, a jobs.Attempt) error {
			var o order
			if err := a.Into(&o); err != nil {
				return err
			}
			return render(ctx, c, a.Job, o)
		},
	}
}

func render(ctx context.Context, c *commands.Commands, j jobs.Job, o order) error {
	by := commands.Caller{
		Tenant: j.Tenant, Actor: envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(uuid.NameSpaceOID, "portico", "documents")},
		Roles: []access.Role{access.System}, Origin: envelope.Origin{Channel: envelope.ChannelPolicy},
		CommandID: domain.DerivedID(j.ID, "render"), Correlation: j.Correlation, Causation: j.Causation,
	}
	draw := c.RenderInvoice
	if o.Kind == "credit_memo" {
		draw = c.RenderCreditMemo
	}
	_, err := draw(ctx, by, o.ID)
	if domain.CodeOf(err) == "subject.erased" {
		return nil // there is nobody left to address it to
	}
	return err
}
