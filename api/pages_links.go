package api

import (
	"context"
	"encoding/json"

	"github.com/a-h/templ"

	"portico/web/pages"
)

// linkPages are where links in mails lead, and the way through another provider. Looking at
// them uses nothing up: scanners of mail open what they find. A form hands the link's end in.
func (a *api) linkPages() {
	ask := show(a, "/sign-in/link/request", public, "ShowLinkRequest", fixed(pages.AskForLink))
	form(a, "/sign-in/link/request", public, "SendLinkRequest", shows(a.requestLink, func(Done) templ.Component { return pages.Mailed() }), ask)
	enter := show(a, "/sign-in/link", public, "ShowSignInLink", handsIn(pages.SignInByLink), "token")
	form(a, "/sign-in/link", public, "SendSignInLink", then(a.signInByLink, onwards), enter)
	confirm := show(a, "/email/confirm", public, "ShowEmailConfirmation", handsIn(pages.ConfirmEmail), "token")
	form(a, "/email/confirm", public, "SendEmailConfirmation", shows(a.confirmEmail, func(Done) templ.Component { return pages.EmailConfirmed() }), confirm)
	undo := show(a, "/email/undo", public, "ShowEmailUndoing", handsIn(pages.UndoEmail), "token")
	form(a, "/email/undo", public, "SendEmailUndoing", shows(a.undoEmail, func(Done) templ.Component { return pages.EmailUndone() }), undo)

	begin := show(a, "/sign-in/provider/begin", public, "ShowProviderBeginning", fixed(pages.BeginProvider))
	form(a, "/sign-in/provider/begin", public, "SendProviderBeginning", shows(a.beginProvider, func(to Elsewhere) templ.Component { return pages.GoToProvider(to.URL) }), begin)
	// What providers bring back beside code and state (RFC 6749 4.1.2, RFC 9207) is taken, and not read.
	back := show(a, "/sign-in/provider", public, "ShowProviderReturn", providerSheet, "code", "state", "scope", "iss", "session_state", "error", "error_description", "error_uri")
	form(a, "/sign-in/provider", public, "SendProviderReturn", then(a.finishProvider, onwards), back)
}

// handsIn is a page with the end of a link in a hidden field. A form that was refused because
// somebody asked too often, say, still has it.
func handsIn(draw func(token string) templ.Component) sheet {
	return func(ctx context.Context) (templ.Component, error) {
		rq := requestOf(ctx)
		var sent struct{ Token string }
		if token := rq.parameter("token"); token != "" || json.Unmarshal(rq.body, &sent) != nil {
			sent.Token = token
		}
		return draw(sent.Token), nil
	}
}

// providerSheet has what another provider gave the browser. That the browser comes from another
// site changes nothing yet: somebody goes on from here.
func providerSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	return pages.FromProvider(rq.parameter("code"), rq.parameter("state")), nil
}

// ways are how somebody may sign in beside a password.
func (a *api) ways(ctx context.Context) (w pages.Ways, err error) {
	policy, err := a.Commands.SecurityPolicy(ctx, a.tenantOf(ctx))
	return pages.Ways{Link: policy.EmailLink == "on", Provider: a.SignIn.Provider != nil}, err
}
