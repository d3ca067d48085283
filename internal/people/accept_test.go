package people

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/contact"
	"portico/domain/invitation"
)

func TestSomebodyInvitedRegistersByTheLink(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	token := w.invite(jo, commands.Given{Preset: "buyer"})
	done, err := w.Accept(t.Context(), stranger, w.open(token))
	w.ok(err)
	s, _, err := w.Commands.StandingOf(t.Context(), "main", jo)
	w.ok(err)
	l, err := w.Commands.LoginOf(t.Context(), "main", done.LoginID)
	w.ok(err)
	if m := w.member(jo); m.Login != done.LoginID || len(s.Grants) == 0 || len(l.Memberships()) != 1 || l.Person().Email != "jo@example.com" || !l.HasPassword() {
		t.Errorf("%+v, %+v, %+v", m, s.Grants, l)
	}
}

// S2.5: each way in which a link is dead is another refusal in the log, and one answer
// outside.
func TestDeadLinksAreToldApartInTheLogOnly(t *testing.T) {
	w := newWorld(t)
	kill := map[string]func(jo uuid.UUID, token string){
		invitation.WhyUsed: func(_ uuid.UUID, token string) {
			_, err := w.Accept(t.Context(), stranger, w.open(token))
			w.ok(err)
		},
		invitation.WhyExpired: func(uuid.UUID, string) { w.pass(7 * 24 * time.Hour) },
		invitation.WhyCancelled: func(jo uuid.UUID, _ string) {
			w.done(w.Commands.CancelInvitation(t.Context(), byStaff, invitation.ID(jo), invitation.Cancel{Because: because()}))
		},
		invitation.WhySuperseded: func(jo uuid.UUID, _ string) {
			w.done(w.Commands.ResendInvitation(t.Context(), byStaff, invitation.ID(jo), commands.ResendInvitation{Asked: asked()}))
		},
		invitation.WhyWithdrawn: func(jo uuid.UUID, _ string) {
			w.done(w.Commands.RemoveContact(t.Context(), byStaff, jo, contact.Remove{Because: because()}))
		},
	}
	_, unknown := w.Open(t.Context(), stranger, newToken())
	for why, act := range kill {
		jo := w.newContact(why)
		token := w.invite(jo, commands.Given{})
		act(jo, token)
		for range 9 {
			if _, err := w.Open(t.Context(), stranger, token); err == nil || err.Error() != unknown.Error() {
				t.Errorf("%s: %v, want %v", why, err, unknown)
			}
		}
		if got := w.refusals(invitation.ID(jo)); len(got) != 5 || got[0] != why || got[4] != why {
			t.Errorf("%s: %v", why, got)
		}
	}
	if refused := slices.DeleteFunc(w.records, func(r recordOf) bool { return r.Kind != "invitation.refused" }); len(refused) != 1+9*len(kill) {
		t.Errorf("%d in the journal", len(refused))
	}
}

// E26: a link that was forwarded opens nothing without the invited mailbox.
func TestAForwardedLinkNeedsTheInvitedMailbox(t *testing.T) {
	w := newWorld(t)
	a := w.open(w.invite(w.newContact("jo"), commands.Given{}))
	right := a.Code
	a.Code = fmt.Sprintf("%06d", (len(right)+int(right[5]))%10+100000)
	var wg sync.WaitGroup
	for range codeTries {
		wg.Go(func() {
			_, err := w.Accept(t.Context(), stranger, a)
			w.refused(err, "invitation.code_wrong")
		})
	}
	wg.Wait()
	a.Code = right
	_, err := w.Accept(t.Context(), stranger, a)
	w.refused(err, "invitation.code_spent")

	late := w.open(w.invite(w.newContact("late"), commands.Given{}))
	w.pass(codeFor)
	_, err = w.Accept(t.Context(), stranger, late)
	w.refused(err, "invitation.code_spent")
	w.pass(exchangeFor - codeFor)
	_, err = w.Accept(t.Context(), stranger, late)
	w.refused(err, "invitation.not_open")

	other := w.open(w.invite(w.newContact("al"), commands.Given{}))
	other.Email = "eve@example.com"
	_, err = w.Accept(t.Context(), stranger, other)
	w.refused(err, "invitation.other_mailbox")
}

func TestALinkIsNotOpenedTooOften(t *testing.T) {
	w := newWorld(t)
	token := w.invite(w.newContact("jo"), commands.Given{})
	for range opensAnHour {
		w.open(token)
	}
	_, err := w.Open(t.Context(), stranger, token)
	w.refused(err, "invitation.too_often")
	w.pass(time.Hour)
	w.open(token)
}

// Of several who come with one link at once, on two nodes, one is in, as one login.
func TestOfTwoWhoAcceptOneIsIn(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	token := w.invite(jo, commands.Given{Preset: "buyer"})
	nodes := []*Service{w.Service, w.node()}
	asks := []Acceptance{w.open(token), w.open(token), w.open(token)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := map[uuid.UUID]int{}
	for i := range 6 {
		wg.Go(func() {
			a := asks[i%len(asks)]
			a.Name = fmt.Sprint("Jo ", i%len(asks))
			done, err := nodes[i%2].Accept(t.Context(), stranger, a)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				in[done.LoginID]++
			} else if code := domain.CodeOf(err); code == "internal" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	joined := 0
	for _, typ := range w.events("contact", jo) {
		if typ == "contact.joined" {
			joined++
		}
	}
	if len(in) != 1 || joined != 1 || in[w.member(jo).Login] == 0 {
		t.Errorf("%v, %v", in, w.events("contact", jo))
	}
}

// Whatever it is cut off after, the same request, or the link again, ends with one login
// that is in, and has what was promised.
func TestAcceptingIsCutOffAnywhere(t *testing.T) {
	w := newWorld(t)
	for cut, again := 0, false; ; cut++ {
		jo := w.newContact(fmt.Sprintf("jo-%d-%t", cut, again))
		token := w.invite(jo, commands.Given{Preset: "buyer"})
		a := w.open(token)
		w.store.left = cut
		_, err := w.Accept(t.Context(), stranger, a)
		w.store.left = -1
		if err == nil && again {
			if cut < 5 {
				t.Errorf("only %d steps were cut off", cut)
			}
			return
		}
		if err == nil {
			cut, again = -1, true // now by the link
			continue
		}
		w.Service = w.node() // the process that died
		w.pass(claimFor + time.Second)
		if status := w.status(jo); again && status != "accepted" {
			a = w.open(token)
		}
		done, err := w.Accept(t.Context(), stranger, a)
		if err != nil {
			t.Fatalf("cut off after %d, by the link %t: %v", cut, again, err)
		}
		l, err := w.Commands.LoginOf(t.Context(), "main", done.LoginID)
		w.ok(err)
		s, _, err := w.Commands.StandingOf(t.Context(), "main", jo)
		w.ok(err)
		if w.member(jo).Login != done.LoginID || len(l.Memberships()) != 1 || len(s.Grants) == 0 || !l.HasPassword() || w.status(jo) != "accepted" {
			t.Errorf("cut off after %d: %+v, %+v, %v", cut, l, s.Grants, w.status(jo))
		}
	}
}

func (w *world) status(member uuid.UUID) string {
	w.Helper()
	s, err := w.Commands.Invitation(w.Context(), "main", invitation.ID(member))
	w.ok(err)
	return s.Status()
}

// E28: one mailbox, many customers: who has a login joins with it.
func TestWhoHasALoginJoinsWithIt(t *testing.T) {
	w := newWorld(t)
	first, err := w.Accept(t.Context(), stranger, w.open(w.invite(w.newContact("jo"), commands.Given{})))
	w.ok(err)
	w.customer = w.newCustomer("C-2")
	second := w.newContact("jo")
	token := w.invite(second, commands.Given{Preset: "buyer"})
	_, err = w.Accept(t.Context(), stranger, w.open(token))
	w.refused(err, "invitation.sign_in")
	eve, err := w.Accept(t.Context(), stranger, w.open(w.invite(w.newContact("eve"), commands.Given{})))
	w.ok(err)
	_, err = w.Join(t.Context(), stranger, eve.LoginID, token)
	w.refused(err, "invitation.other_mailbox")
	done, err := w.Join(t.Context(), stranger, first.LoginID, token)
	w.ok(err)
	l, err := w.Commands.LoginOf(t.Context(), "main", first.LoginID)
	w.ok(err)
	if done.LoginID != first.LoginID || len(l.Memberships()) != 2 || w.member(second).Login != first.LoginID {
		t.Errorf("%+v, %+v", done, l.Memberships())
	}
}

// A link that has expired has another one sent, to the invited mailbox, and not often.
func TestAnOldLinkHasAnotherOneSent(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	token := w.invite(jo, commands.Given{})
	w.ok(w.Again(t.Context(), stranger, token)) // it is good still
	w.ok(w.Again(t.Context(), stranger, newToken()))
	w.pass(8 * 24 * time.Hour)
	for range 3 {
		w.ok(w.Again(t.Context(), stranger, token))
		w.mailed(invitation.ID(jo)) // as the mail is sent
	}
	want := []string{"invitation.sent", "invitation.superseded", "invitation.sent"}
	if got := w.events("invitation", invitation.ID(jo)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	w.open(w.mailed(invitation.ID(jo)))
}
