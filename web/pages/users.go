package pages

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// UserList are the people of somebody's company.
type UserList struct {
	projections.Page[projections.User]
	Me      uuid.UUID
	Invites bool // whether the viewer may invite
}

// UserPage is one of them, or somebody to be invited, and what the viewer may do about it.
type UserPage struct {
	projections.User
	You              bool
	Mine             access.Grants   // the viewer's: it gives no more (I11)
	Off              []access.Module // switched off for the customer
	Manages, Invites bool
}

// areas are the modules by what they are about, in the order of the design.
var areas = []struct {
	title   string // text "users.area." + title
	modules []access.Module
}{
	{"account", []access.Module{access.Invoices, access.Account, access.Documents, access.Orders}},
	{"work", []access.Module{access.Jobs, access.Diary, access.Quotes, access.Messages}},
	{"property", []access.Module{access.Sites, access.Assets, access.Certificates, access.Reports}},
	{"company", []access.Module{access.Profile, access.Users}},
}

// permission is a module in the form: one tick for each action, or one for what is kept.
type permission struct {
	module access.Module
	kept   bool // what is held of it is more than the form can show, or than the viewer may give
	ticks  []ui.Option
}

// permissions are those of some modules that the viewer may give, or that are held already.
func (u UserPage) permissions(ctx context.Context, of []access.Module) (all []permission) {
	typed, again := sent(ctx).Typed["ticks"]
	ticked, kept := strings.Split(typed, ","), strings.Split(sent(ctx).Typed["kept"], ",")
	again = again || sent(ctx).Code != ""
	for _, m := range of {
		if slices.Contains(u.Off, m) {
			continue
		}
		p, held := permission{module: m}, u.Grants.Of(m)
		if len(held) > 0 && (!plain(held) || !access.Within(u.Mine, held)) {
			p.kept = true
			p.ticks = []ui.Option{{Value: string(m), Label: t(ctx, "users.keep"), Chosen: !again || slices.Contains(kept, string(m))}}
			all = append(all, p)
			continue
		}
		for _, action := range m.Actions() {
			if !access.Within(u.Mine, access.Grants{{Module: m, Actions: []access.Action{action}}}) {
				continue
			}
			value := string(m) + "/" + string(action)
			chosen := held.Any(m, action)
			if again {
				chosen = slices.Contains(ticked, value)
			}
			p.ticks = append(p.ticks, ui.Option{Value: value, Label: t(ctx, "users.action."+string(action)), Chosen: chosen})
		}
		if len(p.ticks) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// name is the field of a permission's ticks.
func (p permission) name() string {
	if p.kept {
		return "kept"
	}
	return "ticks"
}

// plain grants allow actions of all of a customer's things: what ticks can say.
func plain(g access.Grants) bool {
	return len(g) == 1 && !g[0].Deny && g[0].Scope.Specificity() == 0
}

// presets are the ready-made permissions that the viewer may give, and first to choose them one
// by one. What a preset gives in a module that is switched off shows nothing.
func (u UserPage) presets(ctx context.Context) (all []ui.Option) {
	chosen := sent(ctx).Typed["preset"]
	for _, name := range access.Presets() {
		if g, err := access.Preset(name); err == nil && access.Within(u.Mine, g) {
			all = append(all, ui.Option{Value: name, Label: t(ctx, "users.preset."+name), Hint: t(ctx, "users.preset_hint."+name), Chosen: name == chosen})
		}
	}
	return append(all, ui.Option{Value: "", Label: t(ctx, "users.preset.own"), Hint: t(ctx, "users.preset_hint.own"), Chosen: chosen == ""})
}

// mayWhat sums up what somebody may do, or was promised.
func mayWhat(ctx context.Context, u projections.User) string {
	g := u.Grants
	if len(g) == 0 && u.Status() == "invited" && u.Invited.Preset != "" {
		return t(ctx, "users.preset."+u.Invited.Preset)
	}
	if len(g) == 0 {
		return t(ctx, "users.may_nothing")
	}
	for _, name := range access.Presets() {
		if of, err := access.Preset(name); err == nil && reflect.DeepEqual(of, g) {
			return t(ctx, "users.preset."+name)
		}
	}
	var names []string
	for _, a := range areas {
		for _, m := range a.modules {
			if len(g.Of(m)) > 0 {
				names = append(names, t(ctx, "users.module."+string(m)))
			}
		}
	}
	if len(names) > 3 {
		return n(ctx, "users.areas", len(names))
	}
	return strings.Join(names, ", ")
}

// heldOf is what somebody may do in a module, in words.
func heldOf(ctx context.Context, g access.Grants, m access.Module) string {
	if !plain(g.Of(m)) {
		return t(ctx, "users.partly")
	}
	var words []string
	for _, a := range m.Actions() {
		if g.Any(m, a) {
			words = append(words, t(ctx, "users.action."+string(a)))
		}
	}
	return strings.Join(words, ", ")
}

// stands says since when somebody's status is what it is.
func stands(ctx context.Context, u projections.User) string {
	p := text.Of(ctx)
	switch i := u.Invited; {
	case u.Status() == "invited":
		return t(ctx, "users.until", "time", p.Day(i.ExpiresAt, time.UTC))
	case u.Status() == "none" && i != nil && i.Status == "expired":
		return t(ctx, "users.expired", "time", p.Day(i.ExpiresAt, time.UTC))
	case u.Status() == "none" && i != nil && i.Status == "cancelled":
		return t(ctx, "users.cancelled")
	}
	return ""
}

// acts are what can be done about somebody, each on a page of its own.
func (u UserPage) acts() (all []string) {
	status := u.Status()
	if u.You {
		return nil
	}
	if u.Invites && status == "invited" {
		all = append(all, "resend", "cancel")
	}
	if u.Invites && status == "none" && u.Email != "" {
		all = append(all, "invite")
	}
	if u.Manages && status != "revoked" && (len(u.Grants) > 0 || status == "invited") {
		all = append(all, "revoke")
	}
	if u.Manages {
		all = append(all, "remove")
	}
	return all
}

// needsWord are the acts that send a mail: the word is typed for them (S2.4).
func needsWord(act string) bool { return act == "invite" || act == "resend" }

func actIcon(act string) string {
	switch act {
	case "invite", "resend":
		return "send"
	case "remove":
		return "trash-2"
	case "cancel":
		return "x"
	}
	return "user-x"
}

// whyGone is why access is taken away, recorded with it.
func whyGone(ctx context.Context) (all []ui.Option) {
	for _, code := range []string{"left", "changed_role", "mistake", "security", "other"} {
		all = append(all, ui.Option{Value: code, Label: t(ctx, "users.reason."+code), Chosen: sent(ctx).Typed["reason.code"] == code})
	}
	return all
}

// mailLanguages are those that mails to somebody can be written in.
func mailLanguages(ctx context.Context) []ui.Option {
	all := []ui.Option{{Value: "", Label: t(ctx, "users.language_default")}}
	for _, l := range text.Languages {
		all = append(all, ui.Option{Value: l.Code, Label: l.Name, Chosen: sent(ctx).Typed["language"] == l.Code})
	}
	return all
}

// withValue are the options but for the one without a value.
func withValue(all []ui.Option) []ui.Option {
	return slices.DeleteFunc(all, func(o ui.Option) bool { return o.Value == "" })
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// searchedFor is the pill of a text that is looked for.
func searchedFor(ctx context.Context, q string) []ui.Link {
	if q == "" {
		return nil
	}
	return []ui.Link{{Label: q, Href: With(ctx, "q", "")}}
}
