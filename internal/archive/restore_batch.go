package archive

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

// What one transaction of a restore takes.
const (
	batchEvents = 5_000
	batchBytes  = 8 << 20
)

// batch is a part of the log, with what it means for its streams.
type batch struct {
	events  []eventstore.Recorded
	size    int
	streams map[eventstore.StreamName]*span
	names   []string // of streams, in the order in which they occur
}

// span is what a batch holds of a stream.
type span struct {
	no                int64
	version, last     int64 // versions
	firstPos, lastPos uint64
}

func (b *batch) full() bool { return len(b.events) >= batchEvents || b.size >= batchBytes }

func (b *batch) clear() { *b = batch{events: b.events[:0]} }

// add takes an event that follows what is there up to after.
func (b *batch) add(e eventstore.Recorded, after uint64) error {
	if n := len(b.events); n > 0 {
		after = b.events[n-1].Pos.Hi
		if e.At.Before(b.events[n-1].At) {
			return damaged(e, "its time is before that of the event before it")
		}
	}
	if e.Pos.Hi != after+1 {
		return damaged(e, "it should be at %d", after+1)
	}
	if b.streams == nil {
		b.streams = map[eventstore.StreamName]*span{}
	}
	s := b.streams[e.Stream]
	if s == nil {
		s = &span{version: e.Version, last: e.Version - 1, firstPos: e.Pos.Hi}
		b.streams[e.Stream] = s
		b.names = append(b.names, string(e.Stream))
	}
	if e.Version != s.last+1 {
		return damaged(e, "version %d of %s follows version %d", e.Version, e.Stream, s.last)
	}
	s.last, s.lastPos = e.Version, e.Pos.Hi
	b.events, b.size = append(b.events, e), b.size+len(e.Data)+len(e.Meta)
	return nil
}

func damaged(e eventstore.Recorded, format string, args ...any) error {
	return domain.Invalid("archive.event", "the event at %d does not follow: %s", e.Pos.Hi, fmt.Sprintf(format, args...))
}

const (
	sqlMoved = `update es.restore set pos = $2 where one and pos = $1 and finished_at is null`
	// es.ensure_partitions makes room behind the head, which is put back in the same
	// transaction: see es.restore.
	sqlAsHead  = `update es.head set pos = $1 where one`
	sqlRoom    = `select es.ensure_partitions()`
	sqlRoomEnd = `select coalesce(max(last_pos), 0) from es.partitions`
	sqlKnown   = `select name, version from es.streams where name = any($1)`
	sqlStreams = `
		insert into es.streams as s (name, version, first_pos, last_pos)
		select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
		on conflict (name) do update set version = excluded.version, last_pos = excluded.last_pos
		returning name, stream_no`
)

// writeIn writes a batch where the one before has ended. Of two restores that run at once,
// the second finds that it has not.
func (r *restore) writeIn(ctx context.Context, tx pgx.Tx, b *batch, last uint64) error {
	var head uint64
	if err := tx.QueryRow(ctx, sqlLockHead).Scan(&head); err != nil {
		return err
	}
	moved, err := tx.Exec(ctx, sqlMoved, r.pos, last)
	if err != nil {
		return err
	}
	if moved.RowsAffected() != 1 || head != 0 {
		return domain.Refused("log.restore_other", "somebody else writes to this log: is another restore running?")
	}
	if last > r.room {
		if r.room, err = makeRoom(ctx, tx, last, 0); err != nil {
			return err
		}
	}
	return b.copyIn(ctx, tx)
}

// copyIn writes the events, and moves their streams on.
func (b *batch) copyIn(ctx context.Context, tx pgx.Tx) error {
	if err := b.numberStreams(ctx, tx); err != nil {
		return err
	}
	columns := []string{"pos", "stream_no", "version", "id", "type", "data", "meta", "at"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"es", "events"}, columns, pgx.CopyFromSlice(len(b.events), func(i int) ([]any, error) {
		e := &b.events[i]
		return []any{int64(e.Pos.Hi), b.streams[e.Stream].no, e.Version, e.ID, e.Type, e.Data, e.Meta, e.At}, nil
	}))
	return err
}

// makeRoom makes partitions for events up to last, and leaves the head where it is. It answers up
// to where there is room.
func makeRoom(ctx context.Context, tx pgx.Tx, last, head uint64) (room uint64, err error) {
	if _, err := tx.Exec(ctx, sqlAsHead, last); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, sqlRoom); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, sqlAsHead, head); err != nil {
		return 0, err
	}
	return room, tx.QueryRow(ctx, sqlRoomEnd).Scan(&room)
}

// numberStreams moves the streams on, and learns their numbers.
func (b *batch) numberStreams(ctx context.Context, tx pgx.Tx) error {
	known := map[string]int64{}
	var name string
	var number int64
	rows, err := tx.Query(ctx, sqlKnown, b.names)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&name, &number}, func() error { known[name] = number; return nil })
	if err != nil {
		return err
	}
	n := len(b.names)
	versions, first, last := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, name := range b.names {
		s := b.streams[eventstore.StreamName(name)]
		before, there := known[name]
		if !there {
			before = eventstore.NoStream
		}
		if s.version != before+1 {
			return domain.Invalid("archive.event", "%s goes on with version %d after %d", name, s.version, before)
		}
		versions[i], first[i], last[i] = s.last, int64(s.firstPos), int64(s.lastPos)
	}
	if rows, err = tx.Query(ctx, sqlStreams, b.names, versions, first, last); err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&name, &number}, func() error {
		b.streams[eventstore.StreamName(name)].no = number
		return nil
	})
	return err
}

const (
	sqlHeadIs   = `update es.head set pos = $1, at = coalesce((select at from es.events where pos = $1), at) where one`
	sqlConsumer = `insert into portico.consumers (name, low_hi, low_lo, emitted_hi, emitted_lo)
		values ($1, $2::text::numeric, $3::text::numeric, $4::text::numeric, $5::text::numeric)
		on conflict (name) do update set low_hi = excluded.low_hi, low_lo = excluded.low_lo, emitted_hi = excluded.emitted_hi, emitted_lo = excluded.emitted_lo`
	sqlRefusal = `insert into portico.policy_refusals (consumer, event_id, stream, pos, code, message, at)
		values ($1, $2::text::uuid, $3, $4, $5, $6, $7) on conflict do nothing`
	sqlFinished = `update es.restore set finished_at = clock_timestamp() where one and pos = $1 and finished_at is null`
)

// finish sets the head, which opens the log to appends. Policies go on where they were:
// beginning again they would ask anew for what was once refused, and might be granted it.
func (r *restore) finish(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, sqlFinished, r.pos)
		if err != nil {
			return err
		}
		if done.RowsAffected() != 1 || r.pos != r.manifest.Last {
			return domain.Refused("log.restore_other", "somebody else writes to this log: is another restore running?")
		}
		if _, err := tx.Exec(ctx, sqlHeadIs, r.pos); err != nil {
			return err
		}
		for _, c := range r.manifest.Consumers {
			low, emitted := strings.Split(c.Low, "."), strings.Split(c.Emitted, ".")
			if len(low) != 2 || len(emitted) != 2 {
				return domain.Invalid("archive.manifest", "the position of %s is %q", c.Name, c.Low)
			}
			if _, err := tx.Exec(ctx, sqlConsumer, c.Name, low[0], low[1], emitted[0], emitted[1]); err != nil {
				return err
			}
		}
		for _, f := range r.manifest.Refusals {
			if _, err := tx.Exec(ctx, sqlRefusal, f.Consumer, f.EventID, f.Stream, f.Pos, f.Code, f.Message, f.At); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlRoom); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "set local synchronous_commit = on")
		return err
	})
}
