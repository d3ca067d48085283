// Package invitation decides what may happen to the invitation of one member: a contact of
// a customer, or a member of staff. A member has one at most, which may be sent again; who
// returns is a new member with a new one, and the old one stays dead (E25).
package invitation

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Sent]("invitation.sent"),
	domain.TypeOf[Superseded]("invitation.superseded"),
	domain.TypeOf[Cancelled]("invitation.cancelled"),
	domain.TypeOf[Expired]("invitation.expired"),
	domain.TypeOf[Accepted]("invitation.accepted"),
	domain.TypeOf[Refused]("invitation.refused"),
}

// Event is one of the types above.
type Event = domain.Event[Invitation]

// The kinds of member, as in login.joined.
const (
	Contact = "contact"
	Staff   = "staff"
)

// Why a link is refused.
const (
	WhyExpired    = "expired"
	WhyUsed       = "used"
	WhyCancelled  = "cancelled"
	WhySuperseded = "superseded"
	WhyWithdrawn  = "withdrawn" // the member was removed, its access revoked, or it has another address
)

// Invitation holds what decisions need.
type Invitation struct {
	status  string // "", sent, cancelled, expired, accepted
	sent    Sent   // the latest
	login   uuid.UUID
	refused map[string]int
}

// Inviter is who invites: what it may give is asked again at acceptance (E26).
type Inviter struct {
	Kind string    `json:"kind"` // of actor
	ID   uuid.UUID `json:"id"`
}

// Sent says that somebody was invited: a link goes to the mailbox, or is handed over. The
// link itself is nowhere in history.
type Sent struct {
	No         int           `json:"no"`        // from 1: each sending has links of its own
	Kind       string        `json:"kind"`      // contact or staff
	MemberID   uuid.UUID     `json:"member_id"` // the contact, or the member of staff
	CustomerID uuid.UUID     `json:"customer_id,omitzero"`
	Email      string        `json:"email,omitempty" personal:"member_id"` // the invited mailbox
	ExpiresAt  time.Time     `json:"expires_at"`
	HandedOver bool          `json:"handed_over,omitempty"` // not mailed: whoever invited has the link
	Grants     access.Grants `json:"grants,omitempty"`      // given at acceptance
	Preset     string        `json:"preset,omitempty"`
	Moves      int           `json:"moves,omitempty"` // of the member when it was sent: a later one kills it
	Inviter    Inviter       `json:"inviter"`
}

// Evolve makes it live.
func (e Sent) Evolve(s Invitation) Invitation {
	s.status, s.sent = "sent", e
	return s
}

// Superseded says that the links of a sending are dead, because there is a later one.
type Superseded struct {
	No int `json:"no"`
}

// Evolve changes nothing: Sent follows.
func (e Superseded) Evolve(s Invitation) Invitation { return s }

// Cancelled says that the person is not invited any more.
type Cancelled struct{}

// Evolve ends it.
func (e Cancelled) Evolve(s Invitation) Invitation {
	s.status = "cancelled"
	return s
}

// Expired says that nobody came in time.
type Expired struct {
	No int `json:"no"`
}

// Evolve ends it.
func (e Expired) Evolve(s Invitation) Invitation {
	s.status = "expired"
	return s
}

// Accepted says that a human has taken the membership up.
type Accepted struct {
	No      int       `json:"no"`
	LoginID uuid.UUID `json:"login_id"`
}

// Evolve ends it.
func (e Accepted) Evolve(s Invitation) Invitation {
	s.status, s.login = "accepted", e.LoginID
	return s
}

// Refused says that somebody came with a link that is dead.
type Refused struct {
	No  int    `json:"no"`
	Why string `json:"why"` // expired, used, cancelled, superseded, withdrawn
}

// Evolve counts.
func (e Refused) Evolve(s Invitation) Invitation {
	counts := map[string]int{e.Why: 1}
	for why, n := range s.refused {
		counts[why] += n
	}
	s.refused = counts
	return s
}

// Latest is the latest sending; its No is 0 if there was none.
func (s Invitation) Latest() Sent { return s.sent }

// Live tells whether somebody may still come, at an instant.
func (s Invitation) Live(now time.Time) bool {
	return s.status == "sent" && now.Before(s.sent.ExpiresAt)
}

// Status is sent, cancelled, expired or accepted; "" before it was sent.
func (s Invitation) Status() string { return s.status }

// LoginID is who has accepted; the nil UUID: nobody.
func (s Invitation) LoginID() uuid.UUID { return s.login }

// Dead says why a link of a sending opens nothing at an instant; "": it does. moves are the
// member's now.
func (s Invitation) Dead(no, moves int, now time.Time) string {
	switch {
	case s.status == "accepted":
		return WhyUsed
	case s.status == "cancelled":
		return WhyCancelled
	case no != s.sent.No:
		return WhySuperseded
	case moves != s.sent.Moves:
		return WhyWithdrawn
	case !s.Live(now):
		return WhyExpired
	}
	return ""
}

// LinkPath is where links lead; the token follows. No log or journal of ours has queries, no
// other site is told, and looking at the page uses nothing up.
const LinkPath = "/invitation?token="

// Mail is the id of the mail with the link of a sending.
func Mail(id uuid.UUID, no int) uuid.UUID { return domain.DerivedID(id, "mail", strconv.Itoa(no)) }

// ID is that of a member's invitation.
func ID(member uuid.UUID) uuid.UUID { return domain.DerivedID(member, "invitation") }
