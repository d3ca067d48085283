package session

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/tenant"
)

func (w *world) policy(p tenant.SecurityPolicy) {
	w.Helper()
	w.must(w.Commands.SetSecurityPolicy(ctx, by, tenant.SetSecurityPolicy{SecurityPolicy: p}))
}

// stageOf is the stage of a session at its next request on a node.
func (w *world) stageOf(on *Store, token string) string {
	w.Helper()
	s, who, err := on.Authenticate(ctx, Asked{Tenant: "main", Token: token})
	if err != nil || who.Standing == nil {
		w.Fatalf("%+v, %v", who, err)
	}
	return s.Stage
}

// 8.4.1, I9: a second factor that a policy, or a grant, begins to ask for is asked for at the
// next request of a session that there is, on every node; who has shown one goes on.
func TestASecondFactorThatBeginsToBeAskedForIsAskedForAtTheNextRequest(t *testing.T) {
	w := newWorld(t)
	other := w.node()
	manager, _ := w.begin(New{Factors: []string{"password"}})
	reader, _ := w.begin(New{Login: w.human, Realm: Contact, Membership: w.two, Factors: []string{"password"}})
	_, staffSession := w.staff()
	viewing, _, err := w.ViewAs(ctx, staffSession, View{Contact: w.one, Reason: because})
	if err != nil {
		t.Fatal(err)
	}
	is := func(when, wantManager, wantReader string) {
		t.Helper()
		for _, node := range []*Store{other, w.Store} {
			if got := w.stageOf(node, manager); got != wantManager {
				t.Errorf("%s: who manages people is at %s, want %s", when, got, wantManager)
			}
			if got := w.stageOf(node, reader); got != wantReader {
				t.Errorf("%s: who reads is at %s, want %s", when, got, wantReader)
			}
		}
	}
	is("nobody is asked", Full, Full)
	w.policy(tenant.SecurityPolicy{ContactFactor: tenant.FactorManagers})
	is("managers are", Enrol, Full)
	admin, err := access.Preset("customer_admin")
	if err != nil {
		t.Fatal(err)
	}
	w.must(w.Commands.ChangeContactAccess(ctx, by, w.two, contact.ChangeAccess{Grants: admin, Because: domain.Because{Reason: because}}))
	is("the reader manages too", Enrol, Enrol)
	w.policy(tenant.SecurityPolicy{})
	is("nobody is any more", Full, Full)

	w.policy(tenant.SecurityPolicy{ContactFactor: tenant.FactorAll})
	w.append("login", w.human, login.SecondFactorEnrolled{FactorID: uuid.New(), Kind: login.TOTP, Name: "phone"})
	if w.opens(other, manager) {
		t.Error("a session from before the factor goes on")
	}
	manager, _ = w.begin(New{Factors: []string{"password", "totp"}, Credentials: 1})
	reader, _ = w.begin(New{Login: w.human, Realm: Contact, Membership: w.two, Factors: []string{"password"}, Credentials: 1})
	is("one has shown it", Full, SecondFactor)
	if got := w.stageOf(other, viewing); got != Full {
		t.Errorf("staff who look are asked for the contact's: %s", got)
	}
}

// 8.2.8: contacts who may not pay are signed out after as long as the policy says; nobody's
// session lasts longer than 15 minutes because of it who may.
func TestTheSecurityPolicySaysHowLongASessionMayBeLeftAlone(t *testing.T) {
	w := newWorld(t)
	for _, minutes := range []int{5, 60} {
		w.policy(tenant.SecurityPolicy{IdleMinutes: minutes})
		for membership, idle := range map[uuid.UUID]time.Duration{w.one: idleShort, w.two: time.Duration(minutes) * time.Minute} {
			token, _ := w.begin(New{Login: w.human, Realm: Contact, Membership: membership})
			began := w.at
			w.at = began.Add(idle - time.Second)
			if _, _, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: token, Background: true}); err != nil {
				t.Errorf("%d minutes: over too early: %v", minutes, err)
			}
			w.at = began.Add(idle)
			if _, _, err := w.Authenticate(ctx, Asked{Tenant: "main", Token: token, Background: true}); !errors.Is(err, ErrEnded) {
				t.Errorf("%d minutes: left alone for %v it goes on: %v", minutes, idle, err)
			}
		}
	}
}
