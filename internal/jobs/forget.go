package jobs

import (
	"context"
	"fmt"
	"time"
)

// keep is how long jobs are kept after they ended. Dead ones are kept until somebody has
// looked at them.
const keep = 90 * 24 * time.Hour

// A job may go only when nothing could insert it again, for then it would be done again:
// its event was passed for good, unless it is set aside to be planned once more; its job
// is done for good, unless somebody could still retry it.
const sqlForget = `
delete from portico.jobs where id in (
  select j.id from portico.jobs j
  where j.made_at < clock_timestamp() - $1::interval and j.state in ('done', 'cancelled') and j.ended_at < clock_timestamp() - $1::interval
    and not exists (select from portico.jobs p where p.id = j.causation and p.state <> 'done')
    and not exists (select from portico.policy_refusals r where r.consumer = 'jobs' and r.event_id = j.causation)
  order by j.made_at limit 1000 for update of j skip locked)`

// Forget removes what ended long ago, and answers how many.
func (s *Store) Forget(ctx context.Context) (gone int64, err error) {
	for {
		tag, err := s.DB.Exec(ctx, sqlForget, keep)
		if err != nil {
			return gone, fmt.Errorf("jobs: %w", err)
		}
		if gone += tag.RowsAffected(); tag.RowsAffected() == 0 {
			return gone, nil
		}
	}
}

// forgets removes what ended long ago, each hour.
func (r *Runner) forgets(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := r.Queue.Store.Forget(ctx); err != nil && ctx.Err() == nil {
			r.Queue.Log.Warn("forgetting old jobs", "error", err)
		}
		sleep(ctx, jitter(time.Hour))
	}
}
