package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/session"
	"portico/web/brand"
	"portico/web/pages"
	"portico/web/text"
	"portico/web/ui"
)

// frame is what surrounds a request's page: whose portal it is, who looks at it and where they
// may go, and in which language. What cannot be read is left out: a page without it is better
// than none.
func (a *api) frame(ctx context.Context) (*pages.Frame, *text.Printer) {
	rq := requestOf(ctx)
	f := &pages.Frame{Here: rq.local(), Form: rq.form, Stale: rq.stale}
	t, err := a.Commands.Tenant(ctx, a.tenantOf(ctx))
	if err != nil {
		a.Log.Warn("whose portal it is cannot be read", "error", err)
	}
	look, settings := t.Branding(), t.Settings()
	printer := printerOf(rq, settings.Locale)
	f.Theme, f.Shell, f.Welcome, f.Payment, f.Label = rq.theme, ui.Customer, look.Welcome, look.Payment, t.Label
	f.Tenant.Name, f.Tenant.Contact = cmp.Or(settings.Name, "Portico"), look.Contact
	if look.Logo != "" {
		f.Tenant.Logo = logoPrefix + look.Logo
	}
	if name, _, err := brand.Sheet(look.Colour); err == nil {
		f.Tenant.Brand = brand.Prefix + name
	}
	if said := rq.parameter("done"); said != "" && rq.form.Code == "" {
		f.Done = pages.DoneKey(said, rq.who.Kind == envelope.Staff)
	}
	if rq.session != nil {
		a.inside(ctx, rq, f, printer)
	}
	return f, printer
}

// printerOf is how a request's pages are written, and amounts in its forms.
func printerOf(rq *request, locale string) *text.Printer {
	if rq.who.Kind != envelope.Staff {
		return text.For(text.Choose(rq.language, rq.languages, locale))
	}
	p := text.For(text.Choose(locale, "", "en")) // staff's speak English, and write as the business does
	if p.Lang != "en" {
		p = text.For("en")
	}
	return p
}

// inside adds what is there for who has signed in.
func (a *api) inside(ctx context.Context, rq *request, f *pages.Frame, p *text.Printer) {
	s := *rq.session
	f.SignOut = "/sign-out"
	if s.Stage != session.Full || s.Membership == uuid.Nil {
		return
	}
	me, err := a.getMe(ctx)
	if err != nil {
		a.Log.Warn("who has signed in cannot be read", "error", err)
		return
	}
	f.User.Name = me.Name
	if me.Membership != nil {
		f.User.Name, f.User.Detail = cmp.Or(me.Membership.Name, me.Name), me.Membership.Customer
	}
	if me.ViewedBy != nil {
		f.Viewed, f.SignOut = &pages.Viewed{By: me.ViewedBy.Name, As: f.User.Name}, ""
	}
	switch {
	case rq.who.Kind == envelope.Contact:
		f.Live = true
		f.Nav, f.Tabs, f.Menu = pages.CustomerLinks(p, rq.who.Standing.Open, len(me.Memberships) > 1)
	default:
		can := func(c access.Capability) bool { return access.Can(rq.who.Roles, c) }
		f.Shell, f.Nav, f.Menu = pages.StaffLinks(p, can, len(me.Memberships) > 1)
		if can(access.ReadBusiness) {
			f.Search = "/staff/search"
		}
	}
}

const logoPrefix = "/logo/"

// themeOf is light or dark, as somebody chose it; ui refuses anything else.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil {
		return c.Value
	}
	return ""
}
