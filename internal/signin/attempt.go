package signin

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/envelope"
	"portico/internal/journal"
)

// Attempt is an attempt at signing in with a password.
type Attempt struct {
	Realm      string
	Name       string // e-mail or user name
	Password   string
	Device     string    // of a device signed in on before; proves nothing
	Membership uuid.UUID // as which to go in, of several; the one used last if left out
}

// ErrFailed is the one answer to whatever was wrong: an unknown name, a wrong password, too
// many of them (ASVS 6.3.8).
var ErrFailed = domain.Forbidden("sign_in.failed",
	"the name or the password is wrong; after %d wrong passwords, none is looked at for %d minutes", maxTries, int(lockedFor.Minutes()))

// SignIn looks at a name and a password. Whatever is wrong with them, the same is done and
// answered: neither text nor code nor time tells whether there is such a name, or whether it
// is locked.
func (s *Service) SignIn(ctx context.Context, by commands.Caller, a Attempt) (Outcome, error) {
	began := time.Now()
	outcome, err := s.attempt(ctx, by, a)
	if err != nil {
		s.onTheBeat(ctx, began)
	}
	return outcome, err
}

// onTheBeat waits until an answer may be given. To do the same for nobody's name is not enough:
// a login with a history takes tenths of milliseconds longer to look up than one without, and
// who asks often enough sees that.
func (s *Service) onTheBeat(ctx context.Context, began time.Time) {
	select {
	case <-time.After(s.Beat - time.Since(began)%s.Beat):
	case <-ctx.Done():
	}
}

func (s *Service) attempt(ctx context.Context, by commands.Caller, a Attempt) (Outcome, error) {
	if err := s.door(ctx, by); err != nil {
		return Outcome{}, err
	}
	id, who, err := s.Commands.LoginNamed(ctx, by.Tenant, a.Realm, a.Name)
	if err != nil {
		return Outcome{}, err
	}
	hash, err := s.Commands.Hash(ctx, by.Tenant, "names tried", a.Realm, normal(a.Name))
	if err != nil {
		return Outcome{}, err
	}
	whose := id
	if id == uuid.Nil {
		whose = domain.DerivedID(commands.TenantID(by.Tenant), "nobody", hash)
	}
	c, err := s.counterOf(ctx, by.Tenant, whose, a.Device)
	if err == nil {
		err = s.take(ctx, by.Tenant, ofCounter(c))
	}
	if err != nil {
		return Outcome{}, err
	}
	nth, err := s.try(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	asked := whose
	if nth == 0 || !who.HasPassword() {
		asked = uuid.Nil // not looked at, but as if
	}
	ok, err := s.verify(ctx, by.Tenant, asked, a.Password)
	if err != nil {
		return Outcome{}, err
	}
	if !ok {
		return Outcome{}, s.wrong(ctx, by, failure{id, who, hash, nth})
	}
	if err := s.right(ctx, c); err != nil {
		return Outcome{}, err
	}
	return s.proven(ctx, by, proof{id: id, who: who, shown: []string{"password"}, membership: a.Membership})
}

// normal is a name as it is looked for. Nobody's name counts for itself in each of its
// spellings as little as somebody's: else the throttle would tell which is which.
func normal(name string) string {
	read := login.NormalUsername
	if strings.ContainsRune(name, '@') {
		read = login.NormalEmail
	}
	if n, err := read(name); err == nil {
		return n
	}
	return name
}

// failure is a try that did not come off.
type failure struct {
	id   uuid.UUID // the nil UUID: nobody's name
	who  login.Login
	hash string // of the name
	nth  int    // zero: not looked at
}

func (s *Service) wrong(ctx context.Context, by commands.Caller, f failure) error {
	detail := map[string]string{"name": f.hash, "try": strconv.Itoa(f.nth)}
	if f.nth == 0 {
		detail["why"] = "locked"
	}
	if err := s.note(ctx, by, "sign_in.failed", journal.Failure, f.id, detail); err != nil {
		return err
	}
	if f.nth == maxTries {
		s.locked(ctx, by, f.id, f.who)
	}
	return ErrFailed
}

// locked records that a login was locked, and has its owner told. The answer does not wait
// for it: of a name that is nobody's there is nothing to record, and time would tell.
func (s *Service) locked(ctx context.Context, by commands.Caller, id uuid.UUID, who login.Login) {
	if id == uuid.Nil || !who.Known() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	s.later.Go(func() {
		by = as(by, who, id)
		by.CommandID = uuid.Must(uuid.NewV7())
		if _, err := s.Commands.LockLogin(ctx, by, id, login.Lock{Why: "attempts", Until: s.now().Add(lockedFor)}); err != nil {
			s.Log.Warn("a login was locked, which history does not say", "login", id, "error", err)
		}
	})
}

// Settle waits for what is still being recorded.
func (s *Service) Settle() { s.later.Wait() }

// note writes to the journal who tried what. Nothing goes on if that fails.
func (s *Service) note(ctx context.Context, by commands.Caller, kind, outcome string, id uuid.UUID, detail map[string]string) error {
	actor := by.Actor
	if actor.Kind == "" {
		actor = envelope.Actor{Kind: "anonymous"}
	}
	return s.Journal(ctx, journal.Record{Tenant: by.Tenant, Kind: kind, Outcome: outcome, Actor: actor, Login: id, Origin: by.Origin,
		Target: journal.Target{Kind: "login", ID: id}, Detail: detail})
}
