package webhooks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/internal/pg"
	"portico/internal/public"
)

// Endpoints are the webhooks as those manage them who may: commands, and what must not be
// in history beside them.
type Endpoints struct {
	DB       pg.DB
	Commands *commands.Commands
	Keys     envelope.Keys
	Guard    *Guard
	Insert   func(ctx context.Context, all ...jobs.Job) error
	Clock    func() time.Time
}

// Created is a webhook, or another secret, just made. The secret is nowhere else.
type Created struct {
	commands.Receipt
	Secret string `json:"secret,omitempty" doc:"What messages are signed with, shown this once: a repeated request does not show it again"`
}

// identified gives a caller without a command id one: what is made beside the event hangs
// on it.
func identified(by commands.Caller) commands.Caller {
	if by.CommandID == uuid.Nil {
		by.CommandID = uuid.Must(uuid.NewV7())
	}
	return by
}

// allowed refuses who may not, and what would not be reached or is never told, before
// anything is asked of the name service.
func (n *Endpoints) allowed(ctx context.Context, by commands.Caller, e webhook.Endpoint, ofCustomer bool) error {
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return err
	}
	for _, t := range e.Types {
		if err := checkType(strings.TrimSpace(t), ofCustomer); err != nil {
			return err
		}
	}
	return n.Guard.Check(ctx, strings.TrimSpace(e.URL))
}

// checkType refuses a type that nothing is ever told of.
func checkType(t string, ofCustomer bool) error {
	wants := webhook.Endpoint{Types: []string{t}}
	var some, toCustomers bool
	for _, k := range public.Kinds() {
		if wants.Wants(k.Type) {
			some, toCustomers = true, toCustomers || k.Audience != public.Owner
		}
	}
	switch {
	case !some:
		return domain.Invalid("webhook.type", "there is no public event type %q", t)
	case ofCustomer && !toCustomers:
		return domain.Invalid("webhook.type_hidden", "customers are never told of %s", t)
	}
	return nil
}

// Register makes a webhook and its first secret: first the event, so that there is no
// secret without history.
func (n *Endpoints) Register(ctx context.Context, by commands.Caller, cmd webhook.Register) (Created, error) {
	by = identified(by)
	if err := n.allowed(ctx, by, cmd.Endpoint, cmd.CustomerID != nil); err != nil {
		return Created{}, err
	}
	receipt, err := n.Commands.RegisterWebhook(ctx, by, uuid.Nil, cmd)
	if err != nil {
		return Created{}, err
	}
	secret, err := n.secrets().make(ctx, newSecret{tenant: by.Tenant, webhook: receipt.ID, no: 1, command: by.CommandID, at: n.Clock().UTC()})
	return Created{receipt, secret}, err
}

// Change changes where a webhook is and what it is told.
func (n *Endpoints) Change(ctx context.Context, by commands.Caller, id uuid.UUID, cmd webhook.Change) (commands.Receipt, error) {
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return commands.Receipt{}, err
	}
	is, err := n.Commands.Webhook(ctx, by.Tenant, id)
	if err != nil {
		return commands.Receipt{}, err
	}
	if is.Known() {
		if err := n.allowed(ctx, by, cmd.Endpoint, is.CustomerID() != uuid.Nil); err != nil {
			return commands.Receipt{}, err
		}
	}
	return n.Commands.ChangeWebhook(ctx, by, id, cmd)
}

// Rotate makes another secret. The one before is signed with too, for a while.
func (n *Endpoints) Rotate(ctx context.Context, by commands.Caller, id uuid.UUID, cmd webhook.Rotate) (Created, error) {
	by = identified(by)
	receipt, err := n.Commands.RotateWebhookSecret(ctx, by, id, cmd)
	if err != nil {
		return Created{}, err
	}
	rotated, err := n.rotation(ctx, by.Tenant, receipt)
	if err != nil {
		return Created{}, err
	}
	secret, err := n.secrets().make(ctx, newSecret{
		tenant: by.Tenant, webhook: id, no: rotated.SecretNo, command: by.CommandID, at: n.Clock().UTC(), oldUntil: rotated.OldValidUntil, replacing: true,
	})
	return Created{receipt, secret}, err
}

// rotation is the event that a rotation led to: a repeated one finds that of the first.
func (n *Endpoints) rotation(ctx context.Context, tenant string, r commands.Receipt) (webhook.SecretRotated, error) {
	e, err := n.Commands.WebhookEvent(ctx, tenant, r.ID, r.Version)
	if err != nil {
		return webhook.SecretRotated{}, err
	}
	rotated, is := e.(webhook.SecretRotated)
	if !is {
		return rotated, fmt.Errorf("webhooks: %s@%d is a %T", r.ID, r.Version, e)
	}
	return rotated, nil
}

// Enable lets a webhook go on. What it failed at before is forgotten, or the next failure
// would disable it at once.
func (n *Endpoints) Enable(ctx context.Context, by commands.Caller, id uuid.UUID, cmd webhook.Enable) (commands.Receipt, error) {
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return commands.Receipt{}, err
	}
	if _, err := n.DB.Exec(ctx, string(sqlWell), by.Tenant, id); err != nil {
		return commands.Receipt{}, fmt.Errorf("webhooks: %w", err)
	}
	return n.Commands.EnableWebhook(ctx, by, id, cmd)
}

// Remove ends a webhook for good, and what is kept of it beside history. The log of what
// was sent goes by its age.
func (n *Endpoints) Remove(ctx context.Context, by commands.Caller, id uuid.UUID, cmd webhook.Remove) (commands.Receipt, error) {
	receipt, err := n.Commands.RemoveWebhook(ctx, by, id, cmd)
	if err != nil {
		return receipt, err
	}
	if err := n.secrets().forget(ctx, by.Tenant, id); err != nil {
		return receipt, fmt.Errorf("webhooks: %w", err)
	}
	_, err = n.DB.Exec(ctx, string(sqlWell), by.Tenant, id)
	return receipt, err
}

func (n *Endpoints) secrets() secrets { return secrets{n.DB, n.Keys} }

// known refuses webhooks that are not there, and callers who may not ask.
func (n *Endpoints) known(ctx context.Context, by commands.Caller, id uuid.UUID) (webhook.Webhook, error) {
	if err := n.Commands.MayManageWebhooks(by); err != nil {
		return webhook.Webhook{}, err
	}
	is, err := n.Commands.Webhook(ctx, by.Tenant, id)
	if err == nil && !is.Known() {
		err = domain.NotFound("webhook.unknown", "there is no such webhook")
	}
	return is, err
}
