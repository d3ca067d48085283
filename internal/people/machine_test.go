package people

import (
	"flag"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/commands"
	"portico/domain/contact"
	"portico/domain/invitation"
)

// machine is one person at one customer, and whatever can be done about the membership, in
// any order: never two logins for a member, no access after a removal, and no dead link works.
type machine struct {
	*world
	email   string
	tokens  map[string]link // every link that was given out
	current uuid.UUID       // the membership that lasts
	logins  map[uuid.UUID]map[uuid.UUID]bool
	removed map[uuid.UUID]bool
}

// link is a token, of whom, and whether it should open.
type link struct {
	member uuid.UUID
	until  time.Time
	dead   bool
}

func TestMembershipInAnyOrder(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // each is some fifty round trips
		if err := f.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{world: w, email: uuid.NewString() + "@example.com", tokens: map[string]link{}, removed: map[uuid.UUID]bool{}, logins: map[uuid.UUID]map[uuid.UUID]bool{}}
		for range rapid.IntRange(3, 10).Draw(rt, "steps") {
			rapid.SampledFrom([]func(*rapid.T){m.invite, m.invite, m.resend, m.cancel, m.expire, m.accept, m.accept, m.revoke, m.remove}).Draw(rt, "step")(rt)
			m.check(rt)
		}
	})
}

func (m *machine) kill(member uuid.UUID) {
	for token, l := range m.tokens {
		if l.member == member {
			l.dead = true
			m.tokens[token] = l
		}
	}
}

func (m *machine) took(id uuid.UUID) {
	s, err := m.Commands.Invitation(m.Context(), "main", id)
	m.ok(err)
	token := m.mailed(id)
	if _, known := m.tokens[token]; known {
		return // it was live already
	}
	m.kill(s.Latest().MemberID)
	m.tokens[token] = link{member: s.Latest().MemberID, until: s.Latest().ExpiresAt}
}

func (m *machine) invite(*rapid.T) {
	r, err := m.Commands.InvitePerson(m.Context(), byStaff, commands.InvitePerson{Asked: asked(), CustomerID: m.customer,
		Details: contact.Details{Name: "Jo", Email: m.email}, Given: commands.Given{Preset: "buyer"}})
	if err != nil {
		return // has joined
	}
	s, err := m.Commands.Invitation(m.Context(), "main", r.ID)
	m.ok(err)
	m.current = s.Latest().MemberID
	m.took(r.ID)
}

func (m *machine) resend(*rapid.T) {
	if r, err := m.Commands.ResendInvitation(m.Context(), byStaff, invitation.ID(m.current), commands.ResendInvitation{Asked: asked()}); err == nil && r.Events > 0 {
		m.took(r.ID)
	}
}

func (m *machine) cancel(*rapid.T) {
	if r, err := m.Commands.CancelInvitation(m.Context(), byStaff, invitation.ID(m.current), invitation.Cancel{Because: because()}); err == nil && r.Events > 0 {
		m.kill(m.current)
	}
}

func (m *machine) expire(*rapid.T) { m.pass(7 * 24 * time.Hour) }

func (m *machine) revoke(*rapid.T) {
	if r, err := m.Commands.RevokeContactAccess(m.Context(), byStaff, m.current, contact.RevokeAccess{Because: because()}); err == nil && r.Events > 0 {
		m.kill(m.current)
	}
}

func (m *machine) remove(*rapid.T) {
	if r, err := m.Commands.RemoveContact(m.Context(), byStaff, m.current, contact.Remove{Because: because()}); err == nil && r.Events > 0 {
		m.kill(m.current)
		m.removed[m.current] = true
	}
}

// accept tries every link that ever was.
func (m *machine) accept(t *rapid.T) {
	for token, l := range m.tokens {
		opened, err := m.Open(m.Context(), stranger, token)
		alive := !l.dead && m.now().Before(l.until)
		if (err == nil) != alive {
			t.Fatalf("a link that should open %t: %v", alive, err)
		}
		if err != nil {
			continue
		}
		code, err := m.Secret(m.Context(), "main", m.jobs[len(m.jobs)-1].ID)
		m.ok(err)
		done, err := m.Accept(m.Context(), stranger, Acceptance{Exchange: opened.Exchange, Code: code, Name: "Jo", Password: password})
		if err != nil {
			who, err2 := m.login()
			if err2 != nil || who == uuid.Nil { // else there is a login by now, which joins
				t.Fatalf("%v, %v", err, err2)
			}
			if done, err = m.Join(m.Context(), stranger, who, token); err != nil {
				t.Fatal(err)
			}
		}
		if m.logins[l.member] == nil {
			m.logins[l.member] = map[uuid.UUID]bool{}
		}
		m.logins[l.member][done.LoginID] = true
		m.kill(l.member)
	}
}

func (m *machine) login() (uuid.UUID, error) {
	id, _, err := m.Commands.LoginNamed(m.Context(), "main", invitation.Contact, m.email)
	return id, err
}

func (m *machine) check(t *rapid.T) {
	for member, logins := range m.logins {
		if len(logins) != 1 {
			t.Fatalf("%d logins for one member", len(logins))
		}
		s, _, err := m.Commands.StandingOf(m.Context(), "main", member)
		if err != nil || m.removed[member] && (s.Active || len(s.Grants) > 0) {
			t.Fatalf("a removed member: %+v, %v", s, err)
		}
	}
}
