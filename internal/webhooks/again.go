package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/jobs"
)

// Asked is what a request to send something led to.
type Asked struct {
	commands.Receipt
	Jobs int `json:"jobs" doc:"How many messages are sent: GET /v1/webhook-deliveries shows what comes of it"`
}

// Send is all there is to say when one thing is to be sent.
type Send struct{}

// Since is from when on.
type Since struct {
	Since time.Time `json:"since" doc:"Send everything again that was not delivered at an attempt since then; the log goes back 30 days"`
}

const (
	sqlDelivery text = `
select webhook_id, stream, version, event_id from portico.webhook_deliveries where tenant = $1 and id = $2`
	// What was delivered meanwhile, at whichever attempt, needs no other.
	sqlUndelivered text = `
select distinct on (d.message_id) d.webhook_id, d.stream, d.version, d.event_id from portico.webhook_deliveries d
where d.tenant = $1 and d.webhook_id = $2 and d.at >= $3 and d.outcome <> 'delivered' and d.stream <> ''
  and not exists (select from portico.webhook_deliveries o
    where o.tenant = d.tenant and o.webhook_id = d.webhook_id and o.message_id = d.message_id and o.outcome = 'delivered')
order by d.message_id, d.at desc limit $4`
)

// againAtMost bounds how much one request sends again.
const againAtMost = 10_000

// old is a message that was sent before.
type old struct {
	WebhookID uuid.UUID
	Stream    eventstore.StreamName
	Version   int64
	EventID   uuid.UUID
}

// Test sends an event that says nothing, also to a webhook that is disabled.
func (n *Endpoints) Test(ctx context.Context, by commands.Caller, id uuid.UUID, _ Send) (Asked, error) {
	by = identified(by)
	is, err := n.known(ctx, by, id)
	if err != nil {
		return Asked{}, err
	}
	now := n.Clock().UTC()
	j := asked(by, is.CustomerID(), "test")
	return n.insert(ctx, id, []jobs.Job{j.Child(kindDeliver, id.String(), delivery{WebhookID: id, TestedAt: &now, AskedBy: &by.Actor.ID})})
}

// RedeliverOne sends a message of the log again, under its own id.
func (n *Endpoints) RedeliverOne(ctx context.Context, by commands.Caller, deliveryID uuid.UUID, _ Send) (Asked, error) {
	by = identified(by)
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return Asked{}, err
	}
	rows, _ := n.DB.Query(ctx, string(sqlDelivery), by.Tenant, deliveryID) // its error is in rows
	was, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[old])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Asked{}, domain.NotFound("webhook.delivery_unknown", "there is no such delivery; they are kept for 30 days")
	case err != nil:
		return Asked{}, fmt.Errorf("webhooks: %w", err)
	case was.Stream == "":
		return Asked{}, domain.Refused("webhook.delivery_test", "a test is not repeated: test again")
	}
	return n.again(ctx, by, was.WebhookID, []old{was})
}

// Redeliver sends everything again that has failed since a time.
func (n *Endpoints) Redeliver(ctx context.Context, by commands.Caller, id uuid.UUID, c Since) (Asked, error) {
	by = identified(by)
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return Asked{}, err
	}
	rows, _ := n.DB.Query(ctx, string(sqlUndelivered), by.Tenant, id, c.Since, againAtMost) // its error is in rows
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[old])
	if err != nil {
		return Asked{}, fmt.Errorf("webhooks: %w", err)
	}
	return n.again(ctx, by, id, all)
}

func (n *Endpoints) again(ctx context.Context, by commands.Caller, id uuid.UUID, all []old) (Asked, error) {
	is, err := n.known(ctx, by, id)
	if err == nil && !is.Enabled() {
		err = domain.Refused("webhook.disabled", "this webhook is disabled: enable it first")
	}
	if err != nil {
		return Asked{}, err
	}
	j := asked(by, is.CustomerID(), "again")
	var children []jobs.Job
	for _, o := range all {
		children = append(children, j.Child(kindDeliver, id.String()+o.EventID.String(),
			delivery{WebhookID: id, place: place{o.Stream, o.Version}, AskedBy: &by.Actor.ID}))
	}
	return n.insert(ctx, id, children)
}

// asked stands for the request in the ids of the jobs that it leads to: a repeated one
// leads to the same.
func asked(by commands.Caller, customer uuid.UUID, what string) jobs.Job {
	correlation := by.Correlation
	if correlation == uuid.Nil {
		correlation = by.CommandID
	}
	return jobs.Job{ID: domain.DerivedID(by.CommandID, "webhook "+what), Tenant: by.Tenant, Route: customer, Correlation: correlation}
}

func (n *Endpoints) insert(ctx context.Context, id uuid.UUID, all []jobs.Job) (Asked, error) {
	if len(all) > 0 {
		if err := n.Insert(ctx, all...); err != nil {
			return Asked{}, err
		}
	}
	return Asked{commands.Receipt{ID: id}, len(all)}, nil
}
