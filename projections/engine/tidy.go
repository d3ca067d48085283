package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// tidyEvery is how often a server looks for builds that nobody returns to.
const tidyEvery = time.Hour

// Of this version's retired builds the last one stays, however old, for roll-back. Those
// of an older program stay for a day after the newer one came, and for a day after it was
// last at work: its leases tell, or the events that it has passed.
const sqlOld = sqlBuilds + `where grp = $1 and (
	state = 'retired' and code_version = $2 and exists (select from pj.build r where r.grp = b.grp
		and r.code_version = $2 and r.state = 'retired' and (r.changed_at, r.build) > (b.changed_at, b.build))
	or state = 'scratch' and made_at < clock_timestamp() - interval '1 day'
	or state in ('building', 'ready', 'active', 'retired') and code_version < $2
		and (select min(made_at) from pj.build n where n.grp = b.grp and n.code_version = $2) < clock_timestamp() - interval '1 day'
		and not exists (select from pj.lane l where l.grp = b.grp and l.build = b.build and (
			l.expires > clock_timestamp() - interval '1 day' and l.expires < 'infinity'
			or l.event_at > clock_timestamp() - interval '1 day')))`

// tidyUp tidies where nobody waits for it: what cannot be dropped now is dropped later.
func (e *Engine) tidyUp(ctx context.Context, g *Group) {
	if err := e.tidy(ctx, g); err != nil {
		e.log().Warn("projections: old builds remain", "group", g.Name, "error", err)
	}
}

// tidy drops what nobody returns to: builds before the one kept for roll-back, those of
// older programs that do not run any more, and what a killed verify left.
func (e *Engine) tidy(ctx context.Context, g *Group) error {
	rows, err := e.DB.Query(ctx, sqlOld, g.Name, g.Version)
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowToStructByName[build])
	if err != nil {
		return err
	}
	for _, b := range old {
		if err := e.drop(ctx, b, b.State); err != nil {
			return fmt.Errorf("projections: drop %s: %w", b.Schema, err)
		}
	}
	return nil
}
