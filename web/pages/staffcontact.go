package pages

import (
	"context"
	"slices"
	"strings"
	"time"

	"portico/domain/access"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// ContactFile is what staff have of a contact, and what they may do about it.
type ContactFile struct {
	projections.ContactFile
	Customer projections.CustomerName
	Zone     *time.Location // the business's
	Now      time.Time
	Stream   string   // of its history
	Declines []string // topics of mails that the contact does without
	Manages  bool     // may change all of it
	Audits   bool     // may read history
	Keys     bool     // may make API keys
}

func (c ContactFile) path(act string) string { return "/staff/contacts/" + c.ID.String() + act }

func (c ContactFile) crumbs(ctx context.Context) []ui.Link {
	return []ui.Link{{Label: c.Customer.Name, Href: deskCustomerPath(c.CustomerID)}, {Label: c.Name, Href: c.path("")}}
}

// pending tells whether an invitation could still be taken up.
func (c ContactFile) pending() bool { return c.Invitation != nil && c.Invitation.Status == "sent" }

// resends tells whether there is an invitation to send again.
func (c ContactFile) resends() bool {
	return c.Invitation != nil && (c.Invitation.Status == "sent" || c.Invitation.Status == "expired")
}

// door is how a contact stands at the door: the key of a chip, and what is said beside it.
func (c ContactFile) door(ctx context.Context) (status, says string) {
	p := text.Of(ctx)
	switch i := c.Invitation; {
	case !c.Active && c.RemovedAt != nil:
		return "revoked", t(ctx, "staff.person.removed_on", "at", p.Time(*c.RemovedAt, c.Zone))
	case c.LoginID != nil:
		return "active", t(ctx, "staff.person.joined")
	case i == nil:
		return "none", t(ctx, "staff.person.never_invited")
	case i.Status == "sent":
		return "invited", t(ctx, "staff.person.invited_until", "sent", p.Time(i.SentAt, c.Zone), "until", p.Time(i.ExpiresAt, c.Zone))
	case i.Status == "expired":
		return "none", t(ctx, "staff.person.invite_expired", "at", p.Time(i.ExpiresAt, c.Zone))
	}
	return "none", t(ctx, "staff.person.invite_over")
}

// grantRow is a module of the matrix.
type grantRow struct {
	module access.Module
	held   access.Grants // of it
}

// plain tells whether ticks can say what is held: one grant that names nothing and denies nothing.
func (r grantRow) plain() bool {
	if len(r.held) != 1 {
		return len(r.held) == 0
	}
	s := r.held[0].Scope
	named := s
	named.PrimaryContact, named.CreatedByMe = false, false
	return !r.held[0].Deny && named.Specificity() == 0 && !(s.PrimaryContact && s.CreatedByMe)
}

func (r grantRow) scope() string {
	switch {
	case len(r.held) == 1 && r.held[0].Scope.PrimaryContact:
		return "main"
	case len(r.held) == 1 && r.held[0].Scope.CreatedByMe:
		return "own"
	}
	return "all"
}

// ticked tells whether a tick is set: as it was sent, or as it is.
func (r grantRow) ticked(ctx context.Context, a access.Action) bool {
	if typed := sent(ctx).Typed; typed != nil {
		return slices.Contains(strings.Split(typed["ticks"], ","), string(r.module)+"/"+string(a))
	}
	return r.plain() && r.held.Any(r.module, a)
}

func (r grantRow) kept(ctx context.Context) bool {
	if typed := sent(ctx).Typed; typed != nil {
		return slices.Contains(strings.Split(typed["kept"], ","), string(r.module))
	}
	return true
}

func (r grantRow) scopes(ctx context.Context) (all []ui.Option) {
	chosen := r.scope()
	if typed := sent(ctx).Typed; typed != nil {
		chosen = typed["scopes."+string(r.module)]
	}
	for _, s := range []string{"all", "main", "own"} {
		all = append(all, ui.Option{Value: s, Label: t(ctx, "staff.person.scope_"+s), Chosen: s == chosen})
	}
	return all
}

// said is a grant that no ticks can say, in words.
func grantSaid(ctx context.Context, g access.Grant) string {
	var actions, about []string
	for _, a := range g.Actions {
		actions = append(actions, t(ctx, "staff.person.action_"+string(a)))
	}
	p := text.Of(ctx)
	for _, named := range []struct {
		what string
		n    int
	}{{"customers", len(g.Scope.Customers)}, {"sites", len(g.Scope.Sites)}, {"branches", len(g.Scope.Branches)}, {"contractors", len(g.Scope.Contractors)}} {
		if named.n > 0 {
			about = append(about, p.N("staff.person.of_"+named.what, named.n))
		}
	}
	if g.Scope.PrimaryContact {
		about = append(about, t(ctx, "staff.person.scope_main"))
	}
	if g.Scope.CreatedByMe {
		about = append(about, t(ctx, "staff.person.scope_own"))
	}
	if len(about) == 0 {
		about = []string{t(ctx, "staff.person.scope_all")}
	}
	key := "staff.person.may"
	if g.Deny {
		key = "staff.person.may_not"
	}
	return t(ctx, key, "actions", strings.Join(actions, ", "), "about", strings.Join(about, "; "))
}

// grantGroups are the modules in the order in which people think of them.
var grantGroups = []struct {
	key     string
	modules []access.Module
}{
	{"account", []access.Module{access.Invoices, access.Account, access.Documents, access.Profile, access.Users}},
	{"work", []access.Module{access.Jobs, access.Diary, access.Quotes, access.Orders, access.Messages}},
	{"property", []access.Module{access.Sites, access.Assets, access.Certificates, access.Reports}},
}

var grantActions = []access.Action{access.View, access.Download, access.Export, access.Pay, access.Decide, access.Create, access.Edit, access.Manage}

// contactReasons are why people's access is changed.
var contactReasons = []string{"asked", "role", "left", "security", "mistake", "other"}

func contactOptions(ctx context.Context, kind, chosen string, codes ...string) (all []ui.Option) {
	for _, code := range codes {
		all = append(all, ui.Option{Value: code, Label: t(ctx, "staff.person."+kind+code), Chosen: code == chosen})
	}
	return all
}

// contactField is one of a form about a contact, labelled by the page.
func contactField(ctx context.Context, name, kind, value, label string) ui.Field {
	f := ui.Field{Name: name, Label: label, Kind: kind, Value: value, Fill: "off", Wrong: sent(ctx).wrong(ctx, name)}
	if typed := sent(ctx).Typed; typed != nil {
		f.Value = typed[name]
	}
	return f
}

func contactPresetOptions(ctx context.Context, none string) (all []ui.Option) {
	if none != "" {
		all = append(all, ui.Option{Label: none})
	}
	return append(all, contactOptions(ctx, "preset_", sent(ctx).Typed["preset"], access.Presets()...)...)
}

// contactLanguages are those that people can be written to in, and the one that is set.
func contactLanguages(ctx context.Context, now string) (all []ui.Option) {
	if typed := sent(ctx).Typed; typed != nil {
		now = typed["language"]
	}
	all = append(all, ui.Option{Label: t(ctx, "staff.person.language_default")})
	codes := []string{"en", "de", "es", "pl", "ar"}
	if now != "" && !slices.Contains(codes, now) {
		codes = append(codes, now)
	}
	for _, code := range codes {
		label := code
		if key := "staff.person.language_" + code; text.Has(key) {
			label = t(ctx, key)
		}
		all = append(all, ui.Option{Value: code, Label: label, Chosen: code == now})
	}
	return all
}

func contactPrimary(ctx context.Context, now bool) bool {
	if typed := sent(ctx).Typed; typed != nil {
		return typed["is_primary"] == "true"
	}
	return now
}

// declined are the mails that the contact does without, in words.
func (c ContactFile) declined(ctx context.Context) string {
	var said []string
	for _, topic := range c.Declines {
		said = append(said, t(ctx, "notice_topic."+topic))
	}
	return strings.Join(said, ", ")
}
