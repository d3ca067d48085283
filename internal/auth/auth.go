// Package auth knows API keys: who may call Portico, as whom. A key is shown once, when
// it is made; the database keeps its SHA-256. That a key exists, for whom and until when
// is history (domain/apikey); the hash is not.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
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
	// Customers tells which customers a contact may see now: none once it was removed. It
	// is asked at each request. Left out, history is asked.
	Customers func(ctx context.Context, tenant string, contact uuid.UUID) ([]uuid.UUID, error)

	known sync.Map // of key ids to heads: those at which history let the contact in
}

// heads are the versions of the streams that decide what a contact may see: its own and
// its customer's. While neither has moved, nor has the answer. Below zero: not known.
type heads struct{ contact, customer int64 }

// Principal is who a request comes from.
type Principal struct {
	KeyID     uuid.UUID // the API key; nil for who signed in
	Tenant    string
	Kind      string        // envelope.Staff, Auditor, Integration or Contact
	Roles     []access.Role // of staff
	Contact   uuid.UUID
	Customers []uuid.UUID // whose data a contact may see

	// Of who signed in, and has no key:
	Login        uuid.UUID  // the human
	Session      uuid.UUID  // names it in records; it opens nothing
	Member       uuid.UUID  // the staff membership
	Impersonator *uuid.UUID // the staff member who sees the portal as the contact
}

// ActorID names who acts in events: the contact, the staff member, or the key itself.
func (p Principal) ActorID() uuid.UUID {
	for _, id := range []uuid.UUID{p.Contact, p.Member} {
		if id != uuid.Nil {
			return id
		}
	}
	return p.KeyID
}

// Actor is who acts, for an envelope.
func (p Principal) Actor() envelope.Actor {
	return envelope.Actor{Kind: p.Kind, ID: p.ActorID(), Impersonator: p.Impersonator, Session: p.Session}
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

// The heads are read with the key: a contact's rights cost no further round trip unless
// its history has moved since they were last asked for.
const sqlFind text = `
select k.id, k.tenant, k.role, k.contact_id, k.customer_id, k.hash, k.last_used_at,
  coalesce((select s.version from es.streams s where s.name = k.tenant || '.contact-' || k.contact_id), -1),
  coalesce((select s.version from es.streams s where s.name = k.tenant || '.customer-' || k.customer_id), -1)
from portico.api_keys k where k.hash = $1 and k.revoked_at is null`

const sqlUsed text = `
update portico.api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)`

// Authenticate finds out whose a token is. Every token costs one look-up by its hash,
// whatever it looks like: neither text nor time tells a near miss from a wild guess.
func (k *Keys) Authenticate(ctx context.Context, token string) (Principal, error) {
	given := hash(token)
	var p Principal
	var contact, customer *uuid.UUID
	var at heads
	var stored []byte
	var used *time.Time
	var role access.Role
	err := k.DB.QueryRow(ctx, string(sqlFind), given).Scan(&p.KeyID, &p.Tenant, &role, &contact, &customer, &stored, &used, &at.contact, &at.customer)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Principal{}, ErrInvalid
	case err != nil:
		return Principal{}, fmt.Errorf("auth: %w", err)
	case subtle.ConstantTimeCompare(given, stored) != 1:
		return Principal{}, ErrInvalid
	}
	p.Kind, p.Roles = kindOf(role), []access.Role{role}
	if contact != nil && customer != nil {
		p.Contact = *contact
		if err := k.admit(ctx, &p, *customer, at); err != nil {
			return Principal{}, err
		}
	}
	if now := k.Clock().UTC(); used == nil || now.Sub(*used) >= usedEvery {
		if _, err := k.DB.Exec(ctx, string(sqlUsed), p.KeyID, now); err != nil {
			return Principal{}, fmt.Errorf("auth: %w", err)
		}
	}
	return p, nil
}

// admit finds out what a contact may see now. Who may see nothing does not get in.
func (k *Keys) admit(ctx context.Context, p *Principal, customer uuid.UUID, at heads) (err error) {
	if last, ok := k.known.Load(p.KeyID); ok && last.(heads) == at && k.Customers == nil {
		p.Customers = []uuid.UUID{customer}
		return nil
	}
	ask := k.Customers
	if ask == nil {
		ask = k.Commands.CustomersOfContact
	}
	p.Customers, err = ask(ctx, p.Tenant, p.Contact)
	switch {
	case err != nil:
		return err
	case len(p.Customers) == 0:
		return ErrInvalid
	case slices.Equal(p.Customers, []uuid.UUID{customer}) && at.contact >= 0 && at.customer >= 0:
		k.known.Store(p.KeyID, at) // history was read after the heads: at worst this is asked for once more
	}
	return nil
}

// kindOf is how history speaks of a key with a role.
func kindOf(r access.Role) string {
	switch r {
	case access.Auditor, access.Integration, access.Contact:
		return string(r)
	}
	return envelope.Staff
}
