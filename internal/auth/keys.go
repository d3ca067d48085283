package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/internal/cardmask"
)

// Key is what may be shown of one.
type Key struct {
	ID         uuid.UUID  `json:"id" db:"id"`
	Name       string     `json:"name" db:"name"`
	Role       string     `json:"role" db:"role" enum:"staff,auditor,integration,contact"`
	ContactID  *uuid.UUID `json:"contact_id,omitempty" db:"contact_id"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty" db:"customer_id"`
	CreatedAt  time.Time  `json:"created_at" db:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" db:"last_used_at" doc:"To the minute"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty" db:"revoked_at"`
}

// NewKey is what to make: a key for a role, or for a contact.
type NewKey struct {
	Name      string     `json:"name" minLength:"1" maxLength:"200" doc:"Whose it is, or what for"`
	Role      string     `json:"role" enum:"staff,auditor,integration,contact"`
	ContactID *uuid.UUID `json:"contact_id,omitempty" doc:"The contact that the key is for; its role is contact"`
}

// Created is a key just made. The token is nowhere else.
type Created struct {
	commands.Receipt
	Token string `json:"token,omitempty" doc:"The key itself, shown this once: a repeated request does not show it again"`
}

// A repeated command finds its row: the token that was never used, because nobody got it,
// is replaced.
const sqlInsert text = `
insert into portico.api_keys as k (id, tenant, name, role, contact_id, customer_id, hash, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do update set hash = excluded.hash where k.last_used_at is null and k.revoked_at is null`

// Create records that a key is given out, and then makes it: a key without its event
// cannot be, an event without its key opens nothing.
func (k *Keys) Create(ctx context.Context, by commands.Caller, c NewKey) (Created, error) {
	if by.CommandID == uuid.Nil {
		by.CommandID = uuid.Must(uuid.NewV7())
	}
	c.Name = cardmask.Mask(c.Name)
	id := uuid.NewSHA1(by.CommandID, []byte("api key"))
	receipt, customer, err := k.Commands.IssueAPIKey(ctx, by, id, apikey.Issue{Name: c.Name, Role: c.Role, ContactID: c.ContactID})
	if err != nil {
		return Created{}, err
	}
	token := newToken(by.Tenant)
	done, err := k.DB.Exec(ctx, string(sqlInsert), id, by.Tenant, c.Name, c.Role, c.ContactID, customer, hash(token), k.Clock().UTC())
	if err != nil {
		return Created{}, fmt.Errorf("auth: %w", err)
	}
	if done.RowsAffected() == 0 {
		token = "" // it was made before, and is in use
	}
	return Created{receipt, token}, nil
}

const sqlList text = `
select id, name, role, contact_id, customer_id, created_at, last_used_at, revoked_at
from portico.api_keys where tenant = $1 order by created_at, id`

// List is a tenant's keys, revoked ones too, oldest first.
func (k *Keys) List(ctx context.Context, tenant string) ([]Key, error) {
	rows, _ := k.DB.Query(ctx, string(sqlList), tenant) // its error is in rows
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByName[Key])
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return keys, nil
}

const sqlRevoke text = `
update portico.api_keys set revoked_at = coalesce(revoked_at, $3) where id = $1 and tenant = $2`

// Revoke ends a key at once, and then records that it has ended. The check comes before
// both: what would be refused must not happen.
func (k *Keys) Revoke(ctx context.Context, by commands.Caller, id uuid.UUID, c apikey.Revoke) (commands.Receipt, error) {
	if err := c.Check(); err != nil {
		return commands.Receipt{}, err
	}
	if err := by.May(access.ManageSystem); err != nil {
		return commands.Receipt{}, err
	}
	if _, err := k.DB.Exec(ctx, string(sqlRevoke), id, by.Tenant, k.Clock().UTC()); err != nil {
		return commands.Receipt{}, fmt.Errorf("auth: %w", err)
	}
	return k.Commands.RevokeAPIKey(ctx, by, id, c)
}
