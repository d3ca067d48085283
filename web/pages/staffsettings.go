package pages

import (
	"context"
	"slices"
	"strings"

	"portico/domain/access"
	"portico/domain/tenant"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// SettingsSections are the pages of settings, in their order.
var SettingsSections = []string{"brand", "general", "modules", "fields", "jobs", "notifications", "mail", "payments", "security", "places"}

// Business is what a business has decided for all of its customers.
type Business struct {
	projections.Tenant
	Told     projections.NotificationSettings // only for who manages settings
	Security tenant.SecurityPolicy
	Manages  bool // the reader may change them
}

func settingsLinks(ctx context.Context, manages bool) (all []ui.Link) {
	for _, s := range SettingsSections {
		if manages || s != "notifications" && s != "mail" {
			all = append(all, ui.Link{Key: s, Label: t(ctx, "staff.set.section_"+s), Href: "/staff/settings/" + s})
		}
	}
	return all
}

// setOptions are codes to choose of, in words. What was typed counts before what is.
func setOptions(ctx context.Context, name, words, is string, codes ...string) (all []ui.Option) {
	if typed := sent(ctx).Typed; typed != nil {
		is = typed[name]
	}
	for _, code := range codes {
		all = append(all, ui.Option{Value: code, Label: t(ctx, words+code), Chosen: code == is})
	}
	return all
}

func (b Business) moduleTicks(ctx context.Context) (all []ui.Option) {
	typed := sent(ctx).Typed
	for _, m := range access.Modules() {
		on := !slices.Contains(b.Portal.ModulesOff, m)
		if typed != nil {
			on = slices.Contains(strings.Split(typed["on"], ","), string(m))
		}
		all = append(all, ui.Option{Value: string(m), Label: t(ctx, "users.module."+string(m)), Chosen: on, Disabled: !b.Manages})
	}
	return all
}

func (b Business) hidden(f access.Field) bool { return slices.Contains(b.Portal.Hidden, f) }

func jobDays(b Business) (days int, basis string) {
	if b.Portal.JobAge == nil {
		return 0, "created"
	}
	return b.Portal.JobAge.Days, b.Portal.JobAge.Basis
}

func (b Business) route(topic string) string {
	for _, r := range b.Told.Routes {
		if r.Topic == topic {
			return strings.Join(r.Recipients, ", ")
		}
	}
	return ""
}

// setField is a field of settings with its own words.
func setField(ctx context.Context, name, kind, value string) ui.Field {
	label := "staff.label." + name
	if own := "staff.set." + name; text.Has(own) {
		label = own
	}
	f := ui.Field{Name: name, Label: t(ctx, label), Kind: kind, Value: value, Fill: "off", Wrong: sent(ctx).wrong(ctx, name)}
	if typed := sent(ctx).Typed; typed != nil {
		f.Value = typed[name]
	}
	return f
}

func setHinted(ctx context.Context, name, kind, value string) ui.Field {
	f := setField(ctx, name, kind, value)
	f.Hint = t(ctx, "staff.set.hint."+name)
	return f
}
