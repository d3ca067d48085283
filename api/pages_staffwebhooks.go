package api

import (
	"cmp"
	"context"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/webhook"
	vocabulary "portico/internal/public"
	"portico/internal/webhooks"
	"portico/projections"
	"portico/web/pages"
)

const (
	staffHooks = "/staff/webhooks"
	staffHook  = staffHooks + "/{id}"
)

// staffWebhookPages are about the systems that are told what happens.
func (a *api) staffWebhookPages() {
	w, c, group := a.Webhooks, a.Commands, projections.Access.Name
	list := look(a, staffHooks, group, watchers, "ShowWebhooks", a.hookList, func(_ projections.WebhookFilter, list pages.Hooks) templ.Component { return pages.HooksPage(list) })
	register := show(a, staffHooks+"/new", systems, "ShowWebhookNew", a.lately(a.newHookSheet), "for", "cursor", "customer_id", "text")
	form(a, staffHooks+"/new", systems, "SendWebhook", a.registerHook, register, sensitive)

	one := look(a, staffHook, group, watchers, "ShowWebhook", a.hookFile, func(_ hookFilter, h pages.Hook) templ.Component { return pages.HookPage(h) })
	act := func(name, operation string, draw func(pages.Hook) templ.Component) sheet {
		return lookAt(a, staffHook+"/"+name, group, systems, operation, func(ctx context.Context, v projections.Viewer, _ uuid.UUID) (pages.Hook, error) {
			return a.hookFile(ctx, v, hookFilter{})
		}, draw)
	}
	change := act("change", "ShowWebhookChange", pages.HookChange)
	gives(a, staffHook+"/change", systems, "SendWebhookChange", "hook_changed", ofOne(w.Change), ledToOne[webhook.Change](staffHooks+"/"), change)
	disable := act("disable", "ShowWebhookDisable", pages.HookDisable)
	gives(a, staffHook+"/disable", systems, "SendWebhookDisable", "hook_disabled", ofOne(c.DisableWebhook), ledToOne[webhook.Disable](staffHooks+"/"), disable)
	gives(a, staffHook+"/enable", systems, "SendWebhookEnable", "hook_enabled", ofOne(w.Enable), ledToOne[webhook.Enable](staffHooks+"/"), one)
	remove := act("remove", "ShowWebhookRemove", pages.HookRemove)
	gives(a, staffHook+"/remove", systems, "SendWebhookRemove", "hook_removed", ofOne(w.Remove), ledTo[inID[webhook.Remove]](staffHooks), remove)

	gives(a, staffHook+"/test", systems, "SendWebhookTest", "hook_asked", asksHook(w.Test), ledToOne[webhooks.Send](staffHooks+"/"), one)
	gives(a, staffHook+"/redeliver", systems, "SendWebhookFailed", "hook_asked", asksHook(w.Redeliver), ledToOne[webhooks.Since](staffHooks+"/"), one)
	gives(a, "/staff/webhook-deliveries/{id}/redeliver", systems, "SendWebhookAgain", "hook_asked", asksHook(w.RedeliverOne),
		func(_ *inID[webhooks.Send], r commands.Receipt) string { return staffHooks + "/" + r.ID.String() }, list)

	rotate := show(a, staffHook+"/rotate-secret", systems, "ShowWebhookRotation", a.lately(func(ctx context.Context) (templ.Component, error) {
		h, err := a.hookFile(ctx, requestOf(ctx).viewer(), hookFilter{})
		return pages.HookRotate(h), err
	}))
	form(a, staffHook+"/rotate-secret", systems, "SendWebhookRotation", a.rotateHook, rotate, sensitive)
}

// asksHook gives a form what asks for something to be sent.
func asksHook[C any](f func(context.Context, commands.Caller, uuid.UUID, C) (webhooks.Asked, error)) func(context.Context, commands.Caller, *inID[C]) (commands.Receipt, error) {
	return func(ctx context.Context, by commands.Caller, in *inID[C]) (commands.Receipt, error) {
		asked, err := f(ctx, by, in.ID, in.Body)
		return asked.Receipt, err
	}
}

// registerHook makes a webhook and shows its secret once: no answer of it is kept.
func (a *api) registerHook(ctx context.Context, in *inPlain[webhook.Register]) (outcome, error) {
	made, err := a.Webhooks.Register(ctx, requestOf(ctx).caller(), in.Body)
	return hookSecret(ctx, made, err)
}

func (a *api) rotateHook(ctx context.Context, in *inID[webhook.Rotate]) (outcome, error) {
	made, err := a.Webhooks.Rotate(ctx, requestOf(ctx).caller(), in.ID, in.Body)
	return hookSecret(ctx, made, err)
}

func hookSecret(ctx context.Context, made webhooks.Created, err error) (outcome, error) {
	if err != nil {
		return outcome{}, err
	}
	requestOf(ctx).events = made.Events
	return outcome{Shows: pages.HookSecret(came(staffHooks+"/"+made.ID.String(), "", made.Position), made.Secret)}, nil
}

func (a *api) hookList(ctx context.Context, v projections.Viewer, f projections.WebhookFilter) (out pages.Hooks, err error) {
	found, err := a.Queries.ListWebhooks(ctx, v, f)
	if err != nil {
		return out, err
	}
	out.Status, out.Manages = f.Status, access.Can(requestOf(ctx).who.Roles, access.ManageSystem)
	out.Listed, err = withNames(ctx, a, found, func(w projections.Webhook) *uuid.UUID { return w.CustomerID })
	return out, err
}

// newHookSheet asks where a system is: the business's own, or that of a customer who is chosen first.
func (a *api) newHookSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	var form pages.HookForm
	if id, err := uuid.Parse(cmp.Or(rq.parameter("customer_id"), rq.typed["customer_id"])); err == nil {
		d, err := a.desk(ctx, []uuid.UUID{id})
		if err != nil {
			return nil, err
		}
		if of, known := d.Customers[id]; known {
			form.Of, form.OfID = &of, id
		}
	} else if rq.parameter("for") == "customer" {
		form.Search = rq.parameter("text")
		found, err := a.Queries.ListCustomers(ctx, rq.viewer(), projections.CustomerFilter{Text: form.Search, Paging: projections.Paging{Limit: searchLength, Cursor: rq.parameter("cursor")}})
		if err != nil {
			return nil, err
		}
		form.Found = &found
	}
	form.Types = hookTypes(form.Of != nil)
	return pages.HookNew(form), nil
}

// hookTypes are what a webhook may be told of: a customer's, only what customers are.
func hookTypes(ofCustomer bool) (all []pages.HookType) {
	for _, k := range vocabulary.Kinds() {
		if !ofCustomer || k.Audience != vocabulary.Owner {
			all = append(all, pages.HookType{Type: k.Type, When: k.When})
		}
	}
	return all
}

// hookFilter narrows what is shown of a webhook's deliveries.
type hookFilter struct {
	Outcome string `query:"outcome" enum:"delivered,failed,skipped"`
	projections.Paging
}

// hookFile is a webhook with what was sent to it lately.
func (a *api) hookFile(ctx context.Context, v projections.Viewer, f hookFilter) (out pages.Hook, err error) {
	if out.Webhook, err = a.Queries.GetWebhook(ctx, v, pathID(ctx)); err != nil {
		return out, err
	}
	out.Outcome, out.Now = f.Outcome, a.Clock().UTC().Truncate(time.Second)
	out.Manages = out.Status != "removed" && access.Can(requestOf(ctx).who.Roles, access.ManageSystem)
	out.Known = hookTypes(out.CustomerID != nil)
	if out.Deliveries, err = a.Queries.ListWebhookDeliveries(ctx, v, projections.WebhookDeliveryFilter{WebhookID: out.ID, Outcome: f.Outcome, Paging: f.Paging}); err != nil {
		return out, err
	}
	var of []uuid.UUID
	if out.CustomerID != nil {
		of = append(of, *out.CustomerID)
	}
	out.Desk, err = a.desk(ctx, of)
	return out, err
}
