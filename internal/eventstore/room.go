package eventstore

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/failpoint"
)

const sqlRoom = `SELECT ((SELECT coalesce(max(last_pos), 0) FROM es.partitions) - h.pos)::float8 / s.partition_size
	FROM es.head h, es.settings s WHERE h.one AND s.one`

// Room tells how many partitions' worth of events fit behind the head. Partitions are made
// when half of one is left: less is an alarm, for at none appends are refused.
func (p *Postgres) Room(ctx context.Context) (partitions float64, err error) {
	if err := p.pool.QueryRow(ctx, sqlRoom, pgx.QueryExecModeCacheDescribe).Scan(&partitions); err != nil {
		return 0, readFailed(ctx, err)
	}
	return partitions, nil
}

const sqlEnsurePartitions = `SELECT es.ensure_partitions($1)`

// roomRetry is how long to wait after a failure to make room ahead.
const roomRetry = time.Second

// makeRoomAhead makes room beside the appends, which go on meanwhile.
func (p *Postgres) makeRoomAhead() {
	if !p.makingRoom.CompareAndSwap(false, true) {
		return
	}
	p.done.Go(func() {
		defer p.makingRoom.Store(false)
		if !p.makeRoom(nil) {
			time.Sleep(roomRetry)
		}
	})
}

// makeRoom has partitions made for what follows, at least for a batch. If that fails,
// appends go on while there is room, and it is tried again. That another maker was waited for
// in vain is no failure: what it makes may do.
func (p *Postgres) makeRoom(batch []*request) bool {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	events := 0
	for _, r := range batch {
		events += len(r.events)
	}
	var until uint64
	err := p.pool.QueryRow(ctx, sqlEnsurePartitions, pgx.QueryExecModeCacheDescribe, events).Scan(&until)
	if beingMade(err) {
		return true
	}
	if err != nil {
		slog.Error("no partition could be made ahead for the event log: appends will be refused when the last is full",
			"error", err, "head", p.known.Load())
		return false
	}
	p.roomUntil.Store(until)
	failpoint.At("eventstore.partition")
	return true
}
