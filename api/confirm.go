package api

import (
	"context"

	"portico/domain"
	"portico/internal/session"
)

// Proof is what shows that it is still the same person.
type Proof struct {
	Password string `json:"password,omitempty" maxLength:"256" doc:"The password"`
	Code     string `json:"code,omitempty" maxLength:"40" doc:"Of the authenticator app, or a recovery code"`
}

// confirmMe takes a factor once more, for what is sensitive (8.3.3). The session goes on
// under another token.
func (a *api) confirmMe(ctx context.Context, in *inBody[Proof]) (*signed[MySession], error) {
	rq := requestOf(ctx)
	if _, err := a.at(ctx, session.Full, session.Enrol); err != nil { // to enrol is sensitive itself
		return nil, err
	}
	if (in.Body.Password == "") == (in.Body.Code == "") {
		return nil, domain.Invalid("session.proof", "give either the password or a code")
	}
	factors, err := a.Confirm(ctx, rq.caller(), *rq.session, in.Body)
	if err != nil {
		return nil, err
	}
	token, s, err := a.Sessions.Raise(ctx, *rq.session, session.Step{Factors: factors})
	if err != nil {
		return nil, a.over(err)
	}
	return a.entered(ctx, token, s), nil
}
