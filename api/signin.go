package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/session"
	"portico/internal/signin"
)

// signInRoutes are how people come in. What is answered to a stranger says nothing about who
// is known here.
func (a *api) signInRoutes() {
	act(a, http.MethodPost, "/v1/sign-in", public, "SignIn", a.signIn)
	act(a, http.MethodPost, "/v1/sign-in/passkey/begin", public, "BeginPasskeySignIn", a.beginPasskeySignIn)
	act(a, http.MethodPost, "/v1/sign-in/passkey/finish", public, "FinishPasskeySignIn", a.finishPasskeySignIn)
	act(a, http.MethodPost, "/v1/sign-in/link/request", public, "RequestSignInLink", a.requestLink)
	act(a, http.MethodPost, "/v1/sign-in/link", public, "SignInByLink", a.signInByLink)
	act(a, http.MethodPost, "/v1/password/forgot", public, "ForgotPassword", a.forgotPassword)
	act(a, http.MethodPost, "/v1/password/reset", public, "ResetPassword", a.resetPassword)
	act(a, http.MethodPost, "/v1/email/confirm", public, "ConfirmEmail", a.confirmEmail)
	act(a, http.MethodPost, "/v1/email/undo", public, "UndoEmail", a.undoEmail)

	act(a, http.MethodPost, "/v1/sign-in/provider/begin", public, "BeginProviderSignIn", a.beginProvider)
	act(a, http.MethodPost, "/v1/sign-in/provider/finish", public, "FinishProviderSignIn", a.finishProvider)

	act(a, http.MethodPost, "/v1/sign-in/second-factor", halfway, "ShowSecondFactor", a.showSecondFactor)
	act(a, http.MethodPost, "/v1/sign-in/second-factor/passkey/begin", halfway, "BeginPasskeySecondFactor", a.beginPasskeyConfirm)
	act(a, http.MethodPost, "/v1/sign-in/second-factor/passkey/finish", halfway, "FinishPasskeySecondFactor", a.finishPasskeySecond)
	a.credentialRoutes()
}

// by is who asks, as far as they are known.
func (a *api) by(ctx context.Context) commands.Caller {
	by := requestOf(ctx).caller()
	by.Tenant = a.tenantOf(ctx)
	return by
}

// enters begins a session for whoever has shown who they are.
func (a *api) enters(ctx context.Context, out signin.Outcome, err error) (*signed[MySession], error) {
	if err != nil {
		return nil, err
	}
	rq := requestOf(ctx)
	token, s, err := a.Sessions.Begin(ctx, session.New{Tenant: a.tenantOf(ctx), Login: out.Login, Realm: out.Realm, Membership: out.Membership,
		Stage: out.Stage, Factors: out.Shown, Credentials: out.Credentials, Origin: rq.origin(), Replaces: rq.token})
	if err != nil {
		return nil, err
	}
	return a.trusting(ctx, a.entered(ctx, token, s), s)
}

// goesOn takes a session a step further.
func (a *api) goesOn(ctx context.Context, out signin.Outcome, shown ...string) (*signed[MySession], error) {
	token, s, err := a.Sessions.Raise(ctx, *requestOf(ctx).session, session.Step{Stage: out.Stage, Factors: shown, Membership: out.Membership})
	if err != nil {
		return nil, a.over(err)
	}
	return a.trusting(ctx, a.entered(ctx, token, s), s)
}

// trusting marks the device that somebody has signed in on to the end.
func (a *api) trusting(ctx context.Context, answer *signed[MySession], s session.Session) (*signed[MySession], error) {
	if s.Stage != session.Full {
		return answer, nil
	}
	device, err := a.SignIn.Trust(ctx, s.Tenant, s.Login, requestOf(ctx).device)
	answer.SetCookie = append(answer.SetCookie, a.cookies.SetDevice(device))
	return answer, err
}

// SignInWith is a name and a password.
type SignInWith struct {
	Realm        string    `json:"realm,omitempty" enum:"contact,staff" doc:"As whom: contact if left out"`
	Name         string    `json:"name" minLength:"1" maxLength:"254" doc:"E-mail address or user name"`
	Password     string    `json:"password" minLength:"1" maxLength:"1000"`
	MembershipID uuid.UUID `json:"membership_id,omitzero" doc:"Which of one's memberships to go in as; the one used last if left out"`
}

func realm(s string) string {
	if s == "" {
		return login.Contact
	}
	return s
}

func (a *api) signIn(ctx context.Context, in *inBody[SignInWith]) (*signed[MySession], error) {
	b := in.Body
	out, err := a.SignIn.SignIn(ctx, a.by(ctx), signin.Attempt{Realm: realm(b.Realm), Name: b.Name, Password: b.Password,
		Membership: b.MembershipID, Device: requestOf(ctx).device})
	return a.enters(ctx, out, err)
}

type nothing struct{}

func answered[B any](body B, err error) (*signed[B], error) {
	if err != nil {
		return nil, err
	}
	return &signed[B]{Body: body}, nil
}

func (a *api) beginPasskeySignIn(ctx context.Context, _ *inBody[nothing]) (*signed[signin.Ceremony], error) {
	return answered(a.SignIn.BeginPasskeySignIn(ctx, a.by(ctx)))
}

// PasskeyShown is what a browser's passkey has answered.
type PasskeyShown struct {
	signin.Response
	MembershipID uuid.UUID `json:"membership_id,omitzero" doc:"Which of one's memberships to go in as; the one used last if left out"`
}

func (a *api) finishPasskeySignIn(ctx context.Context, in *inBody[PasskeyShown]) (*signed[MySession], error) {
	out, err := a.SignIn.FinishPasskeySignIn(ctx, a.by(ctx), in.Body.Response, in.Body.MembershipID)
	return a.enters(ctx, out, err)
}

// WhoAsks is a name that a link is asked for.
type WhoAsks struct {
	Realm string `json:"realm,omitempty" enum:"contact,staff" doc:"As whom: contact if left out"`
	Name  string `json:"name" minLength:"1" maxLength:"254" doc:"E-mail address or user name"`
}

// done is the answer to everybody, whether there is such a name or not.
func done(err error) (*signed[Done], error) { return answered(Done{true}, err) }

func (a *api) requestLink(ctx context.Context, in *inBody[WhoAsks]) (*signed[Done], error) {
	return done(a.SignIn.RequestLink(ctx, a.by(ctx), in.Body.Name))
}

// ByLink is the end of a link that came by mail: what stands behind the #.
type ByLink struct {
	Token        string    `json:"token" minLength:"1" maxLength:"200"`
	MembershipID uuid.UUID `json:"membership_id,omitzero" doc:"Which of one's memberships to go in as; the one used last if left out"`
}

func (a *api) signInByLink(ctx context.Context, in *inBody[ByLink]) (*signed[MySession], error) {
	out, err := a.SignIn.SignInByLink(ctx, a.by(ctx), in.Body.Token, in.Body.MembershipID)
	return a.enters(ctx, out, err)
}

func (a *api) forgotPassword(ctx context.Context, in *inBody[WhoAsks]) (*signed[Done], error) {
	return done(a.SignIn.Forgot(ctx, a.by(ctx), realm(in.Body.Realm), in.Body.Name))
}

// NewPassword comes with the end of a link.
type NewPassword struct {
	Token    string `json:"token" minLength:"1" maxLength:"200"`
	Password string `json:"password" minLength:"1" maxLength:"1000"`
}

func (a *api) resetPassword(ctx context.Context, in *inBody[NewPassword]) (*signed[Done], error) {
	return done(a.SignIn.Reset(ctx, a.by(ctx), in.Body.Token, in.Body.Password))
}

// LinkOnly is the end of a link.
type LinkOnly struct {
	Token string `json:"token" minLength:"1" maxLength:"200"`
}

func (a *api) confirmEmail(ctx context.Context, in *inBody[LinkOnly]) (*signed[Done], error) {
	have, err := a.Sessions.Open(ctx, a.tenantOf(ctx), requestOf(ctx).token)
	if err != nil && !isEnded(err) {
		return nil, err
	}
	return done(a.SignIn.ConfirmEmail(ctx, a.by(ctx), in.Body.Token, have.ID))
}

func (a *api) undoEmail(ctx context.Context, in *inBody[LinkOnly]) (*signed[Done], error) {
	return done(a.SignIn.UndoEmail(ctx, a.by(ctx), in.Body.Token))
}

// SecondFactor is one of them.
type SecondFactor struct {
	Code         string `json:"code,omitempty" maxLength:"10" doc:"Of the authenticator app"`
	RecoveryCode string `json:"recovery_code,omitempty" maxLength:"40"`
}

// at refuses what does not belong to the stage of signing in: nobody skips one.
func (a *api) at(ctx context.Context, stages ...string) (session.Session, error) {
	s := *requestOf(ctx).session
	if !slices.Contains(stages, s.Stage) {
		return s, domain.Refused("session.stage", "this is not what signing in needs now: see stage at GET /v1/me")
	}
	return s, nil
}

func (a *api) showSecondFactor(ctx context.Context, in *inBody[SecondFactor]) (*signed[MySession], error) {
	s, err := a.at(ctx, session.SecondFactor)
	if err != nil {
		return nil, err
	}
	out, err := a.SignIn.Second(ctx, a.by(ctx), s, signin.Given{Code: in.Body.Code, RecoveryCode: in.Body.RecoveryCode})
	if err != nil {
		return nil, err
	}
	return a.goesOn(ctx, out, out.Shown...)
}

func (a *api) finishPasskeySecond(ctx context.Context, in *inBody[signin.Response]) (*signed[MySession], error) {
	s, err := a.at(ctx, session.SecondFactor)
	if err != nil {
		return nil, err
	}
	shown, err := a.SignIn.ConfirmPasskey(ctx, a.by(ctx), s, in.Body)
	if err != nil {
		return nil, err
	}
	out, err := a.SignIn.Again(ctx, a.by(ctx), s, shown)
	if err != nil {
		return nil, err
	}
	return a.goesOn(ctx, out, shown)
}

// Elsewhere is where to send a browser.
type Elsewhere struct {
	URL string `json:"url" doc:"Of the other provider; it sends the browser back to /sign-in/provider with code and state"`
}

func (a *api) beginProvider(ctx context.Context, _ *inBody[nothing]) (*signed[Elsewhere], error) {
	url, token, err := a.SignIn.BeginProvider(ctx, a.by(ctx))
	if err != nil {
		return nil, err
	}
	return &signed[Elsewhere]{SetCookie: []string{a.cookies.SetProvider(token)}, Body: Elsewhere{url}}, nil
}

// FromElsewhere is what a browser brings back from the other provider.
type FromElsewhere struct {
	Code  string `json:"code" minLength:"1" maxLength:"4000"`
	State string `json:"state" minLength:"1" maxLength:"200"`
}

func (a *api) finishProvider(ctx context.Context, in *inBody[FromElsewhere]) (*signed[MySession], error) {
	out, err := a.SignIn.FinishProvider(ctx, a.by(ctx), signin.Returned{Code: in.Body.Code, State: in.Body.State, Token: requestOf(ctx).sent})
	return a.enters(ctx, out, err)
}
