package pages

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/projections"
	"portico/web/ui"
)

// Accessor is somebody, or something, that can come in or has been asked to.
type Accessor struct {
	Of         string                   `json:"of"` // staff, contacts, keys or invitations
	ID         uuid.UUID                `json:"id"`
	Name       string                   `json:"name"`
	Email      string                   `json:"email,omitempty"`
	CustomerID uuid.UUID                `json:"customer_id,omitzero"`
	Customer   projections.CustomerName `json:"customer,omitzero"`
	May        string                   `json:"may"` // in one line
	Since      time.Time                `json:"since"`
	Used       *time.Time               `json:"last_used,omitempty"` // nil: never
	State      string                   `json:"state"`               // active, never, unused, shut, no_login or waiting
	Until      *time.Time               `json:"until,omitempty"`     // of an invitation
}

// AccessReview is a part of who has access now (PCI DSS v4 7.2.4).
type AccessReview struct {
	projections.Page[Accessor]
	Of         string
	At         time.Time
	UnusedDays int
}

func (r AccessReview) tabs(ctx context.Context) (all []ui.Link) {
	for _, of := range []string{"staff", "contacts", "keys", "invitations"} {
		all = append(all, ui.Link{Key: of, Label: t(ctx, "staff.review_"+of), Href: "/audit/access?of=" + of})
	}
	return all
}

// accessStates are how the state of an access is shown; its words are the text "staff.review_is_" + key.
var accessStates = map[string]struct {
	tone ui.Tone
	icon string
}{
	"active": {ui.OK, "check"}, "never": {ui.Warn, "clock"}, "unused": {ui.Bad, "circle-alert"},
	"shut": {ui.Plain, "lock"}, "no_login": {ui.Plain, "circle"}, "waiting": {ui.Info, "mail"},
}
