package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/session"
)

// sessionRoutes are what people do about being signed in.
func (a *api) sessionRoutes() {
	about(a, "/v1/me", halfway, "GetMe", a.getMe)
	about(a, "/v1/me/sessions", self, "ListMySessions", a.listMySessions)
	act(a, http.MethodPost, "/v1/me/sessions/{id}/end", self, "EndMySession", a.endMySession)
	act(a, http.MethodPost, "/v1/me/sessions/end-others", self, "EndMyOtherSessions", a.endMyOtherSessions)
	act(a, http.MethodPost, "/v1/me/switch", self, "SwitchMembership", a.switchMembership)
	act(a, http.MethodPost, "/v1/me/confirm", halfway, "ConfirmMe", a.confirmMe)
	act(a, http.MethodPost, "/v1/me/sign-out", leaving, "SignOut", a.signOut)
	act(a, http.MethodPost, "/v1/me/view-as/end", leaving, "EndViewAs", a.endViewAs)
	act(a, http.MethodPost, "/v1/contacts/{id}/view-as", policy{staff: access.ViewAs}, "ViewAsContact", a.viewAsContact)
}

// MySession is one of somebody's sessions, as they see it.
type MySession struct {
	ID          uuid.UUID  `json:"id"`
	Current     bool       `json:"current" doc:"The one that asks"`
	Membership  uuid.UUID  `json:"membership_id"`
	Stage       string     `json:"stage" enum:"full,second_factor,enrol,password" doc:"How far signing in has come: short of full only what leads there is open"`
	Factors     []string   `json:"factors" nullable:"false" doc:"What was shown"`
	Device      string     `json:"device,omitempty" example:"Firefox on Windows"`
	Network     string     `json:"network,omitempty" example:"203.0.113.0/24"`
	BeganAt     time.Time  `json:"began_at"`
	UsedAt      time.Time  `json:"used_at" doc:"To the minute"`
	ExpiresAt   time.Time  `json:"expires_at" doc:"However much it is used"`
	ConfirmedTo *time.Time `json:"confirmed_until,omitempty" doc:"Until then what is sensitive needs no confirmation"`
	ViewsAs     bool       `json:"views_as,omitempty" doc:"The portal is seen as a contact in it"`
}

func (a *api) shown(s session.Session, current uuid.UUID) MySession {
	m := MySession{
		ID: s.ID, Current: s.ID == current, Membership: s.Membership, Stage: s.Stage, Factors: s.Factors, Device: s.Device, Network: s.Network,
		BeganAt: s.BeganAt, UsedAt: s.UsedAt, ExpiresAt: s.ExpiresAt, ViewsAs: s.Impersonator != nil,
	}
	if m.Factors == nil {
		m.Factors = []string{}
	}
	if s.Confirmed(a.Clock()) {
		until := s.ConfirmedAt.Add(session.Fresh)
		m.ConfirmedTo = &until
	}
	return m
}

// entered is the answer that lets somebody go on in a session, under its new token.
func (a *api) entered(ctx context.Context, token string, s session.Session) *signed[MySession] {
	requestOf(ctx).enter(s)
	return &signed[MySession]{SetCookie: []string{a.cookies.Set(token)}, Body: a.shown(s, s.ID)}
}

// MySessions are all of somebody's.
type MySessions struct {
	Items []MySession `json:"items" nullable:"false"`
}

func (a *api) listMySessions(ctx context.Context) (MySessions, error) {
	have := *requestOf(ctx).session
	all, err := a.Sessions.List(ctx, have.Tenant, have.Login)
	out := MySessions{Items: make([]MySession, len(all))}
	for i, s := range all {
		out.Items[i] = a.shown(s, have.ID)
	}
	return out, err
}

// Done is the answer where there is nothing to say.
type Done struct {
	Done bool `json:"done" doc:"false: it was so already"`
}

type endSession struct{}

func (a *api) endMySession(ctx context.Context, in *inPath[endSession]) (*signed[Done], error) {
	rq := requestOf(ctx)
	of := *rq.session
	of.ID = in.ID
	ended, err := a.Sessions.End(ctx, rq.caller(), of, session.EndedByUser)
	if err == nil && !ended {
		err = domain.NotFound("session.unknown", "you have no such session")
	}
	out := &signed[Done]{Body: Done{ended}}
	if in.ID == rq.session.ID {
		out.SetCookie = []string{a.cookies.Clear()}
	}
	return out, err
}

// endMyOtherSessions ends all but the one that asks, wherever they are.
func (a *api) endMyOtherSessions(ctx context.Context, _ *inPlain[nothing]) (*signed[Done], error) {
	s := *requestOf(ctx).session
	return &signed[Done]{Body: Done{true}}, a.Sessions.EndAll(ctx, s.Tenant, s.Login, s.ID, session.Everywhere)
}

// SignOutOf says how much to end.
type SignOutOf struct {
	Everywhere bool `json:"everywhere,omitempty" doc:"All sessions on all devices"`
}

// What a browser is to forget: pages and what they stored. Cookies are named one by one:
// the one that says that this device was here before stays.
const forget = `"cache", "storage"`

func (a *api) signOut(ctx context.Context, in *inBody[SignOutOf]) (*signed[Done], error) {
	rq := requestOf(ctx)
	of := *rq.session
	if of.Parent != nil { // who leaves while seeing as somebody else leaves altogether
		of.ID = *of.Parent
	}
	_, err := a.Sessions.End(ctx, rq.caller(), of, session.SignedOut)
	if err == nil && in.Body.Everywhere {
		err = a.Sessions.EndAll(ctx, rq.session.Tenant, rq.session.Login, uuid.Nil, session.Everywhere)
	}
	return &signed[Done]{SetCookie: []string{a.cookies.Clear()}, ClearSiteData: forget, Body: Done{true}}, err
}

// SwitchTo names another of one's memberships.
type SwitchTo struct {
	MembershipID uuid.UUID `json:"membership_id" doc:"As GET /v1/me lists them"`
}

func (a *api) switchMembership(ctx context.Context, in *inBody[SwitchTo]) (*signed[MySession], error) {
	have := *requestOf(ctx).session
	token, s, err := a.Sessions.Switch(ctx, have, in.Body.MembershipID, requestOf(ctx).origin())
	if err != nil {
		return nil, a.over(err)
	}
	return a.entered(ctx, token, s), nil
}

// over makes a problem of a session that ended while it was worked on.
func (a *api) over(err error) error {
	if isEnded(err) {
		return ended()
	}
	return err
}
