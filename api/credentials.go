package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/session"
	"portico/internal/signin"
)

// credentialRoutes are about what people sign in with, their own. Whoever must choose a
// password or enrol a second factor before anything else can do that.
func (a *api) credentialRoutes() {
	act(a, http.MethodPost, "/v1/me/password", halfway, "ChangeMyPassword", a.changePassword, sensitive)
	act(a, http.MethodPost, "/v1/me/email", self, "ChangeMyEmail", a.changeEmail, sensitive)
	about(a, "/v1/me/second-factors", halfway, "ListMySecondFactors", a.listFactors)
	act(a, http.MethodPost, "/v1/me/second-factors/app/begin", halfway, "BeginAuthenticatorApp", a.beginApp, sensitive)
	act(a, http.MethodPost, "/v1/me/second-factors/app/finish", halfway, "FinishAuthenticatorApp", a.finishApp, sensitive)
	act(a, http.MethodPost, "/v1/me/second-factors/passkey/begin", halfway, "BeginPasskey", a.beginPasskey, sensitive)
	act(a, http.MethodPost, "/v1/me/second-factors/passkey/finish", halfway, "FinishPasskey", a.finishPasskey, sensitive)
	act(a, http.MethodPost, "/v1/me/second-factors/{id}/remove", self, "RemoveMySecondFactor", a.removeFactor, sensitive)
	act(a, http.MethodPost, "/v1/me/recovery-codes", self, "MakeMyRecoveryCodes", a.makeRecoveryCodes, sensitive)
	act(a, http.MethodPost, "/v1/me/confirm/passkey/begin", self, "BeginPasskeyConfirmation", a.beginPasskeyConfirm)
	act(a, http.MethodPost, "/v1/me/confirm/passkey/finish", self, "FinishPasskeyConfirmation", a.confirmByPasskey)
}

// Confirmation is Deps.Confirm by signing in: the password, a code of the authenticator app,
// or a recovery code, which is longer.
func Confirmation(s *signin.Service) func(context.Context, commands.Caller, session.Session, Proof) ([]string, error) {
	return func(ctx context.Context, by commands.Caller, of session.Session, with Proof) ([]string, error) {
		given := signin.Given{Password: with.Password, Code: with.Code}
		if len(with.Code) > 10 {
			given.Code, given.RecoveryCode = "", with.Code
		}
		shown, err := s.Confirm(ctx, by, of, given)
		return []string{shown}, err
	}
}

// PasswordChange is the present password and the next.
type PasswordChange struct {
	Current string `json:"current" minLength:"1" maxLength:"1000"`
	New     string `json:"new" minLength:"1" maxLength:"1000" doc:"At least 12 characters; of staff with a letter and a digit, and none of the last four"`
}

func (a *api) changePassword(ctx context.Context, in *inBody[PasswordChange]) (*signed[MySession], error) {
	s, err := a.at(ctx, session.Full, session.Password)
	if err != nil {
		return nil, err
	}
	out, err := a.SignIn.ChangePassword(ctx, a.by(ctx), s, in.Body.Current, in.Body.New)
	if err != nil {
		return nil, err
	}
	return a.goesOn(ctx, out, "password")
}

// NewEmail is another address to sign in with.
type NewEmail struct {
	Email string `json:"email" minLength:"3" maxLength:"254" doc:"It counts once a link that is mailed there was followed"`
}

func (a *api) changeEmail(ctx context.Context, in *inBody[NewEmail]) (*signed[Done], error) {
	return done(a.SignIn.RequestEmail(ctx, a.by(ctx), *requestOf(ctx).session, in.Body.Email))
}

// MyFactor is a second factor of whoever asks.
type MyFactor struct {
	ID   uuid.UUID `json:"id"`
	Kind string    `json:"kind" enum:"totp,passkey"`
	Name string    `json:"name"`
}

// MyFactors are all of them.
type MyFactors struct {
	Items []MyFactor `json:"items" nullable:"false"`
}

func (a *api) listFactors(ctx context.Context) (MyFactors, error) {
	s := *requestOf(ctx).session
	who, err := a.Commands.LoginOf(ctx, s.Tenant, s.Login)
	out := MyFactors{Items: []MyFactor{}}
	for _, f := range who.Factors() {
		out.Items = append(out.Items, MyFactor{f.ID, f.Kind, f.Name})
	}
	return out, err
}

func (a *api) beginApp(ctx context.Context, _ *inBody[nothing]) (*signed[signin.NewApp], error) {
	s, err := a.at(ctx, session.Full, session.Enrol)
	if err != nil {
		return nil, err
	}
	return answered(a.SignIn.BeginApp(ctx, a.by(ctx), s.Login))
}

// AppCode proves that an app is set up.
type AppCode struct {
	FactorID uuid.UUID `json:"factor_id"`
	Code     string    `json:"code" minLength:"6" maxLength:"6"`
	Name     string    `json:"name" minLength:"1" maxLength:"100" example:"Phone"`
}

// Enrolled is the session that goes on, and codes for when the factor is lost.
type Enrolled struct {
	Session       MySession `json:"session"`
	RecoveryCodes []string  `json:"recovery_codes" nullable:"false" doc:"With the first second factor: each good for once, shown this once"`
}

// enrolled goes on in a session in which a second factor was just enrolled, and thereby shown.
func (a *api) enrolled(ctx context.Context, s session.Session, codes []string, shown string) (*signed[Enrolled], error) {
	out, err := a.SignIn.Again(ctx, a.by(ctx), s, shown)
	if err != nil {
		return nil, err
	}
	on, err := a.goesOn(ctx, out, shown)
	if err != nil {
		return nil, err
	}
	return &signed[Enrolled]{SetCookie: on.SetCookie, Body: Enrolled{on.Body, append([]string{}, codes...)}}, nil
}

func (a *api) finishApp(ctx context.Context, in *inBody[AppCode]) (*signed[Enrolled], error) {
	s, err := a.at(ctx, session.Full, session.Enrol)
	if err != nil {
		return nil, err
	}
	codes, err := a.SignIn.FinishApp(ctx, a.by(ctx), s, signin.AppCode(in.Body))
	if err != nil {
		return nil, err
	}
	return a.enrolled(ctx, s, codes, "totp")
}

func (a *api) beginPasskey(ctx context.Context, _ *inBody[nothing]) (*signed[signin.Ceremony], error) {
	s, err := a.at(ctx, session.Full, session.Enrol)
	if err != nil {
		return nil, err
	}
	return answered(a.SignIn.BeginPasskey(ctx, a.by(ctx), s.Login))
}

// PasskeyMade is what a browser has made, and how its owner calls it.
type PasskeyMade struct {
	signin.Response
	Name string `json:"name" minLength:"1" maxLength:"100" example:"Laptop"`
}

func (a *api) finishPasskey(ctx context.Context, in *inBody[PasskeyMade]) (*signed[Enrolled], error) {
	s, err := a.at(ctx, session.Full, session.Enrol)
	if err != nil {
		return nil, err
	}
	codes, err := a.SignIn.FinishPasskey(ctx, a.by(ctx), s, in.Body.Response, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return a.enrolled(ctx, s, codes, "passkey")
}

func (a *api) removeFactor(ctx context.Context, in *inPath[nothing]) (*signed[Done], error) {
	return done(a.SignIn.RemoveFactor(ctx, a.by(ctx), *requestOf(ctx).session, in.ID))
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	Codes []string `json:"recovery_codes" nullable:"false" doc:"Each good for once; those before are void"`
}

func (a *api) makeRecoveryCodes(ctx context.Context, _ *inBody[nothing]) (*signed[RecoveryCodes], error) {
	codes, err := a.SignIn.RecoveryCodes(ctx, a.by(ctx), requestOf(ctx).session.Login)
	return answered(RecoveryCodes{append([]string{}, codes...)}, err)
}

func (a *api) beginPasskeyConfirm(ctx context.Context, _ *inBody[nothing]) (*signed[signin.Ceremony], error) {
	return answered(a.SignIn.BeginPasskeyConfirm(ctx, a.by(ctx), requestOf(ctx).session.Login))
}

func (a *api) confirmByPasskey(ctx context.Context, in *inBody[signin.Response]) (*signed[MySession], error) {
	s := *requestOf(ctx).session
	shown, err := a.SignIn.ConfirmPasskey(ctx, a.by(ctx), s, in.Body)
	if err != nil {
		return nil, err
	}
	token, s, err := a.Sessions.Raise(ctx, s, session.Step{Factors: []string{shown}})
	if err != nil {
		return nil, a.over(err)
	}
	return a.entered(ctx, token, s), nil
}
