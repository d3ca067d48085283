// Package session knows who is signed in: a session is begun when somebody signs in, gets
// another token at each step up, and ends at once, for all nodes. It does not know
// passwords (internal/signin), and decides nothing about rights: those come from history,
// at each request.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/login"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/journal"
	"portico/internal/pg"
)

// The realms.
const (
	Contact = login.Contact
	Staff   = login.Staff
)

// The stages: how far somebody has come with signing in. Short of Full, only what leads
// there is open.
const (
	Full         = "full"
	SecondFactor = "second_factor" // has one, and is to show it
	Enrol        = "enrol"         // must have one, and has none
	Password     = "password"      // came with a temporary one, and is to choose another
)

// How long a session lasts (SECURITY 1b 8.2.8, ASVS 7.3).
const (
	idleShort  = 15 * time.Minute // unused: of staff, and of contacts who may pay
	idleLong   = 30 * time.Minute // of other contacts
	staffFor   = 12 * time.Hour   // however much it is used
	contactFor = 24 * time.Hour
	halfwayFor = 15 * time.Minute // to finish signing in
	viewFor    = 15 * time.Minute // seeing the portal as a contact (E32)
	usedEvery  = time.Minute      // how exactly the last use is kept
	// Fresh is how long ago a factor may have been shown for what is sensitive (8.3.3).
	Fresh = 10 * time.Minute
)

// Session is one sign-in. Its token is not in it.
type Session struct {
	Tenant       string     `db:"tenant"`
	ID           uuid.UUID  `db:"id"` // names it in records; it opens nothing
	Login        uuid.UUID  `db:"login"`
	Realm        string     `db:"realm"`
	Membership   uuid.UUID  `db:"membership"`
	Stage        string     `db:"stage"`
	Factors      []string   `db:"factors"`
	Credentials  int        `db:"credentials"` // of the login: how often they had changed
	BeganAt      time.Time  `db:"began_at"`
	UsedAt       time.Time  `db:"used_at"`
	ConfirmedAt  time.Time  `db:"confirmed_at"` // a factor was shown last
	ExpiresAt    time.Time  `db:"expires_at"`
	Device       string     `db:"device"`
	Network      string     `db:"network"`
	Impersonator *uuid.UUID `db:"impersonator"` // the staff member who sees the portal as the contact
	Parent       *uuid.UUID `db:"parent"`       // the staff session that this goes back to
	Reason       string     `db:"reason"`

	hash []byte // of the token that it was opened with
}

// Confirmed tells whether a factor was shown recently enough for what is sensitive.
func (s Session) Confirmed(now time.Time) bool { return now.Sub(s.ConfirmedAt) < Fresh }

// Store keeps sessions in portico.sessions.
type Store struct {
	DB       pg.DB
	Commands *commands.Commands
	Rights   *auth.Rights // what memberships may do now
	Journal  journal.Write
	Clock    func() time.Time
	// Viewed has it told that somebody sees the portal as a contact; for certain, once it has
	// answered. Left out, nobody is told.
	Viewed func(ctx context.Context, s Session) error
}

// ErrEnded says that a token opens nothing. It does not say why.
var ErrEnded = errors.New("session: it is over")

// New is a session to begin.
type New struct {
	Tenant     string
	Login      uuid.UUID
	Realm      string
	Membership uuid.UUID
	Stage      string
	Factors    []string // what was shown
	// Credentials are how often the login's had changed when it was shown.
	Credentials int
	Origin      envelope.Origin
	// Replaces is the token that came with the request, if one did: it opens nothing any
	// more, so that nobody goes on in a session that somebody else has planted.
	Replaces string
}

type text string // keeps SQL constant: a value of another string type does not compile

const sqlBegin text = `
with replaced as (delete from portico.sessions where hash = $14 and tenant = $1)
insert into portico.sessions (tenant, id, login, realm, membership, hash, stage, factors, began_at, used_at, confirmed_at, expires_at, device, network, credentials)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $15)`

// Begin begins a session and returns its token, for a cookie.
func (s *Store) Begin(ctx context.Context, n New) (token string, begun Session, err error) {
	now := s.now()
	begun = Session{
		Tenant: n.Tenant, ID: uuid.Must(uuid.NewV7()), Login: n.Login, Realm: n.Realm, Membership: n.Membership,
		Credentials: n.Credentials, Stage: n.Stage, Factors: append([]string{}, n.Factors...), BeganAt: now, UsedAt: now, ConfirmedAt: now,
		ExpiresAt: now.Add(lasts(n.Realm, n.Stage)), Device: device(n.Origin.UserAgent), Network: network(n.Origin.IP),
	}
	token, begun.hash = newToken()
	_, err = s.DB.Exec(ctx, string(sqlBegin), begun.Tenant, begun.ID, begun.Login, begun.Realm, begun.Membership, begun.hash, begun.Stage,
		begun.Factors, now, begun.ConfirmedAt, begun.ExpiresAt, begun.Device, begun.Network, hashOf(n.Replaces), begun.Credentials)
	if err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	return token, begun, nil
}

// now is to the microsecond, as the database keeps it.
func (s *Store) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }

// lasts is for how long a session of a realm at a stage lasts, however much it is used.
func lasts(realm, stage string) time.Duration {
	switch {
	case stage != Full:
		return halfwayFor
	case realm == Staff:
		return staffFor
	}
	return contactFor
}

// newToken is 32 random bytes, and what is kept of them.
func newToken() (token string, hash []byte) {
	secret := make([]byte, 32)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	return token, hashOf(token)
}

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// network is an address without its end: enough to know one's own again, too little to
// tell neighbours apart.
func network(ip string) string {
	at, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	bits := 24
	if at = at.Unmap(); at.Is6() {
		bits = 48
	}
	p, err := at.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

type contextKey struct{}

// In is ctx with the session that a request came in.
func In(ctx context.Context, s Session) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// Of is the session that a request came in; ok is false for a request with an API key, and
// without anything.
func Of(ctx context.Context) (s Session, ok bool) {
	s, ok = ctx.Value(contextKey{}).(Session)
	return s, ok
}

func collect(rows pgx.Rows) ([]Session, error) {
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Session])
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return all, nil
}
