package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/customer"
	"portico/domain/webhook"
	"portico/internal/eventstore"
)

// RegisterWebhook records that a system is to be told of what happens. Its secret is
// internal/webhooks', and so is whether its address may be reached.
func (c *Commands) RegisterWebhook(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Register) (Receipt, error) {
	by = by.complete(c)
	if err := by.May(access.ManageSystem); err != nil {
		return Receipt{}, err
	}
	id = by.newID(id, "webhook")
	return decide(ctx, c, by, about(by, "RegisterWebhook", "webhook", id), func(webhook.Webhook) (decision[webhook.Webhook], error) {
		d := decision[webhook.Webhook]{cmd: cmd}
		if cmd.CustomerID == nil {
			return d, nil
		}
		d.route = *cmd.CustomerID
		_, err := c.activeCustomer(ctx, by, *cmd.CustomerID)
		return d, err
	})
}

// ChangeWebhook changes where a webhook is and what it is told.
func (c *Commands) ChangeWebhook(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Change) (Receipt, error) {
	return onWebhook(ctx, c, by, task{name: "ChangeWebhook", id: id}, cmd)
}

// RotateWebhookSecret records that a webhook signs with another secret from now on.
func (c *Commands) RotateWebhookSecret(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Rotate) (Receipt, error) {
	cmd.Now = c.now()
	return onWebhook(ctx, c, by, task{name: "RotateWebhookSecret", id: id}, cmd)
}

// DisableWebhook stops what is sent to a webhook.
func (c *Commands) DisableWebhook(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Disable) (Receipt, error) {
	return onWebhook(ctx, c, by, task{name: "DisableWebhook", id: id}, cmd)
}

// EnableWebhook lets it go on, with what happens from now on.
func (c *Commands) EnableWebhook(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Enable) (Receipt, error) {
	return onWebhook(ctx, c, by, task{name: "EnableWebhook", id: id}, cmd)
}

// RemoveWebhook ends a webhook for good.
func (c *Commands) RemoveWebhook(ctx context.Context, by Caller, id uuid.UUID, cmd webhook.Remove) (Receipt, error) {
	return onWebhook(ctx, c, by, task{name: "RemoveWebhook", id: id}, cmd)
}

func onWebhook(ctx context.Context, c *Commands, by Caller, t task, cmd domain.Command[webhook.Webhook]) (Receipt, error) {
	if err := by.May(access.ManageSystem); err != nil {
		return Receipt{}, err
	}
	return decide(ctx, c, by, about(by, t.name, "webhook", t.id), func(s webhook.Webhook) (decision[webhook.Webhook], error) {
		return decision[webhook.Webhook]{cmd: cmd, route: s.CustomerID()}, nil
	})
}

// MayManageWebhooks refuses whoever may not: before anything is done that is no event.
func (c *Commands) MayManageWebhooks(by Caller) error { return by.May(access.ManageSystem) }

// Webhook is a webhook as of now, from history itself: what is switched off is off at
// once, not when a read model follows.
func (c *Commands) Webhook(ctx context.Context, tenant string, id uuid.UUID) (webhook.Webhook, error) {
	return peek[webhook.Webhook](ctx, c, tenant, "webhook", id)
}

// PortalIsOpen tells whether a customer's contacts may come in now.
func (c *Commands) PortalIsOpen(ctx context.Context, tenant string, customerID uuid.UUID) (bool, error) {
	s, err := peek[customer.Customer](ctx, c, tenant, "customer", customerID)
	return s.PortalOn(), err
}

// WebhookEvent is one event of a webhook's history.
func (c *Commands) WebhookEvent(ctx context.Context, tenant string, id uuid.UUID, version int64) (any, error) {
	stream := eventstore.Stream(tenant, "webhook", id.String())
	records, err := c.Store.ReadStream(ctx, stream, version, 1)
	if err != nil {
		return nil, unavailable(err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("commands: %s has no version %d", stream, version)
	}
	e, err := c.Codec.OpenData(ctx, records[0])
	return e.Data, err
}
