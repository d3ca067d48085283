package pages

import (
	"context"

	"portico/projections"
	"portico/web/ui"
)

// Keys are a list of API keys.
type Keys struct {
	projections.Page[projections.APIKey]
	Desk
	Manages bool // whoever looks may make and revoke them
}

// KeyForm is what a new key may be.
type KeyForm struct {
	Contact *projections.Contact // whose it is to be; nil: a program's of the business
	Kinds   []string             // else, those that whoever asks may make
}

// keyReasons are why a key is revoked.
var keyReasons = []string{"unused", "replaced", "leaked", "mistake", "other"}

func keyKinds(ctx context.Context, kinds []string) (all []ui.Option) {
	for n, k := range kinds {
		chosen := n == 0
		if typed := sent(ctx).Typed; typed != nil {
			chosen = typed["role"] == k
		}
		all = append(all, ui.Option{Value: k, Label: t(ctx, "staff.keys.kind_"+k), Hint: t(ctx, "staff.keys.may_"+k), Chosen: chosen})
	}
	return all
}

func keyReasonOptions(ctx context.Context) (all []ui.Option) {
	for _, code := range keyReasons {
		all = append(all, ui.Option{Value: code, Label: t(ctx, "staff.keys.reason_"+code), Chosen: sent(ctx).Typed["reason.code"] == code})
	}
	return all
}

func keyCrumb(ctx context.Context) ui.Link {
	return ui.Link{Label: t(ctx, "staff.nav_keys"), Href: "/staff/keys"}
}
