package session

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain/login"
	"portico/domain/tenant"
	"portico/internal/envelope"
)

// 8.4.1: what needs no second factor for one customer needs it for another.
func TestSwitchingAsksForTheSecondFactorOfWhereOneGoes(t *testing.T) {
	w := newWorld(t)
	to := func(policy string, from, membership uuid.UUID, factors []string, want string) {
		t.Helper()
		w.must(w.Commands.SetSecurityPolicy(ctx, by, tenant.SetSecurityPolicy{SecurityPolicy: tenant.SecurityPolicy{ContactFactor: policy}}))
		human, err := w.Commands.LoginOf(ctx, "main", w.human)
		if err != nil {
			t.Fatal(err)
		}
		_, s := w.begin(New{Login: w.human, Realm: Contact, Membership: from, Factors: factors, Credentials: human.Credentials()})
		if _, s, err = w.Switch(ctx, s, membership, envelope.Origin{}); err != nil || s.Stage != want || s.Membership != membership {
			t.Errorf("%s: %+v %v, want %s", policy, s, err, want)
		}
	}
	password, both := []string{"password"}, []string{"password", "totp"}
	to(tenant.FactorOff, w.two, w.one, password, Full)
	to(tenant.FactorManagers, w.two, w.one, password, Enrol) // an administrator there
	to(tenant.FactorManagers, w.one, w.two, password, Full)  // reads only
	to(tenant.FactorAll, w.one, w.two, password, Enrol)
	w.append("login", w.human, login.SecondFactorEnrolled{FactorID: uuid.New(), Kind: login.TOTP, Name: "phone"})
	to(tenant.FactorManagers, w.two, w.one, password, SecondFactor)
	to(tenant.FactorManagers, w.two, w.one, both, Full)
}

// I9: what changes a credential ends the sessions before it by history alone: nobody need
// come to delete them.
func TestSessionsBeforeAChangeOfCredentialsAreOver(t *testing.T) {
	w := newWorld(t)
	changes := map[string][]any{
		"password":          {login.PasswordChanged{How: login.PasswordReset}},
		"factor":            {login.SecondFactorEnrolled{FactorID: uuid.New(), Kind: login.TOTP, Name: "phone"}},
		"address":           {login.EmailChanged{ChangeID: uuid.New(), Email: "jo@example.org"}},
		"shut and let in":   {login.Disabled{Why: "staff"}, login.Enabled{}},
		"locked: no change": {login.Locked{Why: "attempts"}},
	}
	node := w.node()
	for name, events := range changes {
		human, err := w.Commands.LoginOf(ctx, "main", w.human)
		if err != nil {
			t.Fatal(err)
		}
		n := New{Login: w.human, Realm: Contact, Membership: w.one, Credentials: human.Credentials()}
		token, _ := w.begin(n)
		if !w.opens(node, token) {
			t.Fatal(name)
		}
		w.append("login", w.human, events...)
		_, locked := events[0].(login.Locked)
		if w.opens(node, token) != locked || w.opens(w.Store, token) != locked {
			t.Errorf("%s: a session from before: open %v", name, !locked)
		}
		late, _ := w.begin(n) // what was right before the change was shown, and the session began after it
		if w.opens(w.Store, late) != locked {
			t.Errorf("%s: by what was right before", name)
		}
	}
}

// The session in which a credential is changed goes on, and what is seen from it.
func TestTheSessionThatChangesACredentialGoesOn(t *testing.T) {
	w := newWorld(t)
	token, s := w.staff()
	view, _, err := w.ViewAs(ctx, s, View{Contact: w.one, Reason: because})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := w.staff()
	w.append("login", w.owner, login.PasswordChanged{How: login.PasswordChange})
	if err := w.EndAll(ctx, "main", w.owner, s.ID, Credentials); err != nil {
		t.Fatal(err)
	}
	if !w.opens(w.Store, token) || !w.opens(w.Store, view) || w.opens(w.Store, other) {
		t.Errorf("its own %v, as the contact %v, another %v", w.opens(w.Store, token), w.opens(w.Store, view), w.opens(w.Store, other))
	}
}
