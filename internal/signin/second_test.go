package signin

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"portico/domain"
	"portico/domain/login"
	"portico/internal/session"
)

// app enrols an authenticator app for jo and answers its secret and the recovery codes.
func (w *world) app() (secret string, codes []string) {
	w.Helper()
	out, err := w.try("jo", good)
	w.ok(err)
	begun, err := w.BeginApp(ctx, stranger(1), w.jo)
	w.ok(err)
	if u, err := url.Parse(begun.URL); err != nil || u.Path != "/Acme Plumbing:jo@example.com" || u.Query().Get("issuer") != "Acme Plumbing" {
		w.Errorf("%s: %v", begun.URL, err)
	}
	codes, err = w.FinishApp(ctx, stranger(1), w.session(out), AppCode{begun.FactorID, w.totp(begun.Secret), "Jo's phone"})
	w.ok(err)
	w.pass(time.Minute) // the code that enrolled it is used up
	return begun.Secret, codes
}

func (w *world) totp(secret string) string {
	w.Helper()
	code, err := totp.GenerateCode(secret, w.now())
	w.ok(err)
	return code
}

// half is a session of jo's that lacks the second factor.
func (w *world) half() session.Session {
	w.Helper()
	out, err := w.try("jo", good)
	if err != nil || out.Stage != session.SecondFactor {
		w.Fatalf("%+v, %v", out, err)
	}
	return w.session(out)
}

// 8.4.1, 8.5.1: a code is one of this app, now or a step away, and each is taken once: of the
// same given at once on two nodes, one.
func TestACodeIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, codes := w.app()
	if len(codes) != recoveryCodes {
		t.Errorf("%d recovery codes", len(codes))
	}
	of := w.half()
	nodes := []*Service{w.Service, w.node()}
	code := w.totp(secret)
	var took atomic.Int32
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if out, err := nodes[i%2].Second(ctx, stranger(i), of, Given{Code: code}); err == nil && out.Stage == session.Full {
				took.Add(1)
			}
		})
	}
	wg.Wait()
	if n := took.Load(); n != 1 {
		t.Errorf("the same code was taken %d times", n)
	}
	for step, want := range map[time.Duration]bool{-2 * stepLength: false, stepLength: true, 2 * stepLength: false} {
		w.pass(10 * time.Minute)
		given, err := totp.GenerateCode(secret, w.now().Add(step))
		w.ok(err)
		if _, err := w.Second(ctx, stranger(1), of, Given{Code: given}); (err == nil) != want {
			t.Errorf("%v away: %v", step, err)
		}
	}
	if strings.Contains(string(w.dump()), secret) {
		t.Error("the secret is readable in the database")
	}
}

// Ten wrong codes, then none is looked at for 30 minutes: six digits must not be guessed.
func TestWrongCodesLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, _ := w.app()
	of := w.half()
	for range maxTries {
		if _, err := w.Second(ctx, stranger(1), of, Given{Code: "000000"}); domain.CodeOf(err) != "second_factor.failed" {
			t.Fatal(err)
		}
	}
	w.pass(lockedFor - time.Second)
	if _, err := w.Second(ctx, stranger(1), of, Given{Code: w.totp(secret)}); domain.CodeOf(err) != "second_factor.failed" {
		t.Errorf("at 29:59: %v", err)
	}
	w.pass(time.Second)
	if _, err := w.Second(ctx, stranger(1), of, Given{Code: w.totp(secret)}); err != nil {
		t.Errorf("at 30:00: %v", err)
	}
}

// A recovery code is good once, however it is typed; new ones void those before.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, codes := w.app()
	of := w.half()
	typed := strings.ToLower(strings.ReplaceAll(codes[3], "-", " "))
	if out, err := w.Second(ctx, stranger(1), of, Given{RecoveryCode: typed}); err != nil || out.Stage != session.Full {
		t.Fatalf("%+v, %v", out, err)
	}
	w.has(w.jo, "login.recovery_code_used")
	if _, err := w.Second(ctx, stranger(1), of, Given{RecoveryCode: codes[3]}); err == nil {
		t.Error("it is good twice")
	}
	if strings.Contains(string(w.dump()), codes[4]) {
		t.Error("a code is readable in the database")
	}
	fresh, err := w.RecoveryCodes(ctx, stranger(1), w.jo)
	w.ok(err)
	if _, err := w.Second(ctx, stranger(1), of, Given{RecoveryCode: codes[4]}); err == nil {
		t.Error("an old one is good still")
	}
	if _, err := w.Second(ctx, stranger(1), of, Given{RecoveryCode: fresh[0]}); err != nil {
		t.Error(err)
	}
}

// Whoever must have a second factor does not remove the last one (8.4.1); a removed one proves
// nothing, even if its row is still there.
func TestRemovingASecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, _ := w.app()
	who, err := w.Commands.LoginOf(ctx, "main", w.jo)
	w.ok(err)
	of := session.Session{Tenant: "main", Login: w.jo, Realm: login.Contact, Membership: w.contact, Stage: session.Full}
	staff, err := w.try("ann@example.com", other)
	w.ok(err)
	begun, err := w.BeginApp(ctx, stranger(1), w.ann)
	w.ok(err)
	_, err = w.FinishApp(ctx, stranger(1), w.session(staff), AppCode{begun.FactorID, w.totp(begun.Secret), "Ann's phone"})
	w.ok(err)
	if err := w.RemoveFactor(ctx, stranger(1), w.session(staff), begun.FactorID); domain.CodeOf(err) != "second_factor.needed" {
		t.Errorf("staff: %v", err)
	}
	w.ok(w.RemoveFactor(ctx, stranger(1), of, who.Factors()[0].ID))
	if out, err := w.try("jo", good); err != nil || out.Stage != session.Full {
		t.Errorf("%+v, %v", out, err)
	}
	if shown, err := w.Confirm(ctx, stranger(1), of, Given{Code: w.totp(secret)}); err == nil {
		t.Errorf("it still shows %s", shown)
	}
}

// A passkey signs in by itself, at this portal's address only; one whose counter runs behind
// was copied.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rp := virtualwebauthn.RelyingParty{Name: "Portico", ID: "portal.example.com", Origin: "https://portal.example.com"}
	phone := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: w.jo[:]})
	key := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	out, err := w.try("jo", good)
	w.ok(err)
	enrol := func(rp virtualwebauthn.RelyingParty) error {
		c, err := w.BeginPasskey(ctx, stranger(1), w.jo)
		w.ok(err)
		options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
		w.ok(err)
		made := virtualwebauthn.CreateAttestationResponse(rp, phone, key, *options)
		_, err = w.FinishPasskey(ctx, stranger(1), w.session(out), Response{c.Token, []byte(made)}, "Phone")
		return err
	}
	foreign := rp
	foreign.Origin = "https://portal.example.com.evil.example"
	if err := enrol(foreign); domain.CodeOf(err) != "passkey.failed" {
		t.Errorf("enrolled at another origin: %v", err)
	}
	w.ok(enrol(rp))
	w.has(w.jo, "login.second_factor_enrolled")
	phone.AddCredential(key)
	signIn := func(rp virtualwebauthn.RelyingParty, key virtualwebauthn.Credential) (Ceremony, Outcome, error) {
		c, err := w.BeginPasskeySignIn(ctx, stranger(1))
		w.ok(err)
		options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
		w.ok(err)
		out, err := w.FinishPasskeySignIn(ctx, stranger(2), Response{c.Token, []byte(virtualwebauthn.CreateAssertionResponse(rp, phone, key, *options))}, w.contact)
		return c, out, err
	}
	key.Counter = 7
	begun, got, err := signIn(rp, key)
	if err != nil || got.Login != w.jo || got.Stage != session.Full {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.FinishPasskeySignIn(ctx, stranger(2), Response{begun.Token, []byte(`{}`)}, w.contact); domain.CodeOf(err) != "sign_in.expired" {
		t.Errorf("the same challenge again: %v", err)
	}
	key.Counter = 5
	if _, _, err := signIn(rp, key); domain.CodeOf(err) != "passkey.failed" {
		t.Errorf("a counter that runs behind: %v", err)
	}
	key.Counter = 9
	if _, _, err := signIn(foreign, key); domain.CodeOf(err) != "passkey.failed" {
		t.Errorf("from another origin: %v", err)
	}
	if _, _, err := signIn(rp, virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)); domain.CodeOf(err) != "passkey.failed" {
		t.Errorf("a passkey that nobody knows: %v", err)
	}
	phone.Options.UserNotVerified = true
	if _, _, err := signIn(rp, key); domain.CodeOf(err) != "passkey.failed" {
		t.Errorf("by whoever holds the phone: %v", err)
	}
	if of := w.half(); of.Login != w.jo {
		t.Error("who has a passkey is not asked for it")
	}
}
