package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/auth"
	"portico/internal/pg"
	"portico/internal/session"
)

// protection keeps pages of others from having a browser change something here (SECURITY
// §4). Portico's own pages may stand behind a proxy that calls it by another name.
func protection(publicURL string) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if u, err := url.Parse(publicURL); err == nil && u.Scheme != "" && u.Host != "" {
		_ = p.AddTrustedOrigin(u.Scheme + "://" + u.Host) // it is one: both parts are there
	}
	return p
}

// sameOrigin refuses a change that a browser asks for on behalf of another origin. A
// request with an API key is no browser's doing: it would not know the key.
func (a *api) sameOrigin(r *http.Request) error {
	if r.Header.Get("Authorization") != "" || a.origins.Check(r) == nil {
		return nil
	}
	return domain.Forbidden("request.cross_origin", "a page of another origin may not ask for this")
}

// background tells whether a page asks by itself, and nobody sits before it.
func background(r *http.Request) bool {
	return r.Header.Get("Portico-Background") != "" || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// tenantOf is the tenant that a request is about.
func (a *api) tenantOf(ctx context.Context) string { return cmp.Or(pg.TenantOf(ctx), a.Tenant, "main") }

func (a *api) admitSession(rq *request, r *http.Request, token string) error {
	if a.Sessions == nil {
		return ended()
	}
	found, who, err := a.Sessions.Authenticate(r.Context(), session.Asked{Tenant: a.tenantOf(r.Context()), Token: token, Background: rq.background})
	switch {
	case isEnded(err):
		return ended()
	case err != nil:
		return err
	}
	rq.who, rq.session = who, &found
	return nil
}

func ended() error {
	return problem(http.StatusUnauthorized, "session.ended", "you are not signed in any more: sign in again")
}

// stages says what stands between a stage of signing in and its end.
var stages = map[string]string{
	session.SecondFactor: "show your second factor first",
	session.Enrol:        "set a second factor up first",
	session.Password:     "choose a password of your own first",
}

// mayNow refuses what somebody may do in principle, but not in this session at this time:
// halfway through signing in, or seeing the portal as somebody else.
func (a *api) mayNow(rq *request, op *huma.Operation, who policy) error {
	s := rq.session
	switch {
	case s == nil:
		return nil
	case s.Stage != session.Full && !who.halfway:
		return domain.Forbidden("session."+s.Stage+"_required", "%s", cmp.Or(stages[s.Stage], "sign in first"))
	case s.Membership == uuid.Nil && !who.self:
		return domain.Forbidden("session.membership_required", "choose as whom first, at /v1/me/switch")
	case s.Impersonator != nil && op.Method != http.MethodGet && !who.looking:
		return domain.Forbidden("caller.impersonating", "you see the portal as somebody else: you can look, and change nothing")
	}
	return nil
}

// showsLately refuses what is sensitive long after somebody has shown who they are (8.3.3).
func (a *api) showsLately(rq *request, op *huma.Operation) error {
	if rq.session != nil && op.Metadata["sensitive"] == true && !rq.session.Confirmed(a.Clock()) {
		return unconfirmed()
	}
	return nil
}

func unconfirmed() error {
	return domain.Forbidden("session.confirm_required", "show once more that it is you, at /v1/me/confirm")
}

// sensitive marks an operation for which somebody who signed in must have shown a factor
// in the last minutes (8.3.3).
func sensitive(op *huma.Operation) {
	op.Metadata["sensitive"] = true
	op.Description += " In a session only shortly after signing in or confirming."
}

// signed is an answer that may give a session's cookie, or take it away.
type signed[B any] struct {
	SetCookie     []string `header:"Set-Cookie" doc:"The session's cookie"`
	ClearSiteData string   `header:"Clear-Site-Data"`
	Body          B
}

// act is what people do about themselves. No answer to it is kept under an
// Idempotency-Key: cookies and credentials are nothing to keep.
func act[I, B any](a *api, method, path string, who policy, name string, f func(context.Context, *I) (*signed[B], error), more ...option) {
	op := a.operation(method, path, who, name)
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusTooManyRequests)
	op.Metadata["forgotten"] = true
	op.RequestBody = &huma.RequestBody{}
	for _, change := range more {
		change(&op)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*signed[B], error) {
		// From here on a client that goes away changes nothing.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
		defer cancel()
		requestOf(ctx).begun = true // it is no repetition: these are never kept
		out, err := f(ctx, in)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return out, nil
	})
	a.mayBeEmpty(op.RequestBody)
}

type (
	inBody[C any] struct{ Body C }
	inPath[C any] struct {
		ID   uuid.UUID `path:"id"`
		Body C
	}
)

// about is a question of people about themselves.
func about[R any](a *api, path string, who policy, name string, f func(context.Context) (R, error)) {
	huma.Register(a.huma, a.operation(http.MethodGet, path, who, name), func(ctx context.Context, _ *struct{}) (*struct{ Body R }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTime)
		defer cancel()
		body, err := f(ctx)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &struct{ Body R }{body}, nil
	})
}

func isEnded(err error) bool {
	return errors.Is(err, session.ErrEnded) || errors.Is(err, auth.ErrInvalid)
}

// enter makes rq's session the one that was just begun or raised: the access log names it.
func (rq *request) enter(s session.Session) {
	rq.session = &s
	rq.who.Session, rq.who.Login = s.ID, s.Login
}
