package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Run is a process that keeps the journal, from its start to its stop (10.2.1.6).
type Run struct {
	ID    uuid.UUID
	store *Store
	by    Record
}

// Runs that were never stopped, and that nobody has found interrupted yet.
const sqlOpenRuns text = `
select r.target, r.node, r.at from journal.records r
where r.tenant = $1 and r.kind = 'log.started' and not exists (
  select from journal.records e where e.target = r.target and e.kind in ('log.stopped', 'log.interrupted'))
order by r.no`

// Start records that a process keeps the journal from now on, and that those which ended
// without saying so were interrupted: whose node is dead, or has our name. Who records it is
// by; software is in its detail.
func (s *Store) Start(ctx context.Context, by Record, dead func(node string) bool) (Run, error) {
	if by.Origin.Node == "" {
		by.Origin.Node = s.node
	}
	rows, err := s.db.Query(ctx, string(sqlOpenRuns), by.Tenant)
	if err != nil {
		return Run{}, fmt.Errorf("journal: %w", err)
	}
	var records []Record
	var run uuid.UUID
	var node string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&run, &node, &at}, func() error {
		if node == by.Origin.Node || dead(node) {
			r := by.about("log.interrupted", Failure, run)
			r.Detail = map[string]string{"node": node, "started": at.UTC().Format(time.RFC3339)}
			records = append(records, r)
		}
		return nil
	})
	if err != nil {
		return Run{}, fmt.Errorf("journal: %w", err)
	}
	started := Run{uuid.Must(uuid.NewV7()), s, by}
	return started, s.Write(ctx, append(records, by.about("log.started", Success, started.ID))...)
}

// Stop records that the process keeps the journal no longer.
func (r Run) Stop(ctx context.Context) error {
	return r.store.Write(ctx, r.by.about("log.stopped", Success, r.ID))
}

func (r Record) about(kind, outcome string, run uuid.UUID) Record {
	r.Kind, r.Outcome, r.Target = kind, outcome, Target{Kind: "audit_log", ID: run}
	return r
}
