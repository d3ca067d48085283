package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Looks are how a contact has looked at something.
type Looks struct {
	ContactID uuid.UUID `json:"contact_id"`
	Views     int       `json:"views" doc:"How often it was shown, or found unchanged"`
	Downloads int       `json:"downloads"`
	First     time.Time `json:"first_at"`
	Last      time.Time `json:"last_at"`
}

// Who looked as somebody else does not count: the customer has not seen it by that.
const sqlLooks text = `
select r.actor, count(*) filter (where r.kind = 'viewed'), count(*) filter (where r.kind = 'downloaded'), min(r.at), max(r.at)
from journal.records r
where r.tenant = $1 and r.target = $2 and r.target_kind = $3 and r.kind in ('viewed', 'downloaded') and r.outcome = 'success'
  and r.actor_kind = 'contact' and r.impersonator is null
group by r.actor order by max(r.at) desc, r.actor limit 200`

// Looked is which contacts have looked at a thing, the last first.
func (s *Store) Looked(ctx context.Context, tenant string, at Target) ([]Looks, error) {
	rows, err := s.db.Query(ctx, string(sqlLooks), pgx.QueryExecModeCacheDescribe, tenant, at.ID, at.Kind)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Looks, err error) {
		err = row.Scan(&l.ContactID, &l.Views, &l.Downloads, &l.First, &l.Last)
		l.First, l.Last = l.First.UTC(), l.Last.UTC()
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return append([]Looks{}, found...), nil
}
