package invitation

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

func TestInvitation(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	jo, who, other := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	later := at.Add(8 * 24 * time.Hour)
	sent := func(no int) Sent {
		return Sent{No: no, Kind: Contact, MemberID: jo, Email: "jo@example.com", ExpiresAt: at.Add(7 * 24 * time.Hour)}
	}
	send := Send{Sent: sent(0), Now: at}
	moved, nobody := send, send
	moved.Moves, nobody.Email = 1, ""
	type events = []Event
	one := events{sent(1)}
	cancelled, accepted := append(one[:1:1], Cancelled{}), append(one[:1:1], Accepted{1, who})
	because := domain.Because{Reason: domain.Reason{Code: "mistake"}}
	again := Resend{Email: "jo@example.com", ExpiresAt: sent(0).ExpiresAt}
	five := one
	for range enough {
		five = append(five[:len(five):len(five)], Refused{1, WhyExpired})
	}
	another := send
	another.Preset = "buyer"
	movedSent := sent(2)
	movedSent.Moves = 1
	spec.Run(t, Types, []spec.Case[Invitation]{
		{Name: "send", When: send, Then: one},
		{Name: "S2.4: a double click is one invitation", Given: one, When: send},
		{Name: "something else beside a live one", Given: one, When: another, Code: "invitation.live"},
		{Name: "to nobody's mailbox", When: nobody, Code: "invitation.no_address"},
		{Name: "after it has expired", Given: one, When: Send{Sent: sent(0), Now: later}, Then: events{sent(2)}},
		{Name: "after it was cancelled", Given: cancelled, When: send, Then: events{sent(2)}},
		{Name: "to another address since", Given: one, When: moved, Then: events{Superseded{1}, movedSent}},
		{Name: "who has come", Given: accepted, When: send, Code: "invitation.accepted"},
		{Name: "resend supersedes", Given: one, When: again, Then: events{Superseded{1}, sent(2)}},
		{Name: "resend to who has come", Given: accepted, When: again, Code: "invitation.accepted"},
		{Name: "resend what was cancelled", Given: cancelled, When: again, Code: "invitation.cancelled"},
		{Name: "resend nothing", When: again, Code: "invitation.unknown"},
		{Name: "cancel", Given: one, When: Cancel{because}, Then: events{Cancelled{}}},
		{Name: "cancel again", Given: cancelled, When: Cancel{because}},
		{Name: "cancel too late", Given: accepted, When: Cancel{because}, Code: "invitation.accepted"},
		{Name: "expire too early", Given: one, When: Expire{at}},
		{Name: "expire", Given: one, When: Expire{later}, Then: events{Expired{1}}},
		{Name: "accept", Given: one, When: Accept{1, who, 0, at}, Then: events{Accepted{1, who}}},
		{Name: "accept again", Given: accepted, When: Accept{1, who, 0, at}},
		{Name: "accept as another", Given: accepted, When: Accept{1, other, 0, at}, Code: "invitation.not_open"},
		{Name: "accept in the last second", Given: one, When: Accept{1, who, 0, sent(0).ExpiresAt.Add(-time.Second)}, Then: events{Accepted{1, who}}},
		{Name: "accept too late", Given: one, When: Accept{1, who, 0, sent(0).ExpiresAt}, Code: "invitation.not_open"},
		{Name: "accept what was cancelled", Given: cancelled, When: Accept{1, who, 0, at}, Code: "invitation.not_open"},
		{Name: "accept by an older link", Given: append(one[:1:1], Superseded{1}, sent(2)), When: Accept{1, who, 0, at}, Code: "invitation.not_open"},
		{Name: "E25: accept after a removal", Given: one, When: Accept{1, who, 1, at}, Code: "invitation.not_open"},
		{Name: "refuse", Given: one, When: Refuse{1, WhyExpired}, Then: events{Refused{1, WhyExpired}}},
		{Name: "nobody fills the log", Given: five, When: Refuse{1, WhyExpired}},
		{Name: "another reason is another", Given: five, When: Refuse{1, WhyUsed}, Then: events{Refused{1, WhyUsed}}},
	})
}

func TestOnlyTheVeryWordConfirms(t *testing.T) {
	for word, want := range map[string]string{"Confirm": "", "confirm": "invitation.confirm", "Confirm ": "invitation.confirm", "": "invitation.confirm", "CONFIRM": "invitation.confirm"} {
		if got := domain.CodeOf(Confirmed(word)); got != want {
			t.Errorf("%q: %q", word, got)
		}
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Invitation](t, Types) }
