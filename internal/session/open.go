package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const sqlOpen text = `
select ` + columns + ` from portico.sessions s where hash = $1 and tenant = $2 and expires_at > $3
  and (parent is null or exists (select from portico.sessions p where p.tenant = s.tenant and p.id = s.parent and p.expires_at > $3))`

// Open finds the session that a token opens in a tenant. Whether its owner may still do
// anything is not asked here, nor whether it was left unused.
func (s *Store) Open(ctx context.Context, tenant, token string) (Session, error) {
	hash := hashOf(token)
	rows, _ := s.DB.Query(ctx, string(sqlOpen), hash, tenant, s.now()) // its error is in rows
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Session])
	if errors.Is(err, pgx.ErrNoRows) {
		return Session{}, ErrEnded
	}
	if err != nil {
		return Session{}, fmt.Errorf("session: %w", err)
	}
	found.hash = hash
	return found, nil
}

// A staff session is in use while the portal is seen as a contact from it.
const sqlUsed text = `
update portico.sessions set used_at = $3 where tenant = $1 and id in ($2, $4) and used_at < $3`

// use refuses a session that was left alone for too long, and notes that it is in use,
// unless it is a page that asks by itself.
func (s *Store) use(ctx context.Context, of *Session, idle time.Duration, background bool) error {
	now := s.now()
	if now.Sub(of.UsedAt) >= idle {
		return ErrEnded
	}
	if background || now.Sub(of.UsedAt) < usedEvery {
		return nil
	}
	if _, err := s.DB.Exec(ctx, string(sqlUsed), of.Tenant, of.ID, now, of.Parent); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	of.UsedAt = now
	return nil
}
