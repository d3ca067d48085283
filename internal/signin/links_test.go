package signin

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/login"
	"portico/domain/tenant"
	"portico/internal/session"
)

// mailed are the secrets in the mails about a topic, oldest first: as the mails' ids make them.
func (w *world) mailed(topic string) (secrets []string) {
	w.Helper()
	rows, err := w.db.Query(ctx, `select id from portico.jobs where convert_from(payload, 'UTF8')::jsonb->>'topic' = $1 order by made_at, id`, topic)
	w.ok(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	w.ok(err)
	for _, id := range ids {
		secret, err := w.Commands.MailSecret(ctx, "main", id)
		w.ok(err)
		secrets = append(secrets, secret)
	}
	return secrets
}

func dead(err error) bool { return domain.CodeOf(err) == "link.dead" }

// SECURITY §4: a link to choose another password works once, for 30 minutes, until another one
// is asked for. All sessions end; a second factor is still asked for.
func TestResettingAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, _ := w.app()
	w.ok(w.Forgot(ctx, stranger(1), login.Contact, "jo@example.com"))
	w.ok(w.Forgot(ctx, stranger(1), login.Contact, "jo"))
	links := w.mailed("password_reset")
	if len(links) != 2 || links[0] == links[1] || len(links[0]) != 64 {
		t.Fatalf("%d links", len(links))
	}
	live := links[1]
	if err := w.Reset(ctx, stranger(1), links[0], other); err == nil {
		live = "" // the two were made in the same instant: the other one is the first
	} else if !dead(err) {
		t.Fatal(err)
	}
	if live == "" {
		t.Fatal("an earlier link still works")
	}
	if err := w.Reset(ctx, stranger(1), live, "password1234"); domain.CodeOf(err) != "password.guessable" {
		t.Errorf("a weak password: %v", err)
	}
	for range maxTries { // a lock ends with it: they have shown who they are
		w.fails401("jo", "wrong")
	}
	w.Settle()
	w.ok(w.Reset(ctx, stranger(1), live, other))
	if err := w.Reset(ctx, stranger(1), live, good); !dead(err) {
		t.Errorf("twice: %v", err)
	}
	out, err := w.try("jo", other)
	if err != nil || out.Stage != session.SecondFactor {
		t.Errorf("%+v, %v", out, err)
	}
	if last := w.ended[len(w.ended)-1]; last != w.jo.String()+" but "+uuid.Nil.String()+" credentials" {
		t.Error(last)
	}
	_ = secret
	w.pass(time.Hour)
	w.ok(w.Forgot(ctx, stranger(1), login.Contact, "jo"))
	w.pass(30*time.Minute + time.Second)
	all := w.mailed("password_reset")
	for _, link := range all {
		if err := w.Reset(ctx, stranger(2), link, good); !dead(err) {
			t.Errorf("after half an hour: %v", err)
		}
	}
}

// The same for whoever there is not: the answer, and what is written. Three mails an hour.
func TestForgottenPasswordsSayNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		w.ok(w.Forgot(ctx, stranger(i), login.Contact, "jo@example.com"))
		w.ok(w.Forgot(ctx, stranger(i), login.Contact, "nobody@example.com"))
	}
	if n := len(w.mailed("password_reset")); n != 6 {
		t.Errorf("%d jobs for two names", n)
	}
}

// Of several who come with one link at once, one gets in.
func TestALinkIsForOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.RequestLink(ctx, stranger(1), "jo"); domain.CodeOf(err) != "sign_in.links_off" {
		t.Errorf("it is off: %v", err)
	}
	w.policy(tenant.SecurityPolicy{EmailLink: "on"})
	w.ok(w.RequestLink(ctx, stranger(1), "jo"))
	link := w.mailed("sign_in_link")[0]
	nodes := []*Service{w.Service, w.node()}
	var in atomic.Int32
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if out, err := nodes[i%2].SignInByLink(ctx, stranger(i), link, uuid.Nil); err == nil && out.Login == w.jo && out.Stage == session.Full {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	if n := in.Load(); n != 1 {
		t.Errorf("%d came in", n)
	}
	w.ok(w.RequestLink(ctx, stranger(1), "jo"))
	w.pass(linkFor + time.Second)
	for _, link := range w.mailed("sign_in_link") {
		if _, err := w.SignInByLink(ctx, stranger(1), link, uuid.Nil); !dead(err) {
			t.Errorf("after ten minutes: %v", err)
		}
	}
}

// E27: another address counts once it is proven; the old one can take it back for 72 hours,
// whatever is changed after it; nobody else gets it meanwhile.
func TestE27ChangingTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.try("jo", good)
	w.ok(err)
	of := w.session(out)
	change := func(to string) {
		t.Helper()
		w.ok(w.RequestEmail(ctx, stranger(1), of, to))
		links := w.mailed("email_confirm")
		for _, link := range links {
			if err := w.ConfirmEmail(ctx, stranger(1), link, of.ID); err == nil {
				return
			} else if !dead(err) {
				t.Fatal(err)
			}
		}
		t.Fatal("no link confirms")
	}
	w.ok(w.RequestEmail(ctx, stranger(1), of, "typo@example.com"))
	w.fails401("typo@example.com", good)
	awaits := func(want string) {
		t.Helper()
		if got, err := w.AwaitedEmail(ctx, "main", of.Login); got != want || err != nil {
			t.Errorf("waits for %q, want %q: %v", got, want, err)
		}
	}
	awaits("typo@example.com")
	change("New@Example.com")
	awaits("")
	if _, err := w.try("new@example.com", good); err != nil {
		t.Error(err)
	}
	w.fails401("jo@example.com", good)
	if last := w.ended[len(w.ended)-1]; !strings.Contains(last, "but "+of.ID.String()) {
		t.Error(last)
	}
	w.pass(time.Hour)
	change("third@example.com")
	if _, err := w.Register(ctx, bySystem, NewLogin{Realm: login.Contact, Name: "X", Email: "jo@example.com"}); domain.CodeOf(err) != "login_email.taken" {
		t.Errorf("the old address is given away: %v", err)
	}
	w.ok(w.RequestEmail(ctx, stranger(1), of, "late@example.com"))
	w.pass(confirmFor - time.Second)
	awaits("late@example.com")
	w.pass(time.Second)
	awaits("")
	w.pass(login.UndoFor - 2*time.Hour - confirmFor)
	undone := 0
	for _, link := range w.mailed("email_changed")[:1] {
		w.ok(w.UndoEmail(ctx, stranger(1), link))
		undone++
	}
	if undone != 1 {
		t.Error("there was no link to undo it")
	}
	w.fails401("jo@example.com", good) // whoever changed the address knew it
	w.fails401("third@example.com", good)
	if len(w.mailed("password_reset")) != 1 {
		t.Error("whoever undoes it is not sent a link to choose another password")
	}
	w.register(NewLogin{Realm: login.Contact, Name: "X", Email: "new@example.com"})
}

// E27, 8.3.3: whoever changed the address knew the password and could make whatever opens the
// login. After an undo none of that does, even if the process died before it had tidied up; the
// owner chooses another password by the link that came to the old address.
func TestE27WhatAnIntruderMadeOpensNothingAfterAnUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.try("jo", good)
	w.ok(err)
	theirs := w.session(out)
	w.ok(w.RequestEmail(ctx, stranger(6), theirs, "mallory@example.com"))
	w.ok(w.ConfirmEmail(ctx, stranger(6), w.mailed("email_confirm")[0], theirs.ID))
	begun, err := w.BeginApp(ctx, stranger(6), w.jo)
	w.ok(err)
	codes, err := w.FinishApp(ctx, stranger(6), theirs, AppCode{begun.FactorID, w.totp(begun.Secret), "Mallory's"})
	w.ok(err)
	count := func() (now [3]int) {
		for i, table := range []string{"login_totp", "login_recovery", "login_passwords"} {
			w.ok(w.db.QueryRow(ctx, "select count(*) from portico."+table+" where login = $1", w.jo).Scan(&now[i]))
		}
		return now
	}
	w.pass(time.Hour)
	kept := count()
	var change uuid.UUID
	w.ok(w.db.QueryRow(ctx, `select about from portico.login_tokens where login = $1 and purpose = 'undo'`, w.jo).Scan(&change))
	w.must(w.Commands.UndoLoginEmail(ctx, bySystem, w.jo, login.UndoEmailChange{ChangeID: change, At: w.now()})) // and there it died
	if now := count(); now != kept || now != [3]int{1, len(codes), 1} {
		t.Fatalf("the tables are tidy: %v", now)
	}
	w.fails401("jo@example.com", good)
	for what, given := range map[string]Given{"password": {Password: good}, "code": {Code: w.totp(begun.Secret)}, "recovery code": {RecoveryCode: codes[0]}} {
		if _, err := w.Confirm(ctx, stranger(6), theirs, given); err == nil {
			t.Errorf("the %s still proves something", what)
		}
	}
	w.ok(w.Forgot(ctx, stranger(7), login.Contact, "jo@example.com"))
	w.ok(w.Reset(ctx, stranger(7), w.mailed("password_reset")[0], other))
	if out, err := w.try("jo@example.com", other); err != nil || out.Stage != session.Full {
		t.Errorf("the owner: %+v, %v", out, err)
	}
	w.has(w.jo, "login.credentials_withdrawn")
}

// After 72 hours the old address is somebody else's to take, and the undo link is dead.
func TestE27TheOldAddressIsFreeAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.try("jo", good)
	w.ok(err)
	w.register(NewLogin{Realm: login.Contact, Name: "Y", Email: "taken@example.com"})
	w.ok(w.RequestEmail(ctx, stranger(1), w.session(out), "taken@example.com")) // says nothing
	if err := w.ConfirmEmail(ctx, stranger(1), w.mailed("email_confirm")[0], uuid.Nil); domain.CodeOf(err) != "login_email.taken" {
		t.Errorf("%v", err)
	}
	w.pass(time.Minute)
	w.ok(w.RequestEmail(ctx, stranger(1), w.session(out), "new@example.com"))
	confirmed := errors.New("none")
	for _, link := range w.mailed("email_confirm") {
		if err := w.ConfirmEmail(ctx, stranger(1), link, uuid.Nil); err == nil {
			confirmed = nil
		}
	}
	w.ok(confirmed)
	w.pass(login.UndoFor + time.Second)
	w.register(NewLogin{Realm: login.Contact, Name: "X", Email: "jo@example.com"})
	if err := w.UndoEmail(ctx, stranger(1), w.mailed("email_changed")[0]); !dead(err) {
		t.Errorf("%v", err)
	}
	w.ok(w.Forget(ctx, "main", w.jo))
	w.register(NewLogin{Realm: login.Contact, Name: "Z", Email: "new@example.com"})
	if strings.Contains(string(w.dump()), w.jo.String()) && strings.Count(string(w.dump()), w.jo.String()) > strings.Count(string(w.dump()), "email_") {
		t.Error("something of a forgotten login is kept")
	}
}
