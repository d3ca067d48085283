package api

import (
	"context"
	"slices"

	"github.com/a-h/templ"

	"portico/domain"
	"portico/web/pages"
)

// securityPages are what somebody signs in with, and where they are signed in.
func (a *api) securityPages() {
	page := show(a, "/security", self, "ShowSecurity", a.securitySheet)
	password := show(a, "/security/password", self, "ShowPasswordChange", a.lately(fixed(pages.ChangePassword)))
	form(a, "/security/password", self, "SendPasswordChange", then(a.changePassword, leads[MySession]("/security?done=password")), password, sensitive)
	form(a, "/security/recovery-codes", self, "SendRecoveryCodes", shows(a.makeRecoveryCodes, func(c RecoveryCodes) templ.Component {
		return pages.RecoveryCodes(c.Codes)
	}), page, sensitive)
	removal := show(a, "/security/factors/{id}/remove", self, "ShowFactorRemoval", a.lately(a.removalSheet))
	form(a, "/security/factors/{id}/remove", self, "SendFactorRemoval", then(a.removeFactor, leads[Done]("/security?done=factor_removed")), removal, sensitive)
	form(a, "/security/sessions/{id}/end", self, "SendSessionEnd", then(a.endMySession, leads[Done]("/security?done=session_ended")), page)
	out := show(a, "/security/sign-out-everywhere", self, "ShowSignOutEverywhere", fixed(pages.SignOutEverywhere))
	form(a, "/security/sign-out-everywhere", leaving, "SendSignOutEverywhere", then(a.signOut, leads[Done]("/login")), out)
	form(a, "/security/sign-out-others", self, "SendSignOutOthers", then(a.endMyOtherSessions, leads[Done]("/security?done=others_ended")), out)

	show(a, "/profile", self, "ShowProfile", a.profileSheet)
	show(a, "/security/passkey", self, "ShowNewPasskey", a.lately(fixed(pages.NewPasskey)))

	email := show(a, "/security/email", self, "ShowEmailChange", a.lately(a.emailSheet))
	form(a, "/security/email", self, "SendEmailChange", then(a.changeEmail, leads[Done]("/security?done=email_asked")), email, sensitive)
}

// leads is where a form leads that says no more.
func leads[B any](to string) func(context.Context, B) string {
	return func(context.Context, B) string { return to }
}

func (a *api) securitySheet(ctx context.Context) (templ.Component, error) {
	me, err := a.getMe(ctx)
	if err != nil {
		return nil, err
	}
	factors, err := a.listFactors(ctx)
	if err != nil {
		return nil, err
	}
	sessions, err := a.listMySessions(ctx)
	out := pages.MySecurity{Name: me.Name, Email: me.Email}
	for _, f := range factors.Items {
		out.Factors = append(out.Factors, pages.MyFactor{ID: f.ID, Kind: f.Kind, Name: f.Name})
	}
	for _, s := range sessions.Items {
		out.Sessions = append(out.Sessions, pages.MySession{ID: s.ID, Current: s.Current, Device: s.Device, Network: s.Network, UsedAt: s.UsedAt})
	}
	return pages.Security(out), err
}

func (a *api) emailSheet(ctx context.Context) (templ.Component, error) {
	me, err := a.getMe(ctx)
	return pages.ChangeEmail(me.Email), err
}

// removalSheet asks before a second factor is removed.
func (a *api) removalSheet(ctx context.Context) (templ.Component, error) {
	factors, err := a.listFactors(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(factors.Items, func(f MyFactor) bool { return f.ID == pathID(ctx) })
	if i < 0 {
		return nil, domain.NotFound("second_factor.unknown", "there is no such second factor")
	}
	f := factors.Items[i]
	return pages.RemoveFactor(pages.MyFactor{ID: f.ID, Kind: f.Kind, Name: f.Name}, len(factors.Items) == 1), nil
}

func (a *api) profileSheet(ctx context.Context) (templ.Component, error) {
	me, err := a.getMe(ctx)
	return pages.Profile(pages.Me{Name: me.Name, Email: me.Email, Username: me.Username, As: me.Membership, All: me.Memberships}), err
}
