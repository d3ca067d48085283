package api

import (
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/internal/session"
	"portico/web/pages"
	"portico/web/ui"
)

// SampleMember is somebody of a sample business.
type SampleMember struct {
	Kind      string // contact or staff
	ID, Login uuid.UUID
}

// sampleRoutes are of a server that is looked at or built upon: the page of all components, and
// ways in. They let the sample's people in by the addresses that were printed when its
// server started, without password or second factor. A server of a real business has no such route.
func (a *api) sampleRoutes() {
	if a.Sample == nil {
		return
	}
	show(a, "/ui", public, "ShowComponents", func(ctx context.Context) (templ.Component, error) {
		return pages.Components(ui.Shell(requestOf(ctx).parameter("shell"))), nil
	}, "shell")
	op := a.pageOperation(http.MethodGet, "/sample/{end}", public, "SignInToSample", nil)
	huma.Register(a.huma, op, func(ctx context.Context, in *struct {
		End string `path:"end" maxLength:"100"`
	}) (*sent, error) {
		m, ok := a.Sample(in.End)
		if !ok {
			return nil, problem(http.StatusNotFound, "sample.ended", "this address is of an earlier start: the server printed others")
		}
		who, err := a.Commands.LoginOf(ctx, a.tenantOf(ctx), m.Login)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		rq := requestOf(ctx)
		token, s, err := a.Sessions.Begin(ctx, session.New{Tenant: a.tenantOf(ctx), Login: m.Login, Realm: m.Kind, Membership: m.ID, Stage: session.Full,
			Factors: []string{"password", "app"}, Credentials: who.Credentials(), Origin: rq.origin(), Replaces: rq.token})
		if err != nil {
			return nil, a.failed(ctx, a.over(err))
		}
		rq.enter(s)
		return &sent{Status: http.StatusSeeOther, Location: "/", SetCookie: []string{a.cookies.Set(token)}, Body: []byte{}}, nil
	})
}
