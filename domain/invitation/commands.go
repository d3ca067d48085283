package invitation

import (
	"reflect"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Word is what whoever invites has to type, exactly (S2.4).
const Word = "Confirm"

// Confirmed refuses another word.
func Confirmed(word string) error {
	if word != Word {
		return domain.Invalid("invitation.confirm", "type the word %q to send the invitation", Word)
	}
	return nil
}

// Send invites a member: afresh, or again after it was cancelled or has expired.
type Send struct {
	Sent // but for No
	Now  time.Time
}

// Decide sends once: a double click is one invitation.
func (c Send) Decide(s Invitation) ([]Event, error) {
	if !c.HandedOver && c.Email == "" {
		return nil, domain.Invalid("invitation.no_address", "this person has no e-mail address: hand the link over, or set a temporary password")
	}
	e := c.Sent
	e.No = s.sent.No + 1
	if s.status == "accepted" {
		return nil, domain.Refused("invitation.accepted", "this person has accepted an invitation already")
	}
	if !s.Live(c.Now) {
		return []Event{e}, nil
	}
	if s.sent.Moves != e.Moves { // nobody can come with what was sent before
		return []Event{Superseded{s.sent.No}, e}, nil
	}
	same := s.sent
	same.No, same.ExpiresAt, same.Inviter = e.No, e.ExpiresAt, e.Inviter
	if !reflect.DeepEqual(same, e) {
		return nil, domain.Refused("invitation.live", "this person is invited already: cancel that first, or send it again")
	}
	return nil, nil
}

// Resend sends what was sent before once more: the links sent before are dead (E26).
type Resend struct {
	Email      string // the member's now
	Moves      int
	ExpiresAt  time.Time
	HandedOver bool
	Inviter    Inviter
}

// Decide sends again, unless somebody came or it was cancelled.
func (c Resend) Decide(s Invitation) ([]Event, error) {
	switch s.status {
	case "":
		return nil, domain.NotFound("invitation.unknown", "there is no such invitation")
	case "accepted":
		return nil, domain.Refused("invitation.accepted", "this person has accepted the invitation already")
	case "cancelled":
		return nil, domain.Refused("invitation.cancelled", "this invitation was cancelled: invite the person again")
	}
	if !c.HandedOver && c.Email == "" {
		return nil, domain.Invalid("invitation.no_address", "this person has no e-mail address: hand the link over, or set a temporary password")
	}
	e := s.sent
	e.No, e.Email, e.Moves, e.ExpiresAt, e.HandedOver, e.Inviter = e.No+1, c.Email, c.Moves, c.ExpiresAt, c.HandedOver, c.Inviter
	return []Event{Superseded{s.sent.No}, e}, nil
}

// Cancel takes an invitation back.
type Cancel struct{ domain.Because }

// Decide cancels once.
func (c Cancel) Decide(s Invitation) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch s.status {
	case "sent", "expired":
		return []Event{Cancelled{}}, nil
	case "cancelled":
		return nil, nil
	case "accepted":
		return nil, domain.Refused("invitation.accepted", "this person has accepted the invitation already: remove the access")
	}
	return nil, domain.NotFound("invitation.unknown", "there is no such invitation")
}

// Expire notes that nobody came in time.
type Expire struct{ Now time.Time }

// Decide notes it once, and not before it is so.
func (c Expire) Decide(s Invitation) ([]Event, error) {
	if s.status != "sent" || s.Live(c.Now) {
		return nil, nil
	}
	return []Event{Expired{s.sent.No}}, nil
}

// Accept takes the membership up by a link of a sending.
type Accept struct {
	No      int
	LoginID uuid.UUID
	Moves   int
	Now     time.Time
}

// Decide accepts once. The same human again is nothing: so a request that was cut off is
// repeated.
func (c Accept) Decide(s Invitation) ([]Event, error) {
	if s.status == "accepted" && s.login == c.LoginID && s.sent.No == c.No {
		return nil, nil
	}
	if why := s.Dead(c.No, c.Moves, c.Now); why != "" {
		return nil, NotOpen()
	}
	return []Event{Accepted{c.No, c.LoginID}}, nil
}

// NotOpen is the one answer to whoever comes with a link that opens nothing, whatever the
// reason (S2.5).
func NotOpen() error {
	return domain.NotFound("invitation.not_open", "this link opens nothing, or nothing any more: ask whoever invited you for another one")
}

// enough refusals of a kind are kept in history; the journal has them all.
const enough = 5

// Refuse notes that somebody came with a dead link.
type Refuse struct {
	No  int
	Why string
}

// Decide notes it, until there are enough: nobody can fill the log with an old link.
func (c Refuse) Decide(s Invitation) ([]Event, error) {
	if s.refused[c.Why] >= enough {
		return nil, nil
	}
	return []Event{Refused(c)}, nil
}
