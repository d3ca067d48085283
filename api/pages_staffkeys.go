package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/apikey"
	"portico/internal/auth"
	"portico/projections"
	"portico/web/pages"
)

const staffKeys = "/staff/keys"

// staffKeyPages are about what programs call the portal with.
func (a *api) staffKeyPages() {
	group := projections.Access.Name
	look(a, staffKeys, group, watchers, "ShowKeys", a.keyList, func(_ projections.Paging, list pages.Keys) templ.Component { return pages.KeysPage(list) })
	issue := show(a, staffKeys+"/new", systems, "ShowKeyNew", a.lately(a.newKeySheet), "contact_id")
	form(a, staffKeys+"/new", systems, "SendKey", a.issueKey, issue, sensitive)
	revoke := lookAt(a, staffKeys+"/{id}/revoke", group, systems, "ShowKeyRevoke", func(ctx context.Context, v projections.Viewer, id uuid.UUID) (projections.APIKey, error) {
		if err := a.handsOver(ctx, true); err != nil {
			return projections.APIKey{}, err
		}
		return a.Queries.GetAPIKey(ctx, v, id)
	}, pages.KeyRevoke)
	gives(a, staffKeys+"/{id}/revoke", systems, "SendKeyRevoke", "key_revoked", ofOne(a.Auth.Revoke), ledTo[inID[apikey.Revoke]](staffKeys), revoke, sensitive)
}

func (a *api) keyList(ctx context.Context, v projections.Viewer, p projections.Paging) (out pages.Keys, err error) {
	out.Manages = access.Can(requestOf(ctx).who.Roles, access.ManageSystem)
	if out.Page, err = a.Queries.ListAPIKeys(ctx, v, p); err != nil {
		return out, err
	}
	out.Desk, err = a.desk(ctx, nil)
	return out, err
}

// newKeySheet asks what a key is for: a program of the business's, or the contact whose page led
// here. Offered are the kinds that may no more than who makes the key (7.2.1).
func (a *api) newKeySheet(ctx context.Context) (templ.Component, error) {
	rq := requestOf(ctx)
	var form pages.KeyForm
	given := cmp.Or(rq.parameter("contact_id"), rq.typed["contact_id"])
	if id, err := uuid.Parse(given); err == nil {
		of, err := a.Queries.GetContact(ctx, rq.viewer(), id)
		if err != nil {
			return nil, err
		}
		form.Contact = &of.Contact
	}
	for _, role := range []access.Role{access.Integration, access.Staff} {
		if !slices.ContainsFunc(access.Capabilities([]access.Role{role}), func(c access.Capability) bool { return !access.Can(rq.who.Roles, c) }) {
			form.Kinds = append(form.Kinds, string(role))
		}
	}
	return pages.KeyNew(form), nil
}

// issueKey makes a key and shows it once: no answer of it is kept.
func (a *api) issueKey(ctx context.Context, in *inPlain[auth.NewKey]) (outcome, error) {
	rq := requestOf(ctx)
	made, err := a.Auth.Create(ctx, rq.caller(), in.Body)
	if err != nil {
		return outcome{}, err
	}
	rq.events = made.Events
	return outcome{Shows: pages.KeyGiven(came(staffKeys, "", made.Position), made.Token)}, nil
}
