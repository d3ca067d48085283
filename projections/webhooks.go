package projections

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/projections/engine"
)

var webhooks = engine.NewTable[docKey, webhookRow]("webhooks")

type webhookRow struct {
	Tenant       string     `db:"tenant,key"`
	ID           uuid.UUID  `db:"id,key"`
	URL          string     `db:"url"`
	Description  string     `db:"description"`
	Types        string     `db:"types"` // with blanks between
	CustomerID   *uuid.UUID `db:"customer_id"`
	Status       string     `db:"status"`
	Why          string     `db:"why"`
	FailingSince *time.Time `db:"failing_since"`
	OldUntil     *time.Time `db:"old_until"`
	RegisteredAt time.Time  `db:"registered_at"`
	ChangedAt    time.Time  `db:"changed_at"`
	SinceHi      uint64     `db:"since_hi"` // enabled here: what was before is not its business
	SinceLo      uint64     `db:"since_lo"`
}

func applyWebhook(b *engine.Batch, e envelope.Event) error {
	if d, first := e.Data.(webhook.Registered); first {
		k := about(e)
		row := webhookRow{Tenant: k.Tenant, ID: k.ID, CustomerID: d.CustomerID, RegisteredAt: e.At}
		row.describe(d.Endpoint, e)
		row.enabled(e)
		webhooks.Put(b, row)
		return nil
	}
	if !strings.HasPrefix(e.Type, "webhook.") {
		return nil
	}
	r := webhooks.Get(b, about(e))
	if r == nil {
		return nil
	}
	switch d := e.Data.(type) {
	case webhook.Changed:
		r.describe(d.Endpoint, e)
	case webhook.SecretRotated:
		r.OldUntil, r.ChangedAt = &d.OldValidUntil, e.At
	case webhook.Disabled:
		r.Status, r.Why, r.FailingSince, r.ChangedAt = "disabled", d.Why, nil, e.At
		if !d.Since.IsZero() {
			r.FailingSince = &d.Since
		}
	case webhook.Enabled:
		r.enabled(e)
	case webhook.Removed:
		r.Status, r.Why, r.FailingSince, r.OldUntil, r.ChangedAt = "removed", "", nil, nil, e.At
	}
	return nil
}

func (r *webhookRow) describe(d webhook.Endpoint, e envelope.Event) {
	r.URL, r.Description, r.Types, r.ChangedAt = d.URL, d.Description, strings.Join(d.Types, " "), e.At
}

func (r *webhookRow) enabled(e envelope.Event) {
	r.Status, r.Why, r.FailingSince, r.ChangedAt = "enabled", "", nil, e.At
	r.SinceHi, r.SinceLo = e.Pos.Hi, e.Pos.Lo
}

// Webhook is a system that is told what happens.
type Webhook struct {
	ID             uuid.UUID  `json:"id"`
	URL            string     `json:"url"`
	Description    string     `json:"description,omitempty"`
	Types          []string   `json:"types,omitempty" doc:"The public event types that it is told of; absent: all"`
	CustomerID     *uuid.UUID `json:"customer_id,omitempty" doc:"The customer whose system it is"`
	Status         string     `json:"status" enum:"enabled,disabled,removed"`
	Why            string     `json:"why,omitempty" enum:"failing,gone,staff" doc:"Why it is disabled"`
	FailingSince   *time.Time `json:"failing_since,omitempty" doc:"Disabled because it failed since then"`
	OldSecretUntil *time.Time `json:"old_secret_until,omitempty" doc:"Until then everything is signed with the secret before the current one too"`
	RegisteredAt   time.Time  `json:"registered_at"`
	ChangedAt      time.Time  `json:"changed_at"`
	since          eventstore.Position
}

func (r webhookRow) view() Webhook {
	return Webhook{r.ID, r.URL, r.Description, strings.Fields(r.Types), r.CustomerID, r.Status, r.Why, r.FailingSince, r.OldUntil,
		r.RegisteredAt.UTC(), r.ChangedAt.UTC(), eventstore.Position{Hi: r.SinceHi, Lo: r.SinceLo}}
}

// TakesFrom tells whether the webhook was there, enabled, when what stands at pos happened.
func (w Webhook) TakesFrom(pos eventstore.Position) bool { return w.since.Before(pos) }

// WebhookFilter narrows the list of webhooks.
type WebhookFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"This customer's only"`
	Status     string    `query:"status" enum:"enabled,disabled,removed" doc:"Of this status only; enabled and disabled ones if left out"`
	Paging
}

const (
	sqlWebhooks engine.SQL = `
select * from {s}.webhooks where tenant = @tenant and id > @id::uuid
  and (@customer::uuid is null or customer_id = @customer)
  and case @status::text when '' then status <> 'removed' else status = @status end
order by id limit @limit`
	sqlWebhook engine.SQL = `
select * from {s}.webhooks where tenant = @tenant and id = @id`
)

// ListWebhooks lists webhooks; for staff.
func (q *Queries) ListWebhooks(ctx context.Context, v Viewer, f WebhookFilter) (Page[Webhook], error) {
	var none Page[Webhook]
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return none, err
	}
	id, err := f.afterID()
	if err != nil {
		return none, err
	}
	rows, err := many[webhookRow](ctx, q.DB, sqlWebhooks, s, pgx.NamedArgs{
		"id": id, "customer": optional(f.CustomerID), "status": f.Status, "limit": f.limit() + 1,
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, webhookRow.view, func(r webhookRow) string { return cursorOf(r.ID.String()) }), nil
}

// GetWebhook is one webhook; for staff.
func (q *Queries) GetWebhook(ctx context.Context, v Viewer, id uuid.UUID) (Webhook, error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return Webhook{}, err
	}
	row, err := one[webhookRow](ctx, q.DB, sqlWebhook, s, pgx.NamedArgs{"id": id})
	if err != nil {
		return Webhook{}, absent(err, "webhook.unknown", "there is no such webhook")
	}
	return row.view(), nil
}

// EnabledWebhooks are all that are to be told of what stands at pos; for Portico itself.
func (q *Queries) EnabledWebhooks(ctx context.Context, v Viewer, pos eventstore.Position) ([]Webhook, error) {
	if v.Kind != envelope.System {
		return nil, domain.Forbidden("viewer.forbidden", "this is for Portico itself")
	}
	var all []Webhook
	f := WebhookFilter{Status: "enabled", Paging: Paging{Limit: maxLimit}}
	for {
		some, err := q.ListWebhooks(ctx, v, f)
		if err != nil {
			return nil, err
		}
		for _, w := range some.Items {
			if w.TakesFrom(pos) {
				all = append(all, w)
			}
		}
		if f.Cursor = some.Next; f.Cursor == "" {
			return all, nil
		}
	}
}

// Endpoint is its address and what it wants.
func (w Webhook) Endpoint() webhook.Endpoint {
	return webhook.Endpoint{URL: w.URL, Description: w.Description, Types: w.Types}
}
