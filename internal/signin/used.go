package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

const sqlLastUsed text = `
select login, signed_in_at from portico.logins where tenant = $1 and login = any($2) and signed_in_at is not null`

// LastUsed is when logins were last signed in with (8.2.6), of those that ever were.
func (s *Service) LastUsed(ctx context.Context, tenant string, logins []uuid.UUID) (map[uuid.UUID]time.Time, error) {
	out := map[uuid.UUID]time.Time{}
	rows, err := s.DB.Query(ctx, string(sqlLastUsed), tenant, logins)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var at time.Time
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("signin: %w", err)
		}
		out[id] = at.UTC()
	}
	return out, rows.Err()
}
