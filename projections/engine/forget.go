package engine

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	sqlAll      = sqlBuilds + `where state <> 'dropped' order by grp, build`
	sqlSomebody = `select coalesce(min(owner), '') from pj.lane where expires > clock_timestamp() and expires < 'infinity'`
)

// AtWork names a process that folds read models now; "": none does.
func (e *Engine) AtWork(ctx context.Context) (node string, err error) {
	err = e.DB.QueryRow(ctx, sqlSomebody).Scan(&node)
	return node, err
}

// Forget drops every build of every group: the log is another one, in which their positions mean
// nothing. Whoever starts next makes new ones.
func (e *Engine) Forget(ctx context.Context) error {
	rows, err := e.DB.Query(ctx, sqlAll)
	if err != nil {
		return err
	}
	builds, err := pgx.CollectRows(rows, pgx.RowToStructByName[build])
	for _, b := range builds {
		if err == nil {
			err = e.drop(ctx, b, b.State)
		}
	}
	return err
}
