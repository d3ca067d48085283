package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Floor claims and settles jobs of a kind with the queue's own statements, and nothing
// else: no message, no router, no handler, no goroutine. It is what a queue is measured
// beside (portico bench jobs). It ends with ctx and answers how many jobs were done.
func Floor(ctx context.Context, s *Store, kind string, inFlight int) (done int, err error) {
	q := &Queue{Store: s, Node: "floor", Lease: 30 * time.Second, Log: slog.New(slog.DiscardHandler)}
	var settled []settlement
	for ctx.Err() == nil {
		var b pgx.Batch
		written := map[uuid.UUID]bool{}
		if len(settled) > 0 {
			q.queueSettled(&b, settled, written)
		}
		claim := uuid.New()
		settled = settled[:0]
		b.Queue(sqlClaim, []string{kind}, []int{inFlight}, 1, q.Node, claim, q.Lease).Query(func(rows pgx.Rows) error {
			claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*delivery, error) { return scanClaimed(row, claim) })
			for _, d := range claimed {
				settled = append(settled, settlement{d: d, state: "done"})
			}
			return err
		})
		if err := s.DB.SendBatch(context.WithoutCancel(ctx), &b).Close(); err != nil {
			return done, err
		}
		done += len(written)
	}
	return done, nil
}
