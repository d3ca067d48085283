package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/envelope"
)

func TestATokenIsKeptAsItsHashOnly(t *testing.T) {
	w := newWorld(t)
	token, s := w.begin(New{Origin: envelope.Origin{IP: "203.0.113.77", UserAgent: "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"}})
	secret, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(secret) != 32 {
		t.Errorf("%d bytes, %v", len(secret), err)
	}
	var row string
	var hash []byte
	if err := w.db.QueryRow(ctx, `select s::text, hash from portico.sessions s`).Scan(&row, &hash); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(row, token) || bytes.Contains(hash, secret) || strings.Contains(row, "113.77") {
		t.Error("the token or the address is in the row")
	}
	if s.Device != "Firefox on Windows" || s.Network != "203.0.113.0/24" {
		t.Errorf("%q %q", s.Device, s.Network)
	}
	for _, wrong := range []string{"", "x", token + "A", token[:42], strings.ToUpper(token), string(hash), s.ID.String()} {
		if w.opens(w.Store, wrong) {
			t.Errorf("%q opens", wrong)
		}
	}
	if _, _, err := w.Authenticate(ctx, Asked{Tenant: "other", Token: token}); !errors.Is(err, ErrEnded) {
		t.Errorf("it opens in another tenant: %v", err)
	}
}

func TestEachStepUpHasAnotherTokenAndTheOldOneIsDead(t *testing.T) {
	w := newWorld(t)
	planted, _ := w.begin(New{})
	token, s := w.begin(New{Stage: SecondFactor, Factors: []string{"password"}, Replaces: planted})
	if w.opens(w.Store, planted) {
		t.Error("what was there before signing in still opens")
	}
	w.at = w.at.Add(10 * time.Minute)
	for name, step := range map[string]Step{"second factor": {Stage: Full, Factors: []string{"totp"}}, "confirm": {Factors: []string{"password"}}, "switch": {Membership: w.two}} {
		before := token
		var err error
		if token, s, err = w.Raise(ctx, s, step); err != nil {
			t.Fatal(name, err)
		}
		if w.opens(w.Store, before) || !w.opens(w.Store, token) {
			t.Errorf("%s: the old token opens, or the new one does not", name)
		}
	}
	if s.Stage != Full || s.Membership != w.two || !slices.Equal(s.Factors, []string{"password", "totp"}) || !s.ConfirmedAt.Equal(w.at) ||
		!s.ExpiresAt.Equal(w.at.Add(24*time.Hour)) {
		t.Errorf("%+v", s)
	}
}

func TestOfTwoStepsFromOneTokenOneIsTaken(t *testing.T) {
	w := newWorld(t)
	_, s := w.begin(New{Stage: SecondFactor})
	var wg sync.WaitGroup
	taken := make([]error, 8)
	for i := range taken {
		wg.Go(func() { _, _, taken[i] = w.Raise(ctx, s, Step{Stage: Full}) })
	}
	wg.Wait()
	n := 0
	for _, err := range taken {
		if err == nil {
			n++
		} else if !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d were taken", n)
	}
}

func TestASessionLeftAloneIsOver(t *testing.T) {
	w := newWorld(t)
	may, _ := w.begin(New{})                                                   // who may pay
	may2, _ := w.begin(New{Login: w.human, Realm: Contact, Membership: w.two}) // who may not
	for name, c := range map[string]struct {
		token string
		idle  time.Duration
	}{"payer": {may, 15 * time.Minute}, "reader": {may2, 30 * time.Minute}} {
		began := w.at
		w.at = began.Add(c.idle - time.Microsecond)
		if _, _, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: c.token, Background: true}); err != nil {
			t.Errorf("%s: over too early: %v", name, err)
		}
		w.at = began.Add(c.idle)
		if w.opens(w.Store, c.token) {
			t.Errorf("%s: still there after %s", name, c.idle)
		}
		w.at = began
	}
	token, _ := w.staff()
	for range 16 { // a page that asks by itself does not keep it
		w.at = w.at.Add(time.Minute)
		_, _, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: token, Background: true})
		if ended := w.at.Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) >= 15*time.Minute; ended != errors.Is(err, ErrEnded) {
			t.Errorf("at %s: %v", w.at, err)
		}
	}
}

func TestASessionEndsHoweverMuchItIsUsed(t *testing.T) {
	w := newWorld(t)
	began := w.at
	staff, _ := w.staff()
	contact, _ := w.begin(New{})
	halfway, _ := w.begin(New{Stage: SecondFactor})
	for hours, minute := 0, 0; hours < 25; minute++ {
		w.at = began.Add(time.Duration(minute*14) * time.Minute)
		hours = int(w.at.Sub(began) / time.Hour)
		for name, c := range map[string]struct {
			token string
			lasts time.Duration
		}{"staff": {staff, 12 * time.Hour}, "contact": {contact, 24 * time.Hour}, "halfway": {halfway, 15 * time.Minute}} {
			if got, want := w.opens(w.Store, c.token), w.at.Sub(began) < c.lasts; got != want {
				t.Fatalf("%s after %s: opens %t", name, w.at.Sub(began), got)
			}
		}
	}
}

func TestUseIsWrittenOnceAMinute(t *testing.T) {
	w := newWorld(t)
	token, _ := w.begin(New{})
	began := w.at
	for _, step := range []struct{ after, want time.Duration }{{59 * time.Second, 0}, {time.Second, time.Minute}, {59 * time.Second, time.Minute}, {time.Second, 2 * time.Minute}} {
		w.at = w.at.Add(step.after)
		w.opens(w.Store, token)
		all, err := w.List(ctx, "main", w.human)
		if err != nil || len(all) != 1 || !all[0].UsedAt.Equal(began.Add(step.want)) {
			t.Errorf("at %s: %+v %v", w.at, all, err)
		}
	}
}

func TestWhatIsTakenAwayEndsWithTheNextRequestOnEachNode(t *testing.T) {
	why := domain.Because{Reason: because}
	for name, take := range map[string]func(w *world) error{
		"contact removed": func(w *world) error {
			_, err := w.Commands.RemoveContact(ctx, by, w.one, contact.Remove{Because: why})
			return err
		},
		"portal shut": func(w *world) error {
			_, err := w.Commands.SwitchCustomerPortal(ctx, by, w.customer[0], customer.SwitchPortal{On: false, Because: why})
			return err
		},
		"login disabled": func(w *world) error {
			_, err := w.Commands.DisableLogin(ctx, by, w.human, login.Disable{Because: why})
			return err
		},
		"left": func(w *world) error {
			w.append("login", w.human, login.Left{Kind: Contact, ID: w.one})
			return nil
		},
		"all ended": func(w *world) error { return w.EndAll(ctx, "main", w.human, uuid.Nil, Credentials) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token, _ := w.begin(New{})
			second := w.node()
			for range 2 { // known to both, and remembered
				if !w.opens(w.Store, token) || !w.opens(second, token) {
					t.Fatal("it does not open")
				}
			}
			if err := take(w); err != nil {
				t.Fatal(err)
			}
			if w.opens(second, token) || w.opens(w.Store, token) {
				t.Error("it still opens")
			}
		})
	}
}

func TestRolesOfStaffAreThoseOfNow(t *testing.T) {
	w := newWorld(t)
	token, _ := w.staff()
	second := w.node()
	_, who, err := second.Authenticate(ctx, Asked{Tenant: "main", Token: token})
	if err != nil || !slices.Equal(who.Roles, []access.Role{access.Owner}) || who.Member != w.member || who.Kind != envelope.Staff {
		t.Fatalf("%+v %v", who, err)
	}
	w.append("staff", w.member, staff.RolesChanged{Roles: []access.Role{access.Viewer}})
	if _, who, err = second.Authenticate(ctx, Asked{Tenant: "main", Token: token}); err != nil || !slices.Equal(who.Roles, []access.Role{access.Viewer}) {
		t.Errorf("%+v %v", who, err)
	}
	w.append("staff", w.member, staff.RolesChanged{Roles: []access.Role{access.Auditor}})
	if _, who, err = second.Authenticate(ctx, Asked{Tenant: "main", Token: token}); err != nil || who.Kind != envelope.Auditor {
		t.Errorf("%+v %v", who, err)
	}
	w.append("staff", w.member, staff.Removed{})
	if w.opens(second, token) {
		t.Error("a removed member gets in")
	}
}

func TestOneEndsOnlyOnesOwn(t *testing.T) {
	w := newWorld(t)
	mine, s := w.begin(New{})
	_, other := w.staff()
	other.Login = w.human // as if it were mine
	if ended, err := w.End(ctx, by, other, EndedByUser); ended || err != nil {
		t.Errorf("%t %v", ended, err)
	}
	if ended, err := w.End(ctx, by, s, SignedOut); !ended || err != nil || w.opens(w.Store, mine) {
		t.Errorf("%t %v", ended, err)
	}
	w.has("session.ended")
	for range 3 {
		w.begin(New{})
	}
	kept, keep := w.begin(New{})
	if err := w.EndAll(ctx, "main", w.human, keep.ID, Everywhere); err != nil || !w.opens(w.Store, kept) {
		t.Error(err)
	}
	if all, err := w.List(ctx, "main", w.human); err != nil || len(all) != 1 {
		t.Errorf("%+v %v", all, err)
	}
}

func TestSwitchingIsBetweenOnesOwn(t *testing.T) {
	w := newWorld(t)
	_, s := w.begin(New{})
	for name, to := range map[string]uuid.UUID{"somebody else's": w.member, "nobody's": uuid.New()} {
		if _, _, err := w.Switch(ctx, s, to, envelope.Origin{}); domain.CodeOf(err) != "membership.unknown" {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, s, err := w.Switch(ctx, s, w.two, envelope.Origin{})
	if err != nil || s.Membership != w.two {
		t.Fatalf("%+v %v", s, err)
	}
	if _, who, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: token}); err != nil || who.Contact != w.two || who.Standing.CustomerID != w.customer[1] {
		t.Errorf("%+v %v", who, err)
	}
	w.has("session.switched")
	w.must(w.Commands.RemoveContact(ctx, by, w.one, contact.Remove{Because: domain.Because{Reason: because}}))
	if _, _, err := w.Switch(ctx, s, w.one, envelope.Origin{}); domain.CodeOf(err) != "membership.unknown" {
		t.Errorf("to where one was removed: %v", err)
	}
}

func TestSeeingThePortalAsAContact(t *testing.T) {
	w := newWorld(t)
	own, s := w.staff()
	if _, _, err := w.ViewAs(ctx, s, View{Contact: w.one}); domain.CodeOf(err) != "reason.missing" {
		t.Errorf("without a reason: %v", err)
	}
	_, mine := w.begin(New{})
	if _, _, err := w.ViewAs(ctx, mine, View{Contact: w.two, Reason: because}); !errors.Is(err, ErrEnded) {
		t.Errorf("as a contact: %v", err)
	}
	token, viewing, err := w.ViewAs(ctx, s, View{Contact: w.one, Reason: because})
	if err != nil {
		t.Fatal(err)
	}
	_, who, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: token})
	if err != nil || who.Contact != w.one || who.Kind != Contact || *who.Impersonator != w.member || len(who.Roles) > 0 || who.Actor().Impersonator == nil {
		t.Fatalf("%+v %v", who, err)
	}
	w.has("impersonation.started")
	if r := w.records[len(w.records)-1]; r.Actor.ID != w.member || r.Target.ID != w.one || r.Detail["reason"] != "ticket" {
		t.Errorf("%+v", r)
	}
	if _, _, err := w.ViewAs(ctx, viewing, View{Contact: w.two, Reason: because}); !errors.Is(err, ErrEnded) {
		t.Errorf("from seeing as somebody: %v", err)
	}
	back, again, err := w.Return(ctx, viewing, envelope.Origin{})
	if err != nil || again.ID != s.ID || w.opens(w.Store, token) || w.opens(w.Store, own) || !w.opens(w.Store, back) {
		t.Errorf("%+v %v", again, err)
	}
	w.has("impersonation.ended")
}

func TestSeeingAsAContactIsOver(t *testing.T) {
	for name, end := range map[string]func(w *world, s Session, _ string){
		"after 15 minutes": func(w *world, _ Session, _ string) {
			for range 15 {
				w.at = w.at.Add(time.Minute)
			}
		},
		"with the staff session": func(w *world, s Session, _ string) {
			if _, err := w.End(ctx, by, s, ByOperator); err != nil {
				w.Fatal(err)
			}
		},
		"with another sign-in in its place": func(w *world, _ Session, own string) { w.begin(New{Replaces: own}) },
		"with the role": func(w *world, _ Session, _ string) {
			w.append("staff", w.member, staff.RolesChanged{Roles: []access.Role{access.Viewer}})
		},
		"with the contact": func(w *world, _ Session, _ string) {
			w.append("contact", w.one, contact.Removed{CustomerID: w.customer[0]})
		},
		"with the login": func(w *world, _ Session, _ string) { w.append("login", w.owner, login.Disabled{Why: "staff"}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			own, s := w.staff()
			token, _, err := w.ViewAs(ctx, s, View{Contact: w.one, Reason: because})
			if err != nil || !w.opens(w.Store, token) {
				t.Fatal(err)
			}
			end(w, s, own)
			if w.opens(w.Store, token) || w.opens(w.node(), token) {
				t.Error("it still opens")
			}
		})
	}
}

func TestNothingBeginsThatIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	told, untold := 0, errors.New("nobody can be told")
	w.Store.Viewed = func(_ context.Context, s Session) error {
		if told++; s.Membership != w.one || *s.Impersonator != w.member {
			t.Errorf("%+v", s)
		}
		return untold
	}
	_, s := w.staff()
	w.fails = errors.New("full")
	if token, _, err := w.ViewAs(ctx, s, View{Contact: w.one, Reason: because}); !errors.Is(err, w.fails) || token != "" {
		t.Errorf("%q %v", token, err)
	}
	_, mine := w.begin(New{})
	if token, _, err := w.Switch(ctx, mine, w.two, envelope.Origin{}); !errors.Is(err, w.fails) || token != "" {
		t.Errorf("%q %v", token, err)
	}
	if told != 0 {
		t.Error("somebody is told of what did not begin")
	}
	w.fails = nil // E32: nor does it begin if nobody can be told
	if token, _, err := w.ViewAs(ctx, s, View{Contact: w.one, Reason: because}); !errors.Is(err, untold) || token != "" || told != 1 {
		t.Errorf("%q %v", token, err)
	}
}

func TestWhatHasRunOutIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.begin(New{})
	w.at = w.at.Add(25 * time.Hour)
	w.begin(New{})
	if err := w.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := w.db.QueryRow(ctx, `select count(*) from portico.sessions`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
}

// A context without a session is of nobody who signed in.
func TestOf(t *testing.T) {
	if _, ok := Of(context.Background()); ok {
		t.Error("there is one")
	}
	if s, ok := Of(In(ctx, Session{Tenant: "main"})); !ok || s.Tenant != "main" {
		t.Errorf("%+v %t", s, ok)
	}
}
