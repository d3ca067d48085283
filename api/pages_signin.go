package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/a-h/templ"

	"portico/web/pages"
)

// pageRoutes are what people see in a browser: each form calls what programs call.
func (a *api) pageRoutes() {
	a.frameRoutes()
	a.staffMoneyPages()
	a.sampleRoutes()
	a.liveRoutes()
	a.moneyPages()
	a.accountPages()
	a.securityPages()
	a.auditPages()
	a.auditAccountPages()
	a.auditAccessPages()
	a.auditRecordPages()
	a.linkPages()
	a.staffCustomerPages()
	a.staffCustomerActPages()
	a.staffFilePages()
	a.staffSystemPages()
	a.userPages()
	a.companyPages()
	a.settingsPages()
	a.staffContactPages()
	a.staffTeamPages()
	a.staffKeyPages()
	a.staffWebhookPages()
	signIn := show(a, "/login", public, "ShowSignIn", a.signInSheet, "next", "realm")
	form(a, "/login", public, "SendSignIn", then(a.signIn, onwards), signIn, taking("next", "realm"))
	second := show(a, "/login/second-factor", halfway, "ShowSecondFactorPage", secondFactorSheet, "next")
	form(a, "/login/second-factor", halfway, "SendSecondFactor", then(a.showSecondFactor, onwards), second, taking("next"))
	own := show(a, "/login/password", halfway, "ShowOwnPassword", passwordSheet, "next")
	form(a, "/login/password", halfway, "SendOwnPassword", then(a.changePassword, onwards), own, taking("next"), sensitive)
	enrol := show(a, "/login/enrol", halfway, "ShowEnrolment", fixed(pages.Enrol), "next")
	form(a, "/login/enrol", halfway, "SendEnrolment", shows(a.beginAppPage, pages.AppSetUp), enrol, taking("next"), sensitive)
	form(a, "/login/enrol/finish", halfway, "SendAppCode", shows(a.finishApp, func(e Enrolled) templ.Component { return pages.RecoveryCodes(e.RecoveryCodes) }), appSheet, sensitive)

	forgotten := show(a, "/password/forgot", public, "ShowForgotten", forgottenSheet, "realm")
	form(a, "/password/forgot", public, "SendForgotten", shows(a.forgotPassword, func(Done) templ.Component { return pages.Mailed() }), forgotten, taking("realm"))
	reset := show(a, "/password/reset", public, "ShowReset", resetSheet, "token")
	form(a, "/password/reset", public, "SendReset", shows(a.resetPassword, func(Done) templ.Component { return pages.PasswordSet() }), reset, taking("token"))

	home := show(a, "/", self, "ShowHome", a.homeSheet)
	as := show(a, "/switch", self, "ShowSwitch", a.switchSheet)
	form(a, "/switch", self, "SendSwitch", then(a.switchMembership, onwards), as)
	form(a, "/sign-out", leaving, "SendSignOut", then(a.signOut, func(context.Context, Done) string { return "/login" }), home)
	form(a, "/view-as/end", leaving, "SendEndViewAs", then(a.endViewAs, onwards), home)
	form(a, "/language", public, "SendLanguage", then(a.chooseLanguage, func(ctx context.Context, _ Done) string {
		return localOrLogin(requestOf(ctx).parameter("back"))
	}), nil, taking("back"))
}

// fixed is a page that is made of nothing but its frame.
func fixed(draw func() templ.Component) sheet {
	return func(context.Context) (templ.Component, error) { return draw(), nil }
}

func (a *api) signInSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	ways, err := a.ways(ctx)
	return pages.SignIn(realmAsked(rq), withNext("/login", localPath(rq.parameter("next"))), rq.goesTo(), ways), err
}

// realmAsked is as whom somebody signs in: the address of staff says so.
func realmAsked(rq *request) string {
	if rq.form.Typed["realm"] == "staff" || rq.parameter("realm") == "staff" {
		return "staff"
	}
	return "contact"
}

func secondFactorSheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	return pages.SecondFactor(withNext("/login/second-factor", localPath(rq.parameter("next"))), rq.goesTo()), nil
}

// goesTo is where a passkey leads: if signing in needs more, that page leads to it.
func (rq *request) goesTo() string { return cmp.Or(localPath(rq.parameter("next")), "/") }

func passwordSheet(ctx context.Context) (templ.Component, error) {
	return pages.OwnPassword(withNext("/login/password", localPath(requestOf(ctx).parameter("next")))), nil
}

// appSheet is the page with the code again. The secret is shown once, and kept by no page.
func appSheet(ctx context.Context) (templ.Component, error) {
	return pages.AppSetUp(pages.App{FactorID: requestOf(ctx).form.Typed["factor_id"]}), nil
}

func (a *api) beginAppPage(ctx context.Context, in *inBody[nothing]) (*signed[pages.App], error) {
	made, err := a.beginApp(ctx, in)
	if err != nil {
		return nil, err
	}
	size, path, err := made.Body.QR()
	if err != nil {
		return nil, err
	}
	return &signed[pages.App]{Body: pages.App{FactorID: made.Body.FactorID.String(), Secret: made.Body.Secret, URL: made.Body.URL, Code: pages.QR{Size: size, Path: path}}}, nil
}

func forgottenSheet(ctx context.Context) (templ.Component, error) {
	return pages.Forgotten(realmAsked(requestOf(ctx))), nil
}

// resetSheet has the end of the link in a hidden field: from the address, which no log has and
// no other site is told (Referrer-Policy). Looking at the page uses nothing up.
func resetSheet(ctx context.Context) (templ.Component, error) {
	return pages.Reset(requestOf(ctx).parameter("token")), nil
}

// switchSheet asks as whom somebody wants to be here.
func (a *api) switchSheet(ctx context.Context) (templ.Component, error) {
	me, err := a.getMe(ctx)
	if err != nil {
		return nil, err
	}
	return pages.Switch(me.Name, me.Membership, me.Memberships), nil
}

// Language is one that pages are written in.
type Language struct {
	Language string `json:"language" enum:"en,de,es,pl,ar"`
}

func (a *api) chooseLanguage(_ context.Context, in *inBody[Language]) (*signed[Done], error) {
	c := http.Cookie{Name: languageCookie, Value: in.Body.Language, Path: "/", MaxAge: 365 * 24 * 3600,
		Secure: !a.cookies.Plain, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	return &signed[Done]{SetCookie: []string{c.String()}, Body: Done{true}}, nil
}

// languageCookie keeps the language that was chosen. It says nothing of who chose it.
const languageCookie = "portico-language"

func localOrLogin(to string) string {
	if p := localPath(to); p != "" {
		return p
	}
	return "/login"
}
