// Package signin proves who people are: passwords, second factors, links by mail, another
// provider. What proves it is in tables, sealed or hashed; that it was set, changed or removed
// is history (domain/login); who tried it, and whether it came off, is in the journal. What a
// person may do then is not decided here, and neither is how long they stay signed in.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/login"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/pg"
)

// Service signs people in.
type Service struct {
	DB       pg.DB
	Commands *commands.Commands
	Keys     envelope.Keys
	Journal  journal.Write
	Jobs     *jobs.Store // which send mails
	// EndSessions ends those of a login, but for one; the nil UUID: all.
	EndSessions func(ctx context.Context, tenant string, id, except uuid.UUID, why string) error
	// PublicURL is where people reach Portico, without a slash at its end: passkeys are bound
	// to it, and other providers send people back to it.
	PublicURL string
	Provider  *Provider // another one that staff may sign in by; nil: none
	// Cost is of a password's hash; what OWASP says of argon2id if left out.
	Cost *argon2id.Params
	// Beat is what answers wait for that could tell by their time whether there is a login of
	// some name: they are given at whole multiples of it since the question. 250 ms if left out.
	Beat  time.Duration
	Clock func() time.Time
	Log   *slog.Logger

	gate  gate
	later sync.WaitGroup

	skipNobodys bool // for the test that shows what time would tell
}

// New makes a service ready.
func New(s *Service) *Service {
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	if s.Cost == nil {
		s.Cost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	}
	if s.Beat == 0 {
		s.Beat = 250 * time.Millisecond
	}
	s.gate = newGate()
	return s
}

func (s *Service) now() time.Time { return s.Clock().UTC() }

type text string // keeps SQL constant: a value of another string type does not compile

const tokenSize = 32 // random bytes in what opens something

// newToken is a secret to be given back, and what is kept of it.
func newToken() (token string, hash []byte) {
	secret := make([]byte, tokenSize)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	return token, hashOf(token)
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// as is who acts on their own login: the human, proven to be so.
func as(by commands.Caller, who login.Login, id uuid.UUID) commands.Caller {
	if by.Actor.ID == uuid.Nil { // who signs in has no membership yet
		by.Actor = envelope.Actor{Kind: who.Realm(), ID: id}
	}
	by.Roles = []access.Role{access.System}
	return by
}

// step is the caller in a further decision of the same request: without an id of its own, it
// would pass for a repetition of the one before.
func step(by commands.Caller, name string) commands.Caller {
	if by.CommandID != uuid.Nil {
		by.CommandID = domain.DerivedID(by.CommandID, "signing in", name)
	}
	return by
}

// NewLogin is a human who is to sign in.
type NewLogin struct {
	ID        uuid.UUID // derived from the command if left out
	Realm     string    // login.Contact or login.Staff
	Name      string
	Email     string
	Username  string // or e-mail, or both
	Password  string // empty: none yet; there will be a link
	Temporary bool   // the password was set by somebody else, and must be changed (8.3.5, S4.18)
}

const (
	sqlNewLogin text = `insert into portico.logins (tenant, login, realm, made_at) values ($1, $2, $3, $4) on conflict do nothing`
)

// Register makes a login. Whoever asks has been allowed to by then: by an invitation, or as
// staff. A repeated command finds what it has made, and sets the password no second time.
func (s *Service) Register(ctx context.Context, by commands.Caller, n NewLogin) (uuid.UUID, error) {
	if by.CommandID == uuid.Nil {
		by.CommandID = uuid.Must(uuid.NewV7())
	}
	p, err := n.person()
	if err != nil {
		return uuid.Nil, err
	}
	if n.ID == uuid.Nil {
		n.ID = domain.DerivedID(by.CommandID, "login")
	}
	encoded := ""
	if n.Password != "" {
		if encoded, err = s.fresh(ctx, by.Tenant, subject{realm: n.Realm, person: p}, n.Password); err != nil {
			return uuid.Nil, err
		}
	}
	if by.Actor.ID == uuid.Nil {
		by.Actor = envelope.Actor{Kind: n.Realm, ID: n.ID}
	}
	by.Roles = []access.Role{access.System}
	if _, err := s.Commands.RegisterLogin(ctx, by, n.ID, login.Register{Realm: n.Realm, Person: p}); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.DB.Exec(ctx, string(sqlNewLogin), by.Tenant, n.ID, n.Realm, s.now()); err != nil {
		return uuid.Nil, fmt.Errorf("signin: %w", err)
	}
	if encoded == "" {
		return n.ID, nil
	}
	how := login.PasswordSet
	if n.Temporary {
		how = login.PasswordTemporary
	}
	if _, err := s.Commands.RecordPassword(ctx, step(by, "password"), n.ID, login.ChangePassword{How: how}); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.DB.Exec(ctx, string(sqlNewPassword), by.Tenant, n.ID, encoded, s.now()); err != nil {
		return uuid.Nil, fmt.Errorf("signin: %w", err)
	}
	return n.ID, nil
}

func (n NewLogin) person() (p login.Person, err error) {
	p.Name = n.Name
	if n.Email != "" {
		if p.Email, err = login.NormalEmail(n.Email); err != nil {
			return p, err
		}
	}
	if n.Username != "" {
		p.Username, err = login.NormalUsername(n.Username)
	}
	return p, err
}
