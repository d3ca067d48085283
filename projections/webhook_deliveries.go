package projections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

// WebhookDelivery is an attempt at telling a system of an event. These rows are no read
// model: they are written where the attempt is made, and kept for 30 days (ADR 0010).
type WebhookDelivery struct {
	ID        uuid.UUID  `json:"id" db:"id"`
	WebhookID uuid.UUID  `json:"webhook_id" db:"webhook_id"`
	MessageID string     `json:"message_id" db:"message_id" doc:"The webhook-id header: the same in all attempts at telling this system of this event"`
	EventID   uuid.UUID  `json:"event_id" db:"event_id"`
	EventType string     `json:"event_type" db:"event_type"`
	JobID     uuid.UUID  `json:"job_id" db:"job_id"`
	Attempt   int        `json:"attempt" db:"attempt"`
	At        time.Time  `json:"at" db:"at"`
	Outcome   string     `json:"outcome" db:"outcome" enum:"delivered,failed,skipped" doc:"Skipped: it was not sent, because the webhook was disabled meanwhile or may not see it any more"`
	Status    *int       `json:"status,omitempty" db:"status" doc:"HTTP status of the answer, if there was one"`
	Ms        int        `json:"ms" db:"ms" doc:"How long it took, in milliseconds"`
	Error     string     `json:"error,omitempty" db:"error"`
	Response  string     `json:"response,omitempty" db:"response" doc:"The beginning of the answer"`
	AskedBy   *uuid.UUID `json:"asked_by,omitempty" db:"asked_by" doc:"Who asked for it to be sent again, or for the test"`
}

// WebhookDeliveryFilter narrows the list of deliveries.
type WebhookDeliveryFilter struct {
	WebhookID uuid.UUID `query:"webhook_id" doc:"To this webhook only"`
	EventID   uuid.UUID `query:"event_id" doc:"Of this event only"`
	Outcome   string    `query:"outcome" enum:"delivered,failed,skipped"`
	Since     time.Time `query:"since" doc:"Attempts from then on only"`
	Paging
}

const sqlWebhookDeliveries engine.SQL = `
select id, webhook_id, message_id, event_id, event_type, job_id, attempt, at, outcome, status, ms, error, response, asked_by
from portico.webhook_deliveries
where tenant = @tenant and (at, id) < (@before::timestamptz, @id::uuid) and at >= @since::timestamptz
  and (@webhook::uuid is null or webhook_id = @webhook) and (@event::uuid is null or event_id = @event)
  and (@outcome::text = '' or outcome = @outcome)
order by at desc, id desc limit @limit`

// ListWebhookDeliveries lists attempts at delivery, latest first; for staff.
func (q *Queries) ListWebhookDeliveries(ctx context.Context, v Viewer, f WebhookDeliveryFilter) (Page[WebhookDelivery], error) {
	var none Page[WebhookDelivery]
	if err := v.mustSeeAll(); err != nil {
		return none, err
	}
	before, id := "infinity", uuid.Max
	if f.Cursor != "" {
		parts, err := f.parts(2)
		if err != nil {
			return none, err
		}
		_, bad := time.Parse(time.RFC3339Nano, parts[0])
		if before = parts[0]; bad != nil || id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
	}
	rows, err := many[WebhookDelivery](ctx, q.DB, sqlWebhookDeliveries, scope{tenant: v.Tenant}, pgx.NamedArgs{
		"before": before, "id": id, "since": f.Since, "webhook": optional(f.WebhookID), "event": optional(f.EventID), "outcome": f.Outcome, "limit": f.limit() + 1,
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, func(d WebhookDelivery) WebhookDelivery { d.At = d.At.UTC(); return d }, func(d WebhookDelivery) string {
		return cursorOf(d.At.UTC().Format(time.RFC3339Nano), d.ID.String())
	}), nil
}
