package api

import (
	"context"

	"portico/domain"
	"portico/internal/session"
)

// viewAsContact lets a staff member see the portal as a contact sees it: with a reason, for
// 15 minutes, looking only (E32, I10).
func (a *api) viewAsContact(ctx context.Context, in *inPath[domain.Because]) (*signed[MySession], error) {
	rq := requestOf(ctx)
	if rq.session == nil {
		return nil, domain.Forbidden("session.needed", "a person who has signed in can do this, not an API key")
	}
	standing, err := a.Sessions.Rights.Of(ctx, rq.who.Tenant, in.ID)
	switch {
	case err != nil:
		return nil, err
	case !standing.Active:
		return nil, domain.NotFound("contact.unknown", "there is no such contact")
	case len(standing.Seen()) == 0:
		return nil, domain.Refused("contact.portal_shut", "the portal is shut for this contact's customer: there is nothing to see")
	}
	token, s, err := a.Sessions.ViewAs(ctx, *rq.session, session.View{Contact: in.ID, Reason: in.Body.Reason, Origin: rq.origin()})
	if err != nil {
		return nil, a.over(err)
	}
	return a.entered(ctx, token, s), nil
}

func (a *api) endViewAs(ctx context.Context, _ *inBody[endSession]) (*signed[MySession], error) {
	rq := requestOf(ctx)
	if rq.session.Impersonator == nil {
		return nil, domain.Refused("session.not_viewing", "you see the portal as yourself")
	}
	token, s, err := a.Sessions.Return(ctx, *rq.session, rq.origin())
	if err != nil {
		return nil, a.over(err)
	}
	return a.entered(ctx, token, s), nil
}
