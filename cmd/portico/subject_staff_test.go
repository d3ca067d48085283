package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/domain/subject"
	"portico/internal/envelope"
	"portico/internal/people"
	"portico/internal/pg"
	"portico/internal/pgtest"
	"portico/internal/session"
	"portico/internal/signin"
	"portico/projections"
)

const secret = "tall wet ferry umbrella 7"

// crew is a business whose owner is Ann, with Cy on its staff and Bob, who signed in and asked
// for a new password, and Jo, who is a contact of two customers.
type crew struct {
	*traced
	ctx            context.Context // of workers, who see all tenants
	ann, bob, cy   uuid.UUID       // members of staff
	annIn, bobIn   uuid.UUID       // their logins
	cyIn           uuid.UUID
	jo             [2]uuid.UUID
	joIn, customer uuid.UUID
	token          string // of Bob's session
}

// bobs are values that must be nowhere once Bob is erased.
var bobs = []string{"Bob Planted", "bob@planted.example", "bobplanted"}

func newCrew(t *testing.T) *crew {
	t.Helper()
	s := &settings{databaseURL: pgtest.New(t), dataDir: t.TempDir(), keyFile: filepath.Join(t.TempDir(), "kek"), timeZone: "UTC", currency: "GBP"}
	c := &crew{traced: &traced{settings: s, byUser: operatorOf(firstTenant, "staff")}, ctx: pg.Across(context.Background())}
	c.app = started(t, s, func(a *app) {
		c.app = a
		owner, err := a.people.SetUpOwner(c.ctx, c.stranger(), people.SetUp{Name: "Ann Owner", Email: "ann@owner.example", Password: secret})
		if err != nil {
			t.Fatal(err)
		}
		c.ann, c.annIn = commands.FirstOwner(firstTenant), owner.LoginID
		asked := commands.Asked{Confirm: invitation.Word, HandOver: true}
		for _, who := range []struct {
			of *uuid.UUID
			in *uuid.UUID
			as people.Acceptance
		}{
			{&c.bob, &c.bobIn, people.Acceptance{Name: bobs[0], Email: bobs[1], Username: bobs[2], Password: secret}},
			{&c.cy, &c.cyIn, people.Acceptance{Name: "Cy", Email: "cy@staff.example", Password: secret}},
		} {
			r, err := a.commands.InviteStaff(c.ctx, c.byUser, commands.InviteStaff{Asked: asked, Details: staff.Details{Name: who.as.Name, Email: who.as.Email}, Roles: []access.Role{access.ServiceDesk}})
			*who.of, *who.in = c.accepts(t, r, err, who.as)
		}
		for i, number := range []string{"C-1", "C-2"} {
			c.customer = c.ok(t)(a.commands.RegisterCustomer(c.ctx, c.byUser, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: number}}))
			c.jo[i] = c.ok(t)(a.commands.AddContact(c.ctx, c.byUser, uuid.Nil, contact.Add{CustomerID: c.customer, Details: contact.Details{Name: "Jo", Email: "jo@contact.example"}}))
			r, err := a.commands.InviteContact(c.ctx, c.byUser, c.jo[i], commands.InviteContact{Asked: asked})
			if i == 0 {
				_, c.joIn = c.accepts(t, r, err, people.Acceptance{Name: "Jo", Email: "jo@contact.example", Password: secret})
			} else if _, err := a.people.Join(c.ctx, c.stranger(), c.joIn, c.link(t, r, err)); err != nil {
				t.Fatal(err)
			}
		}
	})
	c.leavesTraces(t)
	return c
}

func (c *crew) stranger() commands.Caller {
	return commands.Caller{Tenant: firstTenant, Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "198.51.100.7"}}
}

// link is the token of a link that was handed over.
func (c *crew) link(t *testing.T, r commands.Receipt, err error) string {
	t.Helper()
	invited, err := c.people.Invite(c.ctx, c.byUser, r, err)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(invited.Link, "?token=")
	return token
}

func (c *crew) accepts(t *testing.T, r commands.Receipt, err error, a people.Acceptance) (member, human uuid.UUID) {
	t.Helper()
	opened, err := c.people.Open(c.ctx, c.stranger(), c.link(t, r, err))
	if err != nil {
		t.Fatal(err)
	}
	a.Exchange = opened.Exchange
	done, err := c.people.Accept(c.ctx, c.stranger(), a)
	if err != nil {
		t.Fatal(err)
	}
	invited, err := c.commands.Invitation(c.ctx, firstTenant, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	return invited.Latest().MemberID, done.LoginID
}

// leavesTraces lets Bob sign in, ask for a new password, and be written to.
func (c *crew) leavesTraces(t *testing.T) {
	t.Helper()
	out, err := c.signsIn(login.Staff, bobs[2])
	if err != nil {
		t.Fatal(err)
	}
	c.token, _, err = c.sessions.Begin(c.ctx, session.New{Tenant: firstTenant, Login: c.bobIn, Realm: session.Staff, Membership: c.bob, Stage: session.Full,
		Credentials: out.Credentials, Origin: c.stranger().Origin})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.signin.BeginApp(c.ctx, c.stranger(), c.bobIn); err != nil {
		t.Fatal(err)
	}
	if err := c.signin.Forgot(c.ctx, c.stranger(), login.Staff, bobs[1]); err != nil {
		t.Fatal(err)
	}
	c.signin.Settle()
	const mail = `insert into portico.mails (id, message_id, tenant, kind, sender, sender_name, reply_to, recipient, recipient_name, language,
		subject, body_text, body_html, attachments) values (gen_random_uuid(), gen_random_uuid()::text, 'main', 'password_reset', 'a@b.example', '', '', $1, '', 'en', 'x', $2, '', '[]')`
	for to, says := range map[string]string{"Bob@planted.example": "Hello Bob Planted,", "ann@owner.example": "Hello Ann Owner,"} {
		if _, err := c.pool.Exec(c.ctx, mail, to, says); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *crew) signsIn(realm, name string) (signin.Outcome, error) {
	return c.signin.SignIn(c.ctx, c.stranger(), signin.Attempt{Realm: realm, Name: name, Password: secret})
}

func (c *crew) erase(id uuid.UUID) error {
	_, err := c.privacy.Erase(c.ctx, c.byUser, id, subject.RequestErasure{Confirm: subject.Confirmation, Because: asked})
	return err
}

const sqlOfLogins = `select table_name from information_schema.columns where table_schema = 'portico' and column_name = 'login' order by 1`

// kept are the tables that hold something of a login.
func (c *crew) kept(t *testing.T, id uuid.UUID) (in []string) {
	t.Helper()
	for _, table := range c.column(t, sqlOfLogins) {
		if len(c.column(t, "select login::text from portico."+table+" where login = '"+id.String()+"'")) > 0 {
			in = append(in, table)
		}
	}
	return in
}

func (c *crew) column(t *testing.T, sql string) (all []string) {
	t.Helper()
	rows, err := c.pool.Query(c.ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func mentioned(text string, values []string) (found []string) {
	for _, v := range values {
		if strings.Contains(strings.ToLower(text), strings.ToLower(v)) {
			found = append(found, v)
		}
	}
	return found
}

// E44, of staff and of logins.
func TestE44StaffAndLogins(t *testing.T) {
	c := newCrew(t)
	stop := c.run(allRoles)
	defer stop()
	t.Run("a customer hears that it was looked at", c.isHeardOf)
	t.Run("at once", func(t *testing.T) { // each waits until every process has heard of it
		for name, does := range map[string]func(*testing.T){
			"the last owner stays": c.lastOwnerStays, "a login goes with its last membership": c.lastMembership, "an erased member is nowhere": c.memberIsNowhere,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); does(t) })
		}
	})
	if err := c.settle(c.ctx); err != nil {
		t.Fatal(err)
	}
	if rows := c.tables(t)["access.staff_members"]; strings.Count(rows, "Erased person") != 1 || !strings.Contains(rows, "Ann Owner") {
		t.Errorf("%v", rows)
	}
	c.healthy(t) // and a rebuild shows the same
	t.Run("what is done to keys is on record", c.keysOnRecord)
}

// E32: what tells the customer is there before the token is handed out.
func (c *crew) isHeardOf(t *testing.T) {
	n := session.New{Tenant: firstTenant, Login: c.annIn, Realm: session.Staff, Membership: c.ann, Stage: session.Full, Origin: c.stranger().Origin}
	_, own, err := c.sessions.Begin(c.ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.sessions.ViewAs(c.ctx, own, session.View{Contact: c.jo[0], Reason: asked.Reason, Origin: n.Origin}); err != nil {
		t.Fatal(err)
	}
	if got := c.column(t, "select kind from portico.jobs where kind = 'notify.viewed_as'"); len(got) != 1 {
		t.Errorf("%d jobs tell of it", len(got))
	}
}

// The last owner cannot be erased, nor be left without a login: and is not half gone then.
// Nobody erases their own login. Whose login is erased is on the staff no more.
func (c *crew) lastOwnerStays(t *testing.T) {
	for _, id := range []uuid.UUID{c.ann, c.annIn} {
		if err := c.erase(id); domain.CodeOf(err) != "staff.last_owner" {
			t.Errorf("%v", err)
		}
		if s, err := c.commands.SubjectOf(c.ctx, firstTenant, id); err != nil || s.Requested() {
			t.Errorf("it is requested all the same: %v", err)
		}
	}
	if _, err := c.signsIn(login.Staff, "ann@owner.example"); err != nil {
		t.Error(err)
	}
	self := c.byUser
	self.Actor.ID = c.cy
	for _, id := range []uuid.UUID{c.cy, c.cyIn} {
		_, err := c.privacy.Erase(c.ctx, self, id, subject.RequestErasure{Confirm: subject.Confirmation, Because: asked})
		if domain.CodeOf(err) != "subject.self" {
			t.Errorf("himself: %v", err)
		}
	}
	if err := c.erase(c.cyIn); err != nil {
		t.Fatal(err)
	}
	if m, err := c.commands.StaffMember(c.ctx, firstTenant, c.cy); err != nil || m.Active() {
		t.Errorf("without his login he is a member still: %v", err)
	}
}

// A login lasts as long as one of its memberships; with the last it goes.
func (c *crew) lastMembership(t *testing.T) {
	if err := c.erase(c.jo[0]); err != nil {
		t.Fatal(err)
	}
	if out, err := c.signsIn(login.Contact, "jo@contact.example"); err != nil || out.Membership != c.jo[1] {
		t.Errorf("%+v, %v: one membership is left", out, err)
	}
	if err := c.erase(c.jo[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := c.signsIn(login.Contact, "jo@contact.example"); domain.CodeOf(err) != "sign_in.failed" {
		t.Errorf("%v", err)
	}
	if in := c.kept(t, c.joIn); len(in) > 0 {
		t.Errorf("the login is still in %v", in)
	}
	s, err := c.commands.SubjectOf(c.ctx, firstTenant, c.joIn)
	if err != nil || !s.Requested() {
		t.Errorf("history does not say so of the login: %v", err)
	}
}

// The member goes and, with the last membership, the login: what they sign in with
// opens nothing, what they are called by is free for others, mails are gone, history and
// lists show tombstones, and a rebuild the same.
func (c *crew) memberIsNowhere(t *testing.T) {
	if found, in := mentioned(c.dump(t), bobs), c.kept(t, c.bobIn); len(found) < 2 || len(in) < 5 {
		t.Fatalf("nothing was planted: %v in %v", found, in)
	}
	if err := c.erase(c.bob); err != nil {
		t.Fatal(err)
	}
	if err := c.settle(c.ctx); err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"the database": c.dump(t), "history": c.history(t, projections.HistoryFilter{Limit: 200})} {
		if found := mentioned(text, bobs); len(found) > 0 {
			t.Errorf("in %s there is still %v", where, found)
		}
		if !strings.Contains(text, "erased") {
			t.Errorf("%s does not tell of it", where)
		}
	}
	if in := c.kept(t, c.bobIn); len(in) > 0 {
		t.Errorf("his login is still in %v", in)
	}
	if got := c.column(t, "select recipient from portico.mails"); !cmp.Equal(got, []string{"ann@owner.example"}) {
		t.Errorf("mails to %v", got)
	}
	if _, err := c.sessions.Open(c.ctx, firstTenant, c.token); !errors.Is(err, session.ErrEnded) {
		t.Errorf("his session: %v", err)
	}
	if roles, _, _, err := c.commands.StaffOf(c.ctx, firstTenant, c.bob); err != nil || len(roles) > 0 {
		t.Errorf("he may still %v, %v", roles, err)
	}
	for _, name := range bobs[1:] {
		if _, err := c.signsIn(login.Staff, name); domain.CodeOf(err) != "sign_in.failed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := signin.NewLogin{Realm: login.Staff, Name: "Another Bob", Email: bobs[1], Username: bobs[2], Password: secret}
	if _, err := c.signin.Register(c.ctx, operatorOf(firstTenant, access.System), again); err != nil {
		t.Errorf("his names are not free: %v", err)
	}
}

// 10.2.1.7: what is done to key-encryption keys, and read models that Portico makes by
// itself, are in the journal; also what was refused.
func (c *crew) keysOnRecord(t *testing.T) {
	s := c.settings
	if _, err := s.run(t, "keys", "destroy-kek", "1"); err == nil {
		t.Error("the only one was destroyed")
	}
	s.must(t, "keys", "rotate-kek", "--prepare")
	s.must(t, "keys", "rotate-kek")
	s.must(t, "keys", "destroy-kek", "1", "--retention", "0h")
	kept := s.must(t, "journal", "list")
	for _, record := range []string{
		"key.destroyed failure", "code:kek.newest", "key.made success", "key.rotated success", "epoch:2", "key.destroyed success", "epoch:1",
		"acted success", "command:portico keys destroy-kek", "read_models.made success", "group:access",
	} {
		if !strings.Contains(kept, record) {
			t.Errorf("no %q in\n%s", record, kept)
		}
	}
}
