package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// Built is a build that has tables: in use, in the making, or kept for roll-back.
type Built struct {
	Listed
	Nodes   []string  `json:"nodes"` // that work on it
	Since   time.Time `json:"since"` // of its state
	Bytes   int64     `json:"bytes"` // on disk, indexes too
	HeldFor *Finding  `json:"held_back,omitempty"`
}

const sqlInventory = `select b.grp, b.build, b.code_version, b.lanes, b.state, b.changed_at, b.finding::text,
		(select coalesce(array_agg(distinct regexp_replace(l.owner, '/[^/]*$', '')), '{}') from pj.lane l
			where l.grp = b.grp and l.build = b.build and l.expires > clock_timestamp() and l.owner is not null),
		(select coalesce(min(l.hi), 0)::text from pj.lane l where l.grp = b.grp and l.build = b.build),
		(select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_catalog.pg_class c
			join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = b.schema and c.relkind = 'r')
	from pj.build b where b.grp = any($1) and b.state in ('building', 'ready', 'active', 'retired')
	order by array_position($1, b.grp), b.build`

// Builds lists everything that roll-back, rebuild and queries may turn to.
func (e *Engine) Builds(ctx context.Context) ([]Built, error) {
	listed, err := e.List(ctx)
	if err != nil {
		return nil, err
	}
	inUse := map[[2]any]Listed{}
	for _, l := range listed {
		inUse[[2]any{l.Group, l.Build}] = l
	}
	rows, err := e.DB.Query(ctx, sqlInventory, e.names())
	if err != nil {
		return nil, err
	}
	head, err := e.Store.Head(ctx)
	if err != nil {
		rows.Close()
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b Built, err error) {
		var finding *string
		at := mark{Lo: "0"}
		err = row.Scan(&b.Group, &b.Build, &b.Version, &b.Lanes, &b.State, &b.Since, &finding, &b.Nodes, &at.Hi, &b.Bytes)
		if err != nil {
			return b, err
		}
		b.Position, b.Head, b.Since = at.position(), head, b.Since.UTC()
		b.Behind = b.Position.Until(head)
		if l, ok := inUse[[2]any{b.Group, b.Build}]; ok {
			l.State, b.Listed = b.State, l
		}
		if finding != nil {
			err = json.Unmarshal([]byte(*finding), &b.HeldFor)
		}
		return b, err
	})
}
