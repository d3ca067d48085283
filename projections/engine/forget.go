package engine

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const sqlAll = sqlBuilds + `where state <> 'dropped' order by grp, build`

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
