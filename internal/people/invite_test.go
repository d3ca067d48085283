package people

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/journal"
)

type recordOf = journal.Record

func because() domain.Because { return domain.Because{Reason: domain.Reason{Code: "test"}} }

// S2.4: without the very word there is no event; with it, one invitation, however often.
func TestNobodyIsInvitedWithoutTheWord(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	for _, word := range []string{"", "confirm", "Confirm "} {
		_, err := w.Commands.InviteContact(t.Context(), byStaff, jo, commands.InviteContact{Asked: commands.Asked{Confirm: word}})
		w.refused(err, "invitation.confirm")
	}
	if got := w.events("invitation", invitation.ID(jo)); got != nil {
		t.Errorf("%v", got)
	}
	w.invite(jo, commands.Given{})
	w.invite(jo, commands.Given{})
	for range 2 { // and a person who is not there yet is added once
		w.done(w.Commands.InvitePerson(t.Context(), byStaff, commands.InvitePerson{Asked: asked(), CustomerID: w.customer,
			Details: contact.Details{Name: "Al", Email: "al@example.com"}}))
	}
	page, err := w.store.ReadAll(t.Context(), eventstore.Position{}, 500)
	w.ok(err)
	count := map[string]int{}
	for _, e := range page.Events {
		count[e.Type]++
	}
	if count["invitation.sent"] != 2 || count["contact.added"] != 2 {
		t.Errorf("%v", count)
	}
}

// S2.36, S2.37, I11: contacts invite to their own customer, and give what they hold.
func TestContactsInviteColleagues(t *testing.T) {
	w := newWorld(t)
	buyers, err := access.Preset("buyer")
	w.ok(err)
	may := append(buyers, access.Grant{Module: access.Users, Actions: []access.Action{access.View, access.Create, access.Manage}})
	boss := w.newContact("boss", may...)
	by := commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Contact, ID: boss}, Roles: []access.Role{access.Contact}, Origin: stranger.Origin}
	invite := func(by commands.Caller, cmd commands.InvitePerson) (commands.Receipt, error) {
		cmd.Confirm, cmd.Details = invitation.Word, contact.Details{Name: "Al", Email: uuid.NewString() + "@example.com"}
		return w.Commands.InvitePerson(t.Context(), by, cmd)
	}
	w.done(invite(by, commands.InvitePerson{Given: commands.Given{Preset: "buyer"}}))
	_, err = invite(by, commands.InvitePerson{Given: commands.Given{Preset: "customer_admin"}})
	w.refused(err, "access.not_held")
	_, err = invite(by, commands.InvitePerson{CustomerID: w.newCustomer("C-2")})
	w.refused(err, "customer.unknown")
	_, err = invite(by, commands.InvitePerson{Asked: commands.Asked{HandOver: true}})
	w.refused(err, "invitation.hand_over")
	plain := by
	plain.Actor.ID = w.newContact("plain", buyers...)
	_, err = invite(plain, commands.InvitePerson{})
	w.refused(err, "access.not_granted")
	viewed := by
	viewed.Actor.Impersonator = &uuid.UUID{7}
	_, err = invite(viewed, commands.InvitePerson{})
	w.refused(err, "caller.impersonating")
}

// E26: what was promised is given if whoever promised it still may.
func TestWhatIsPromisedIsAskedAgainAtAcceptance(t *testing.T) {
	w := newWorld(t)
	full, err := access.Preset("customer_admin")
	w.ok(err)
	for _, loses := range []bool{false, true} {
		boss := w.newContact("boss"+map[bool]string{true: "1"}[loses], full...)
		by := commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Contact, ID: boss}, Roles: []access.Role{access.Contact}, Origin: stranger.Origin}
		r := w.done(w.Commands.InvitePerson(t.Context(), by, commands.InvitePerson{Asked: asked(), Given: commands.Given{Preset: "buyer"},
			Details: contact.Details{Name: "Al", Email: boss.String() + "@example.com"}}))
		if loses {
			w.done(w.Commands.RemoveContact(t.Context(), byStaff, boss, contact.Remove{Because: because()}))
		}
		_, err := w.Accept(t.Context(), stranger, w.open(w.mailed(r.ID)))
		w.ok(err)
		s, err := w.Commands.Invitation(t.Context(), "main", r.ID)
		w.ok(err)
		standing, _, err := w.Commands.StandingOf(t.Context(), "main", s.Latest().MemberID)
		w.ok(err)
		if (len(standing.Grants) == 0) != loses {
			t.Errorf("loses %t: %v", loses, standing.Grants)
		}
	}
}

// E24, E25: who was removed is out at once, and who returns is a new member: what was sent
// before opens nothing.
func TestWhoReturnsIsANewMember(t *testing.T) {
	w := newWorld(t)
	invite := func() (uuid.UUID, string) {
		r := w.done(w.Commands.InvitePerson(t.Context(), byStaff, commands.InvitePerson{Asked: asked(), CustomerID: w.customer,
			Details: contact.Details{Name: "Jo", Email: "jo@example.com"}, Given: commands.Given{Preset: "buyer"}}))
		s, err := w.Commands.Invitation(t.Context(), "main", r.ID)
		w.ok(err)
		return s.Latest().MemberID, w.mailed(r.ID)
	}
	first, old := invite()
	w.done(w.Commands.RemoveContact(t.Context(), byStaff, first, contact.Remove{Because: because()}))
	second, fresh := invite()
	_, err := w.Open(t.Context(), stranger, old)
	w.refused(err, "invitation.not_open")
	done, err := w.Accept(t.Context(), stranger, w.open(fresh))
	w.ok(err)
	w.done(w.Commands.RemoveContact(t.Context(), byStaff, second, contact.Remove{Because: because()}))
	s, _, err := w.Commands.StandingOf(t.Context(), "main", second)
	w.ok(err)
	w.done(w.Commands.FollowRemoval(t.Context(), bySystem, invitation.Contact, second))
	l, err := w.Commands.LoginOf(t.Context(), "main", done.LoginID)
	w.ok(err)
	if first == second || s.Active || len(l.Memberships()) != 0 {
		t.Errorf("%s, %s: %+v, %+v", first, second, s, l.Memberships())
	}
}

// E25: an invitation dies with its member's address, and with a revocation.
func TestAnotherAddressKillsTheLink(t *testing.T) {
	w := newWorld(t)
	moved, revoked := w.newContact("jo"), w.newContact("al")
	one, two := w.invite(moved, commands.Given{}), w.invite(revoked, commands.Given{Preset: "buyer"})
	w.done(w.Commands.ChangeContactDetails(t.Context(), byStaff, moved, contact.ChangeDetails{Details: contact.Details{Name: "Jo", Email: "new@example.com"}}))
	w.done(w.Commands.RevokeContactAccess(t.Context(), byStaff, revoked, contact.RevokeAccess{Because: because()}))
	for _, token := range []string{one, two} {
		_, err := w.Open(t.Context(), stranger, token)
		w.refused(err, "invitation.not_open")
	}
	w.open(w.invite(moved, commands.Given{}))
}

// E29: whoever invites to a mailbox that somebody else has is told.
func TestASharedMailboxIsWarnedOf(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	for _, others := range [][]uuid.UUID{{jo}, {jo, uuid.New()}} {
		w.Known = func(context.Context, string, string) ([]uuid.UUID, error) { return others, nil }
		r, err := w.Commands.InviteContact(t.Context(), byStaff, jo, commands.InviteContact{Asked: asked()})
		out, err := w.Invite(t.Context(), byStaff, r, err)
		if w.ok(err); out.Shared != (len(others) == 2) || out.Link != "" {
			t.Errorf("%v: %+v", others, out)
		}
	}
}

// S4.20: a link that is handed over is shown once, needs no code, and is mailed to nobody.
func TestALinkIsHandedOver(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	cmd := commands.InviteContact{Asked: commands.Asked{Confirm: invitation.Word, HandOver: true}}
	by := byStaff
	by.CommandID = uuid.New()
	r, err := w.Commands.InviteContact(t.Context(), by, jo, cmd)
	out, err := w.Invite(t.Context(), by, r, err)
	w.ok(err)
	r, err = w.Commands.InviteContact(t.Context(), by, jo, cmd)
	again, err := w.Invite(t.Context(), by, r, err)
	w.ok(err)
	token, ok := strings.CutPrefix(out.Link, "https://portal.example.com/invitation?token=")
	if !ok || again.Link != "" {
		t.Fatalf("%+v, then %+v", out, again)
	}
	a := w.open(token)
	if a.Code != "" || len(w.jobs) != 0 {
		t.Errorf("%q, %v", a.Code, w.jobs)
	}
	_, err = w.Accept(t.Context(), stranger, a)
	w.ok(err)
}

// S1.37, S4.18: who has no mailbox gets a user name and a password that must be changed.
func TestATemporaryPasswordIsHandedOver(t *testing.T) {
	w := newWorld(t)
	jo := w.done(w.Commands.AddContact(t.Context(), byStaff, uuid.Nil, contact.Add{CustomerID: w.customer, Details: contact.Details{Name: "Jo"}})).ID
	_, err := w.SetTemporaryPassword(t.Context(), byStaff, jo, TemporaryPassword{Username: "jo"})
	w.refused(err, "invitation.confirm")
	out, err := w.SetTemporaryPassword(t.Context(), byStaff, jo, TemporaryPassword{Confirm: invitation.Word, Username: "jo"})
	w.ok(err)
	l, err := w.Commands.LoginOf(t.Context(), "main", out.LoginID)
	w.ok(err)
	if len(out.Password) != 19 || !l.Temporary() || l.Person().Username != "jo" || w.member(jo).Login != out.LoginID {
		t.Errorf("%+v, %+v", out, l)
	}
	_, err = w.SetTemporaryPassword(t.Context(), byStaff, jo, TemporaryPassword{Confirm: invitation.Word, Username: "jo"})
	w.refused(err, "invitation.accepted")
}

// A list: one bad row stops no other, and the list again invites nobody twice.
func TestAListIsInvitedRowByRow(t *testing.T) {
	w := newWorld(t)
	const list = "Customer number;Name;E-mail;Preset\nC-1;Ann;ann@example.com;buyer\nC-9;Bob;bob@example.com;\nC-1;Cy;no address;\nC-1;Di;di@example.com;king\n\nC-1;Ann again;ANN@example.com;\nC-1;Ed;ed@example.com;\n"
	send := func(confirm string, dry bool) (BulkReport, error) {
		return w.InviteAll(t.Context(), byStaff, Bulk{File: io.NopCloser(strings.NewReader(list)), Confirm: confirm, DryRun: dry})
	}
	_, err := send("yes", false)
	w.refused(err, "invitation.confirm")
	dry, err := send("", true)
	w.ok(err)
	head, err := w.store.Head(t.Context())
	w.ok(err)
	first, err := send(invitation.Word, false)
	w.ok(err)
	again, err := send(invitation.Word, false)
	w.ok(err)
	var lines []int
	var codes []string
	for _, why := range first.Why {
		lines, codes = append(lines, why.Line), append(codes, why.Code)
	}
	if dry.Invited != 2 || first.Invited != 2 || again.Invited != 0 || again.Already != 2 || first.Refused != 4 || first.Rows != 6 {
		t.Errorf("dry %+v, first %+v, again %+v", dry, first, again)
	}
	if !slices.Equal(lines, []int{3, 4, 5, 7}) || !slices.Equal(codes, []string{"customer.unknown", "contact.email", "access.preset", "invitation.twice"}) {
		t.Errorf("%v %v", lines, codes)
	}
	if now, _ := w.store.Head(t.Context()); now == head {
		t.Error("nothing was appended")
	}
}

// ASVS 5.2.3: what is small when it is sent may be endless when it is unpacked, or never end.
func TestAListHasAnEnd(t *testing.T) {
	w := newWorld(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("Customer number;Name;E-mail\n"))
	_, _ = z.Write(bytes.Repeat([]byte("\n"), maxList))
	w.ok(z.Close())
	for code, list := range map[string]io.Reader{
		"csv.too_large":            &zipped,
		"invitation.list_too_long": strings.NewReader("Customer number;Name;E-mail\n" + strings.Repeat("\"\x07\";x;y\n", maxRows+1)),
	} {
		report, err := w.InviteAll(t.Context(), byStaff, Bulk{File: io.NopCloser(list), DryRun: true})
		if w.refused(err, code); len(report.Why) > maxReasons {
			t.Errorf("%s: %d reasons", code, len(report.Why))
		}
	}
}

// The first owner: by a code that is good once, and then never again.
func TestTheFirstOwnerComesByTheCode(t *testing.T) {
	w := newWorld(t)
	old, err := w.SetupCode(t.Context(), "main")
	w.ok(err)
	code, err := w.SetupCode(t.Context(), "main")
	w.ok(err)
	ask := SetUp{Code: old, Name: "Ann", Email: "ann@example.com", Password: password}
	_, err = w.SetUp(t.Context(), stranger, ask)
	w.refused(err, "setup.code")
	ask.Code = code
	done, err := w.SetUp(t.Context(), stranger, ask)
	w.ok(err)
	roles, who, _, err := w.Commands.StaffOf(t.Context(), "main", commands.FirstOwner("main"))
	if w.ok(err); who != done.LoginID || !slices.Equal(roles, []access.Role{access.Owner}) {
		t.Errorf("%v, %s, %+v", roles, who, done)
	}
	_, err = w.SetUp(t.Context(), stranger, ask)
	w.refused(err, "setup.code")
	if code, err := w.SetupCode(t.Context(), "main"); code != "" || err != nil {
		t.Errorf("%q, %v", code, err)
	}
	_, err = w.InviteOwner(t.Context(), bySystem, SetUp{Name: "Eve", Email: "eve@example.com"})
	w.refused(err, "setup.done")
}

// staffed is a member of staff who has joined.
func (w *world) staffed(name string, by commands.Caller, roles ...access.Role) commands.Caller {
	w.Helper()
	r := w.done(w.Commands.InviteStaff(w.Context(), by, commands.InviteStaff{Asked: asked(), Details: staff.Details{Name: name, Email: name + "@example.com"}, Roles: roles}))
	_, err := w.Accept(w.Context(), stranger, w.open(w.mailed(r.ID)))
	w.ok(err)
	s, err := w.Commands.Invitation(w.Context(), "main", r.ID)
	w.ok(err)
	return w.as(s.Latest().MemberID)
}

func (w *world) as(member uuid.UUID) commands.Caller {
	roles, _, _, err := w.Commands.StaffOf(w.Context(), "main", member)
	w.ok(err)
	return commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: member}, Roles: roles, Origin: envelope.Origin{Channel: envelope.ChannelAPI}}
}

// 8.2.4: who could make others is made by two; the last owner stays.
func TestRolesThatMakeOthersNeedTwo(t *testing.T) {
	w := newWorld(t)
	code, err := w.SetupCode(t.Context(), "main")
	w.ok(err)
	_, err = w.SetUp(t.Context(), stranger, SetUp{Code: code, Name: "Ann", Email: "ann@example.com", Password: password})
	w.ok(err)
	ann := w.as(commands.FirstOwner("main"))
	bob := w.staffed("bob", ann, access.Owner) // alone, Ann may
	if !slices.Equal(bob.Roles, []access.Role{access.Owner}) {
		t.Fatalf("%v", bob.Roles)
	}
	cy := w.staffed("cy", ann, access.ServiceDesk, access.Auditor)
	if !slices.Equal(cy.Roles, []access.Role{access.ServiceDesk}) {
		t.Errorf("with two owners Ann alone gave %v", cy.Roles)
	}
	approve := staff.ApproveRoles{Roles: []access.Role{access.Auditor, access.ServiceDesk}}
	_, err = w.Commands.ApproveStaffRoles(t.Context(), ann, cy.Actor.ID, approve)
	w.refused(err, "staff.self_approval")
	_, err = w.Commands.ApproveStaffRoles(t.Context(), byStaff, cy.Actor.ID, approve)
	w.refused(err, "staff.person_needed")
	w.done(w.Commands.ApproveStaffRoles(t.Context(), bob, cy.Actor.ID, approve))
	if cy = w.as(cy.Actor.ID); len(cy.Roles) != 2 {
		t.Errorf("%v", cy.Roles)
	}
	// What a key proposes nobody approves: whoever made it would do both.
	key := ann
	key.Actor.ID, key.Roles = uuid.New(), []access.Role{access.Staff}
	_, _, err = w.Commands.IssueAPIKey(t.Context(), ann, key.Actor.ID, apikey.Issue{Name: "Ann's", Role: "staff"})
	w.ok(err)
	di := w.staffed("di", key, access.Administrator)
	_, err = w.Commands.ApproveStaffRoles(t.Context(), ann, di.Actor.ID, staff.ApproveRoles{Roles: []access.Role{access.Administrator}})
	w.refused(err, "staff.person_proposes")
	remove := func(by, who commands.Caller) error {
		_, err := w.Commands.RemoveStaff(t.Context(), by, who.Actor.ID, staff.Remove{Because: because()})
		return err
	}
	w.refused(remove(ann, ann), "staff.self_removal")
	w.ok(remove(bob, ann))
	w.refused(remove(byStaff, bob), "staff.last_owner")
	if got := w.as(ann.Actor.ID).Roles; got != nil {
		t.Errorf("Ann may still %v", got)
	}
}

// One human is not two people of staff, one of whom approves what the other proposes.
func TestAHumanIsOneMemberOfStaff(t *testing.T) {
	w := newWorld(t)
	w.staffed("al", byStaff, access.Viewer)
	al, _, err := w.Commands.LoginNamed(t.Context(), "main", login.Staff, "al@example.com")
	w.ok(err)
	r := w.done(w.Commands.InviteStaff(t.Context(), byStaff, commands.InviteStaff{Asked: commands.Asked{Confirm: invitation.Word, HandOver: true},
		Details: staff.Details{Name: "Al"}, Roles: []access.Role{access.Viewer}}))
	_, err = w.Join(t.Context(), stranger, al, w.mailed(r.ID))
	w.refused(err, "staff.member_already")
}

// E25: what nobody took in time is noted as expired.
func TestWhatNobodyTookInTimeHasExpired(t *testing.T) {
	w := newWorld(t)
	jo := w.newContact("jo")
	w.invite(jo, commands.Given{})
	for _, state := range []string{"sent", "expired"} { // after six days, and seven
		w.pass(6 * 24 * time.Hour)
		w.ok(w.Sweep(t.Context(), "main"))
		if w.status(jo) != state {
			t.Errorf("%s, not %s", w.status(jo), state)
		}
		w.pass(-5 * 24 * time.Hour)
	}
}
