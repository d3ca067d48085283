package api

import (
	"context"

	"github.com/a-h/templ"

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
	form(a, "/security/factors/{id}/remove", self, "SendFactorRemoval", then(a.removeFactor, leads[Done]("/security?done=factor_removed")), page, sensitive)
	form(a, "/security/sessions/{id}/end", self, "SendSessionEnd", then(a.endMySession, leads[Done]("/security?done=session_ended")), page)
	form(a, "/security/sign-out-everywhere", leaving, "SendSignOutEverywhere", then(a.signOut, leads[Done]("/login")), page)

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
