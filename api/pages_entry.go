package api

import (
	"context"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	doors "portico/internal/people"
	"portico/web/pages"
)

// entryPages are for who was invited, and for the first owner. Looking at a link uses nothing
// up: scanners of mail open what they find.
func (a *api) entryPages(e entries) {
	invitation := show(a, "/invitation", public, "ShowInvitation", a.invitationSheet, "token")
	form(a, "/invitation", public, "SendInvitation", shows(e.open, func(o doors.Opened) templ.Component {
		return pages.Register(o.Exchange, o.NeedsCode, o.Realm)
	}), invitation, taking("token"))
	form(a, "/invitation/accept", public, "SendRegistration", shows(e.accept, func(done doors.Accepted) templ.Component {
		return pages.Registered(done.Realm)
	}), registrationSheet, taking("needs_code", "realm"))
	form(a, "/invitation/again", public, "SendInvitationAgain", shows(e.again, func(Done) templ.Component { return pages.Mailed() }), invitation, taking("token"))
	form(a, "/invitation/join", self, "SendJoin", then(e.join, func(context.Context, doors.Accepted) string { return "/switch" }), invitation, taking("token"))

	setup := show(a, "/setup", public, "ShowSetUp", fixed(pages.SetUp))
	form(a, "/setup", public, "SendSetUp", shows(e.setUp, func(done doors.Accepted) templ.Component { return pages.Registered(done.Realm) }), setup)

	confirm := show(a, "/confirm", halfway, "ShowConfirm", confirmSheet, "next")
	form(a, "/confirm", halfway, "SendConfirm", then(a.confirmMe, onwards), confirm, taking("next"))
}

// invitationSheet offers to take an invitation up: by registering, or with the login that is
// there already.
func (a *api) invitationSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	token := rq.form.Typed["token"]
	if token == "" {
		token = rq.parameter("token")
	}
	return pages.Invitation(token, a.signedIn(ctx)), nil
}

// signedIn tells whether whoever looks at a page for anybody has signed in.
func (a *api) signedIn(ctx context.Context) bool {
	rq := requestOf(ctx)
	if rq.session != nil {
		return true
	}
	return rq.token != "" && a.Sessions != nil && a.goesOnAtAll(ctx, rq)
}

func registrationSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	return pages.Register(rq.form.Typed["exchange"], rq.parameter("needs_code") == "true", rq.parameter("realm")), nil
}

func confirmSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	return pages.Confirm(withNext("/confirm", localPath(rq.parameter("next"))), rq.goesTo()), nil
}

// lately is a page for which somebody must have shown a factor in the last minutes (8.3.3): so
// that nobody fills a form in that is then refused.
func (a *api) lately(made sheet) sheet {
	return func(ctx context.Context) (templ.Component, error) {
		if rq := requestOf(ctx); rq.session != nil && !rq.session.Confirmed(a.Clock()) {
			return nil, unconfirmed()
		}
		return made(ctx)
	}
}

// confirmFirst is where somebody shows once more who they are, and then goes on.
func (rq *request) confirmFirst() string {
	next := rq.local()
	if next == "" { // a form: to the page that has its address, or to the first one
		u, _ := url.Parse(rq.asked) // it was routed by it
		if next = localPath(u.Path); strings.HasPrefix(u.Path, "/login/") || strings.HasPrefix(u.Path, "/security/") {
			next = "/security"
		}
	}
	return withNext("/confirm", next)
}
