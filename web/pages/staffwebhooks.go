package pages

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// Hooks are a list of webhooks.
type Hooks struct {
	Listed[projections.Webhook]
	Status  string // as asked for
	Manages bool   // whoever looks may register and change them
}

// Hook is a webhook with what was sent to it lately.
type Hook struct {
	projections.Webhook
	Desk
	Deliveries projections.Page[projections.WebhookDelivery]
	Outcome    string // as asked for
	Known      []HookType
	Now        time.Time
	Manages    bool
}

// HookType is an event that a webhook may be told of, and when it comes, in English.
type HookType struct{ Type, When string }

// HookForm is what a new webhook may be.
type HookForm struct {
	Of     *projections.CustomerName // whose system it is; nil: the business's own
	OfID   uuid.UUID
	Search string
	Found  *projections.Page[projections.CustomerSummary] // to choose from
	Types  []HookType
}

func (h Hook) path(act string) string { return "/staff/webhooks/" + h.ID.String() + act }

// called is what a webhook is known by.
func hookName(w projections.Webhook) string { return cmp.Or(w.Description, w.URL) }

func (h Hook) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{hookCrumb(ctx), {Label: hookName(h.Webhook), Href: h.path("")}}
}

func hookCrumb(ctx context.Context) ui.Link {
	return ui.Link{Label: t(ctx, "staff.nav_webhooks"), Href: "/staff/webhooks"}
}

var hookTones = map[string]struct {
	tone ui.Tone
	icon string
}{
	"enabled": {ui.OK, "check"}, "disabled": {ui.Warn, "circle-alert"}, "removed": {ui.Plain, "x"},
	"delivered": {ui.OK, "check"}, "failed": {ui.Bad, "circle-x"}, "skipped": {ui.Plain, "minus"},
}

// hookChip is the status of a webhook, or what came of an attempt.
func hookChip(ctx context.Context, status string) templ.Component {
	look := hookTones[status]
	return ui.ChipOf(look.tone, look.icon, t(ctx, "staff.webhooks.is_"+status))
}

func hookViews(ctx context.Context, parameter, all string, names ...string) []ui.Link {
	links := []ui.Link{{Label: all, Href: With(ctx, parameter, "")}}
	for _, name := range names {
		links = append(links, ui.Link{Key: name, Label: t(ctx, "staff.webhooks.is_"+name), Href: With(ctx, parameter, name)})
	}
	return links
}

// hookTypeOptions are all types, and those that are set and stand for several.
func hookTypeOptions(ctx context.Context, known []HookType, set []string) (all []ui.Option) {
	if typed := sent(ctx).Typed; typed != nil {
		set = strings.Split(typed["types"], ",")
	}
	for _, k := range known {
		all = append(all, ui.Option{Value: k.Type, Label: k.Type, Hint: k.When, Chosen: slices.Contains(set, k.Type)})
	}
	for _, s := range set {
		if s != "" && !slices.ContainsFunc(known, func(k HookType) bool { return k.Type == s }) {
			all = append(all, ui.Option{Value: s, Label: s, Chosen: true})
		}
	}
	return all
}

// hookSince are from when on what failed is sent again.
func hookSince(ctx context.Context, now time.Time) (all []ui.Option) {
	for _, s := range []struct {
		key  string
		back time.Duration
	}{{"hour", time.Hour}, {"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}} {
		all = append(all, ui.Option{Value: now.Add(-s.back).Format(time.RFC3339), Label: t(ctx, "staff.webhooks.since_"+s.key)})
	}
	return all
}

func hookOverlaps(ctx context.Context) (all []ui.Option) {
	for _, hours := range []string{"24", "0", "168"} {
		all = append(all, ui.Option{Value: hours, Label: t(ctx, "staff.webhooks.overlap_"+hours), Chosen: sent(ctx).Typed["overlap_hours"] == hours})
	}
	return all
}

// hookReasons are why a webhook is disabled or removed.
func hookReasons(ctx context.Context) (all []ui.Option) {
	for _, code := range []string{"maintenance", "unused", "replaced", "security", "other"} {
		all = append(all, ui.Option{Value: code, Label: t(ctx, "staff.webhooks.reason_"+code), Chosen: sent(ctx).Typed["reason.code"] == code})
	}
	return all
}

// says is why it is not told, or how long it has two secrets.
func (h Hook) says(ctx context.Context) []string {
	p := text.Of(ctx)
	var all []string
	if h.Status == "disabled" && h.Why != "" {
		all = append(all, t(ctx, "staff.webhooks.why_"+h.Why))
	}
	if h.FailingSince != nil {
		all = append(all, t(ctx, "staff.webhooks.failing_since", "at", p.Time(*h.FailingSince, h.Zone)))
	}
	if h.OldSecretUntil != nil && h.OldSecretUntil.After(h.Now) {
		all = append(all, t(ctx, "staff.webhooks.two_secrets", "until", p.Time(*h.OldSecretUntil, h.Zone)))
	}
	return all
}
