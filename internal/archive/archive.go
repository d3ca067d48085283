// Package archive takes the log out of the database and brings it back: exports that
// another installation can be restored from, archives of sealed partitions, and the
// proof that what is in files is what is in the database (docs/log.md).
//
// Files are gzip-compressed NDJSON under a manifest. Gzip and not zstd: an auditor reads
// it with what any machine has had for decades, and the format must still be readable
// when the retention of these files ends.
package archive

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/eventstore"
)

// Log is a log in a database, to be copied out or compared.
type Log struct {
	Store    eventstore.Store
	DB       *pgxpool.Pool // of the application's role
	Software string        // what wrote the files, with its version
	Progress func(done, total int64)
}

func (l *Log) progress(done, total uint64) {
	if l.Progress != nil {
		l.Progress(int64(done), int64(total))
	}
}

const sqlUnfinished = `select pos, last_pos from es.restore where one and finished_at is null`

// Unfinished refuses a database whose restore was interrupted: nothing may be served from
// half a log, or appended to it.
func Unfinished(ctx context.Context, db *pgxpool.Pool) error {
	var pos, last int64
	err := db.QueryRow(ctx, sqlUnfinished).Scan(&pos, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return domain.Refused("log.restore_unfinished",
		"this log is restored up to %d of %d events: run the same portico log restore again, it goes on where it was", pos, last)
}

// cursor reads the log one event at a time.
type cursor struct {
	store eventstore.Store
	page  eventstore.Page
	next  int // in the page
	after eventstore.Position
}

// pageEvents is how many events are asked for at once. The store ends a page earlier if
// they are large.
const pageEvents = 4000

var errNoMore = errors.New("archive: the log has no more events")

// read answers the next event, and errNoMore at the end of the log.
func (c *cursor) read(ctx context.Context) (e eventstore.Recorded, err error) {
	if err := ctx.Err(); err != nil {
		return e, err
	}
	if c.next == len(c.page.Events) {
		if c.page.End && len(c.page.Events) > 0 {
			return e, errNoMore
		}
		if c.page, err = c.store.ReadAll(ctx, c.after, pageEvents); err != nil {
			return e, err
		}
		if c.next = 0; len(c.page.Events) == 0 {
			return e, errNoMore
		}
		c.after = c.page.Next
	}
	c.next++
	return c.page.Events[c.next-1], nil
}

// peek is read without passing the event; more is false at the end of the log.
func (c *cursor) peek(ctx context.Context) (e eventstore.Recorded, more bool, err error) {
	e, err = c.read(ctx)
	if errors.Is(err, errNoMore) {
		return e, false, nil
	}
	if err == nil {
		c.skip(-1)
	}
	return e, err == nil, err
}

func (c *cursor) skip(n int) { c.next += n }
