package pages

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/web/text"
)

// MySecurity is what somebody signs in with, and where they are signed in.
type MySecurity struct {
	Name, Email string
	Factors     []MyFactor
	Sessions    []MySession
}

// MyFactor is a second factor: an authenticator app or a passkey.
type MyFactor struct {
	ID         uuid.UUID
	Kind, Name string
}

func (f MyFactor) removal() string { return "/security/factors/" + f.ID.String() + "/remove" }

// Me is who somebody is, and what they belong to.
type Me struct {
	Name, Email, Username string
	As                    *commands.Membership // nil: of none
	All                   []commands.Membership
}

func (m Me) here(at commands.Membership) bool { return m.As != nil && m.As.ID == at.ID }

// place is what somebody belongs to: a customer, or the business itself.
func (m Me) place(ctx context.Context, at commands.Membership) string {
	return cmp.Or(at.Customer, of(ctx).Tenant.Name)
}

// MySession is a place where somebody is signed in.
type MySession struct {
	ID              uuid.UUID
	Current         bool
	Device, Network string
	UsedAt          time.Time
}

// at is a moment as its reader's clock has it, in UTC: a session has no place of its own.
func at(ctx context.Context, m time.Time) string { return text.Of(ctx).Instant(m) }

func device(ctx context.Context, s MySession) string {
	if s.Device == "" {
		return t(ctx, "security.unknown_device")
	}
	return s.Device
}
