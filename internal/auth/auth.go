// Package auth knows API keys: who may call Portico, as whom. A key is shown once, when
// it is made; the database keeps its SHA-256. That a key exists, for whom and until when
// is history (domain/apikey); the hash is not.
package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/pg"
)

// Keys are the API keys in portico.api_keys.
type Keys struct {
	DB       pg.DB
	Commands *commands.Commands
	Clock    func() time.Time
	// Rights are what contacts may do now. Left out, the keys have their own.
	Rights *Rights

	own sync.Once
}

// rights are what contacts may do now.
func (k *Keys) rights() *Rights {
	k.own.Do(func() {
		if k.Rights == nil {
			k.Rights = &Rights{Commands: k.Commands, Clock: k.Clock}
		}
	})
	return k.Rights
}

// Principal is who a request comes from.
type Principal struct {
	KeyID    uuid.UUID // the API key; nil for who signed in
	Tenant   string
	Kind     string        // envelope.Staff, Auditor, Integration or Contact
	Roles    []access.Role // of staff
	Contact  uuid.UUID
	Standing *access.Standing // what a contact may see and do now; of others there is none

	// Of who signed in, and has no key:
	Login        uuid.UUID  // the human
	Session      uuid.UUID  // names it in records; it opens nothing
	Member       uuid.UUID  // the staff membership
	Impersonator *uuid.UUID // the staff member who sees the portal as the contact
}

// ActorID names who acts in events: the contact, the staff member, or the key itself; the
// login while it has not chosen as whom it acts.
func (p Principal) ActorID() uuid.UUID { return cmp.Or(p.Contact, p.Member, p.KeyID, p.Login) }

// Actor is who acts, for an envelope.
func (p Principal) Actor() envelope.Actor {
	a := envelope.Actor{Kind: p.Kind, ID: p.ActorID(), Impersonator: p.Impersonator, Session: p.Session}
	if p.KeyID != a.ID {
		a.Key = p.KeyID
	}
	return a
}

// ErrInvalid says that a key opens nothing. It does not say why.
var ErrInvalid = errors.New("auth: this key opens nothing")

const (
	prefix     = "pk_"
	secretSize = 32 // random bytes in a key
	// usedEvery is how exactly the last use of a key is kept.
	usedEvery = time.Minute
)

// newToken makes a key: pk_<tenant>_<32 random bytes in base 62>.
func newToken(tenant string) string {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	text := new(big.Int).SetBytes(secret).Text(62)
	return prefix + tenant + "_" + strings.Repeat("0", 43-len(text)) + text
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

type text string // keeps SQL constant: a value of another string type does not compile

const sqlFind text = `
select k.id, k.tenant, k.role, k.contact_id, k.hash, k.last_used_at from portico.api_keys k where k.hash = $1 and k.revoked_at is null`

const sqlUsed text = `
update portico.api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)`

// Authenticate finds out whose a token is. Every token costs one look-up by its hash,
// whatever it looks like: neither text nor time tells a near miss from a wild guess.
func (k *Keys) Authenticate(ctx context.Context, token string) (Principal, error) {
	given := hash(token)
	var p Principal
	var contact *uuid.UUID
	var stored []byte
	var used *time.Time
	var role access.Role
	err := k.DB.QueryRow(ctx, string(sqlFind), given).Scan(&p.KeyID, &p.Tenant, &role, &contact, &stored, &used)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Principal{}, ErrInvalid
	case err != nil:
		return Principal{}, fmt.Errorf("auth: %w", err)
	case subtle.ConstantTimeCompare(given, stored) != 1:
		return Principal{}, ErrInvalid
	}
	p.Kind, p.Roles = kindOf(role), []access.Role{role}
	if contact != nil {
		p.Contact = *contact
		standing, err := k.rights().Of(ctx, p.Tenant, p.Contact)
		if err != nil {
			return Principal{}, err
		}
		if len(standing.Seen()) == 0 {
			return Principal{}, ErrInvalid
		}
		p.Standing = &standing
	}
	if now := k.Clock().UTC(); used == nil || now.Sub(*used) >= usedEvery {
		if _, err := k.DB.Exec(ctx, string(sqlUsed), p.KeyID, now); err != nil {
			return Principal{}, fmt.Errorf("auth: %w", err)
		}
	}
	return p, nil
}

// kindOf is how history speaks of a key with a role.
func kindOf(r access.Role) string {
	switch r {
	case access.Auditor, access.Integration, access.Contact:
		return string(r)
	}
	return envelope.Staff
}
