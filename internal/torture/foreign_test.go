//go:build linux

package torture

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgserver"
)

// A foreign transaction that has written stays open, in this database or in another one
// of the cluster: what Portico appends shows all the same.
func TestAForeignLongTransactionStopsNothing(t *testing.T) {
	for _, database := range []string{pgserver.Database, "postgres"} {
		t.Run(database, func(t *testing.T) {
			fault(t)
			w := newWorld(t, newCluster(t))
			n := w.serve()
			l := w.startLoad(2, n)
			l.await(5, time.Minute)
			w.pg.exec(database, "CREATE TABLE foreign_work (n int)")
			conn, err := pgx.Connect(t.Context(), w.pg.admin(database))
			must(t, err)
			defer conn.Close(t.Context())
			tx, err := conn.Begin(t.Context())
			must(t, err)
			_, err = tx.Exec(t.Context(), "INSERT INTO foreign_work VALUES (1)")
			must(t, err)
			before := w.pg.number("SELECT pos FROM es.head")
			l.await(20, time.Minute)
			l.end()
			shown := time.Now()
			head := w.pg.number("SELECT pos FROM es.head")
			eventually(t, 10*time.Second, "read models show it", func() bool {
				return w.pg.number("SELECT min(hi)::bigint FROM pj.active JOIN pj.lane USING (grp, build)") >= head
			})
			if took := time.Since(shown); took > 2*time.Second {
				t.Errorf("read models showed it after %v", took)
			}
			// The control: a reader that takes only what is older than every open transaction
			// sees at most the appends that were under way when the foreign one began.
			seen := w.pg.number(fmt.Sprintf(`SELECT count(*) FROM es.events
				WHERE pos > %d AND xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`, before))
			if 2*seen > head-before {
				t.Errorf("the control sees %d of %d events", seen, head-before)
			}
			must(t, tx.Rollback(t.Context()))
			w.sound()
		})
	}
}
