package api

import (
	"context"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/webhook"
	"portico/internal/webhooks"
	"portico/projections"
)

// webhookRoutes are about webhooks. Those that make a secret, or send, go through
// internal/webhooks.
func (a *api) webhookRoutes() {
	w, c, q := a.Webhooks, a.Commands, a.Queries
	secret := withholding("secret")
	command(a, "POST", "/v1/webhooks", systems, "RegisterWebhook", []option{creates, secret, sensitive},
		func(ctx context.Context, by commands.Caller, in *inPlain[webhook.Register]) (webhooks.Created, error) {
			return w.Register(ctx, by, in.Body)
		})
	command(a, "POST", "/v1/webhooks/{id}/rotate-secret", systems, "RotateWebhookSecret", []option{secret, sensitive}, onID(w.Rotate))
	postID(a, "/v1/webhooks/{id}/change", systems, w.Change, named("ChangeWebhook"))
	postID(a, "/v1/webhooks/{id}/enable", systems, w.Enable, named("EnableWebhook"))
	postID(a, "/v1/webhooks/{id}/disable", systems, c.DisableWebhook)
	postID(a, "/v1/webhooks/{id}/remove", systems, w.Remove, named("RemoveWebhook"))
	command(a, "POST", "/v1/webhooks/{id}/test", systems, "TestWebhook", nil, onID(w.Test))
	command(a, "POST", "/v1/webhooks/{id}/redeliver", systems, "RedeliverFailedWebhooks", nil, onID(w.Redeliver))
	command(a, "POST", "/v1/webhook-deliveries/{id}/redeliver", systems, "RedeliverWebhook", nil, onID(w.RedeliverOne))

	get(a, "/v1/webhooks", projections.Access.Name, watchers, q.ListWebhooks)
	getID(a, "/v1/webhooks/{id}", projections.Access.Name, watchers, q.GetWebhook)
	get(a, "/v1/webhook-deliveries", projections.Access.Name, watchers, q.ListWebhookDeliveries)
}

// onID is a command about the thing whose id is in the path, with an answer of its own.
func onID[C, B any](f func(context.Context, commands.Caller, uuid.UUID, C) (B, error)) func(context.Context, commands.Caller, *inID[C]) (B, error) {
	return func(ctx context.Context, by commands.Caller, in *inID[C]) (B, error) {
		return f(ctx, by, in.ID, in.Body)
	}
}
