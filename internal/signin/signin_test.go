package signin

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/domain/reservation"
	"portico/domain/tenant"
	"portico/internal/session"
)

func (w *world) fails401(name, password string) {
	w.Helper()
	if _, err := w.try(name, password); !errors.Is(err, ErrFailed) {
		w.Errorf("%q: %v", name, err)
	}
}

// S4.16, S3.6: an e-mail address is the name, in whatever case; a user name is one too.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"jo@example.com", " JO@EXAMPLE.COM ", "jo", "Jo", "ｊｏ@example.com"} {
		out, err := w.try(name, good)
		if err != nil || out.Login != w.jo || out.Membership != w.contact || out.Stage != session.Full {
			t.Errorf("%q: %+v, %v", name, out, err)
		}
	}
	for _, name := range []string{"ann@example.com", "nobody@example.com", "nobody", "", "@", "jo@", strings.Repeat("x", 300) + "@example.com"} {
		if _, err := w.SignIn(ctx, stranger(1), Attempt{Realm: login.Contact, Name: name, Password: good}); !errors.Is(err, ErrFailed) {
			t.Errorf("%q: %v", name, err)
		}
	}
	w.fails401("jo", good+"x")
	if last := w.records[len(w.records)-1]; last.Kind != "sign_in.failed" || last.Login != w.jo || last.Outcome != "failure" {
		t.Errorf("%+v", last)
	}
}

// ASVS 6.3.8, and no personal data where they need not be: what was typed is in no record, table
// or event.
func TestWhatIsTypedIsKeptNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fails401("someone@secret.example", "my other pass phrase")
	_, err := w.try("jo@example.com", good)
	w.ok(err)
	w.ok(w.Forgot(ctx, stranger(1), login.Contact, "someone@secret.example"))
	records, err := json.Marshal(w.records)
	w.ok(err)
	page, err := w.store.ReadAll(ctx, pos0, 500)
	w.ok(err)
	all := [][]byte{records, w.dump()}
	for _, e := range page.Events {
		all = append(all, e.Data, e.Meta)
	}
	for _, text := range []string{"secret.example", "pass phrase", good, "jo@example.com", "198.51"} {
		for i, at := range all {
			if bytes.Contains(bytes.ToLower(at), []byte(text)) && !(i == 0 && text == "198.51") { // the journal seals addresses itself
				t.Errorf("%q is readable in %.300s", text, at)
			}
		}
	}
}

// SECURITY 1b 8.3.5: a password that somebody else has set must be changed before anything else.
func TestATemporaryPasswordMustBeChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.SetTemporary(ctx, bySystem, w.jo, "handed over on paper 1"))
	out, err := w.try("jo", "handed over on paper 1")
	if err != nil || out.Stage != session.Password {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := w.ChangePassword(ctx, stranger(1), w.session(out), "handed over on paper 1", "handed over on paper 1"); domain.CodeOf(err) != "password.used" {
		t.Errorf("the same: %v", err)
	}
	out, err = w.ChangePassword(ctx, stranger(1), w.session(out), "handed over on paper 1", other)
	if err != nil || out.Stage != session.Full {
		t.Errorf("%+v, %v", out, err)
	}
	w.fails401("jo", "handed over on paper 1")
	_, err = w.try("jo", other)
	w.ok(err)
}

// A repeated command makes one login, and does not bring an old password back.
func TestRegisteringTwiceIsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := bySystem
	by.CommandID = uuid.New()
	n := NewLogin{Realm: login.Contact, Name: "Kim", Email: "kim@example.com", Password: good}
	first, err := w.Register(ctx, by, n)
	w.ok(err)
	encoded, who, err := w.acceptable(ctx, "main", first, other)
	w.ok(err)
	w.ok(w.Service.store(ctx, as(stranger(1), who, first), first, encoded, login.PasswordChange))
	second, err := w.Register(ctx, by, n)
	if err != nil || second != first {
		t.Fatal(second, err)
	}
	if ok, err := w.verify(ctx, "main", first, other); !ok {
		t.Errorf("the password was set back: %v", err)
	}
	if _, err := w.Register(ctx, bySystem, NewLogin{Realm: login.Contact, Name: "K", Email: " KIM@example.com"}); domain.CodeOf(err) != "login_email.taken" {
		t.Errorf("a second login of the name: %v", err)
	}
	if _, err := w.Register(ctx, bySystem, NewLogin{Realm: login.Staff, Name: "K", Email: "kim@example.com"}); err != nil {
		t.Errorf("the other realm: %v", err)
	}
}

// A login that never came to be must not keep its names for ever, and of many who register
// under one name at once, one does.
func TestANameIsOneLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash, err := w.Commands.Hash(ctx, "main", "names of logins", login.Contact, "login_email", "new@example.com")
	w.ok(err)
	w.append("reservation", domain.DerivedID(commands.TenantID("main"), "login_email", hash),
		reservation.Reserved{Kind: "login_email", Name: hash, Owner: uuid.New()})
	id := w.register(NewLogin{Realm: login.Contact, Name: "B", Email: "new@example.com"})
	if found, _, err := w.Commands.LoginNamed(ctx, "main", login.Contact, "new@example.com"); err != nil || found != id {
		t.Errorf("%s, %v", found, err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	nodes := []*Service{w.Service, w.node()}
	for i := range 8 {
		wg.Go(func() {
			_, err := nodes[i%2].Register(ctx, bySystem, NewLogin{Realm: login.Contact, Name: "C", Email: "many@example.com"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("%d logins of one name", made)
	}
}

// 8.2.6: a login of staff that was not used for 90 days opens nothing; for 89 it does.
func TestUnusedLoginsOfStaffAreShut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(89 * 24 * time.Hour)
	w.ok(w.Sweep(ctx))
	out, err := w.try("ann@example.com", other)
	if err != nil || out.Stage != session.Enrol {
		t.Fatalf("%+v, %v", out, err)
	}
	w.pass(24 * time.Hour) // enrolling was not finished: it was not used
	if _, err := w.try("ann@example.com", other); domain.CodeOf(err) != "sign_in.disabled" {
		t.Errorf("%v", err)
	}
	w.has(w.ann, "login.disabled")
	w.ok(w.Enable(ctx, bySystem, w.ann, login.Enable{Because: because}))
	for _, later := range []struct { // being let in again is use
		days time.Duration
		shut bool
	}{{0, false}, {89, false}, {1, true}} {
		w.pass(later.days * 24 * time.Hour)
		w.ok(w.Sweep(ctx))
		if who, err := w.Commands.LoginOf(ctx, "main", w.ann); err != nil || who.Disabled() != later.shut {
			t.Errorf("%d days later: %t, %v", later.days, who.Disabled(), err)
		}
	}
	if _, err := w.try("jo", good); err != nil {
		t.Errorf("contacts are not staff: %v", err)
	}
}

// PCI DSS 10.7.2: what cannot be recorded does not happen.
func TestNothingGoesOnWithoutTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fails = errors.New("no space left")
	if _, err := w.try("jo", good); !errors.Is(err, w.fails) {
		t.Errorf("%v", err)
	}
	if _, err := w.try("jo", "wrong"); !errors.Is(err, w.fails) {
		t.Errorf("%v", err)
	}
}

// I9: who is not let in any more is told so only after the right password.
func TestWithoutAMembershipNobodyComesIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Commands.LeaveLogin(ctx, bySystem, w.jo, login.Leave{Membership: login.Membership{Kind: login.Contact, ID: w.contact}}))
	if _, err := w.try("jo", good); domain.CodeOf(err) != "sign_in.no_access" {
		t.Errorf("%v", err)
	}
	w.fails401("jo", "wrong")
}

// 8.4.1: staff must have a second factor; contacts as the tenant says.
func TestWhoMustHaveASecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stage := func(name, password, want string) {
		t.Helper()
		if out, err := w.try(name, password); err != nil || out.Stage != want {
			t.Errorf("%s: %+v, %v, want %s", name, out, err, want)
		}
	}
	stage("ann@example.com", other, session.Enrol)
	for policy, want := range map[string]string{tenant.FactorOff: session.Full, tenant.FactorManagers: session.Enrol, tenant.FactorPayers: session.Enrol, tenant.FactorAll: session.Enrol} {
		w.policy(tenant.SecurityPolicy{ContactFactor: policy})
		stage("jo", good, want)
	}
}

func (w *world) policy(p tenant.SecurityPolicy) {
	w.Helper()
	w.must(w.Commands.SetSecurityPolicy(ctx, commands.Caller{Tenant: "main", Actor: bySystem.Actor, Roles: bySystem.Roles, Origin: bySystem.Origin}, tenant.SetSecurityPolicy{SecurityPolicy: p}))
}
