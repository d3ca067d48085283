package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres keeps the log in the schema es (ENGINE §2). A position is dense: {n, 0} is
// the n-th event ever committed.
//
// It uses nothing that a transaction pooler could not carry: no LISTEN, no session lock,
// no named prepared statement, only schema-qualified names. Statements are planned with
// their values (QueryExecModeCacheDescribe), so that no plan outlives the size of the
// tables that it was made for.
type Postgres struct {
	pool  *pgxpool.Pool
	waker Waker
	known atomic.Uint64 // the highest position seen here, to notice what others append

	mu     sync.Mutex
	more   *sync.Cond // something below has changed
	queue  []*request
	flying map[StreamName]bool // streams of the calls that are under way
	calls  int                 // that are under way
	under  int                 // requests that are under way
	closed bool
	done   sync.WaitGroup // the appenders have ended

	roomUntil  atomic.Uint64 // where to call es.ensure_partitions again
	makingRoom atomic.Bool
	pooled     atomic.Bool // a transaction pooler stands in front
}

var _ Store = (*Postgres)(nil)

// OpenPostgres starts the store's appender on a pool that the caller keeps open until
// Close has returned. Any number of stores, in any number of processes, may share a log.
func OpenPostgres(pool *pgxpool.Pool) *Postgres {
	p := newPostgres(pool)
	for range maxCalls {
		p.done.Add(1)
		go p.run()
	}
	return p
}

// newPostgres is a store without its appenders.
func newPostgres(pool *pgxpool.Pool) *Postgres {
	p := &Postgres{pool: pool, flying: map[StreamName]bool{}}
	p.more = sync.NewCond(&p.mu)
	p.waker.grown = p.grown
	return p
}

// Close refuses further appends, and returns once those that wait have their answers.
func (p *Postgres) Close() {
	p.mu.Lock()
	p.closed = true
	p.more.Broadcast()
	p.mu.Unlock()
	p.done.Wait()
}

const sqlReadStream = `SELECT r.pos, r.stream, r.version, r.id, r.type, r.data, r.meta, r.at FROM es.read_stream($1, $2, $3) r`

func (p *Postgres) ReadStream(ctx context.Context, stream StreamName, from int64, limit int) ([]Recorded, error) {
	var found []Recorded
	err := p.read(ctx, func(conn *pgxpool.Conn) (err error) {
		rows, err := conn.Query(ctx, sqlReadStream, pgx.QueryExecModeCacheDescribe,
			string(stream), min(max(from, 0), math.MaxInt64/2), min(max(limit, 0), math.MaxInt32)) // half: it is added to
		if err == nil {
			found, err = pgx.CollectRows(rows, scanRecorded)
		}
		return err
	})
	if err != nil {
		return nil, readFailed(ctx, err)
	}
	return found, nil
}

// read asks a session, and another one if that has missed a partition: one that lists them just
// while one is attached keeps its list, and shows less than there is.
func (p *Postgres) read(ctx context.Context, ask func(*pgxpool.Conn) error) error {
	for try := 0; ; try++ {
		conn, err := p.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		err = ask(conn)
		missed := errors.Is(err, errMissed) || cutShort(err)
		if missed {
			_ = conn.Conn().Close(ctx)
		}
		conn.Release()
		if !missed || try == 9 {
			return err
		}
	}
}

// From a position on, not after one: that excludes the partition which ends with it. The
// name is looked up for each row, which is cheaper than any join that a planner may
// choose while it believes that streams are few.
const sqlReadAll = `
SELECT e.pos, (SELECT s.name FROM es.streams s WHERE s.stream_no = e.stream_no), e.version, e.id, e.type, e.data, e.meta, e.at,
  (SELECT h.pos FROM es.head h WHERE h.one)
FROM (
  SELECT p.*, sum(octet_length(p.type) + octet_length(p.data) + octet_length(p.meta))
    OVER (ORDER BY p.pos ROWS UNBOUNDED PRECEDING) AS total
  FROM (SELECT * FROM es.events WHERE pos >= $1 ORDER BY pos LIMIT $2) p
) e
WHERE e.total <= $3 ORDER BY e.pos`

func (p *Postgres) ReadAll(ctx context.Context, after Position, limit int) (Page, error) {
	if limit < 1 {
		return Page{}, fmt.Errorf("eventstore: a page of %d events", limit)
	}
	var head int64
	var events []Recorded
	known := p.known.Load()
	err := p.read(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sqlReadAll, pgx.QueryExecModeCacheDescribe,
			int64(min(after.Hi, math.MaxInt64-1))+1, limit, PageBytes)
		if err != nil {
			return err
		}
		var r Recorded
		targets := append(r.targets(), &head) // the same for each row: pages are large
		_, err = pgx.ForEachRow(rows, targets, func() error {
			r.At = r.At.UTC()
			events = append(events, r)
			r.Data, r.Meta = nil, nil // the next row gets memory of its own
			return nil
		})
		if err == nil && len(events) == 0 && after.Hi < known {
			return errMissed
		}
		return err
	})
	if err != nil {
		return Page{}, readFailed(ctx, err)
	}
	if len(events) == 0 {
		return Page{Next: after, End: true}, nil
	}
	next := events[len(events)-1].Pos
	return Page{Events: events, Next: next, End: next.Hi == uint64(head)}, nil
}

func scanRecorded(row pgx.CollectableRow) (r Recorded, err error) {
	err = row.Scan(r.targets()...)
	r.At = r.At.UTC()
	return r, err
}

// targets are where a row's columns go, by types that pgx knows without reflection.
func (r *Recorded) targets() []any {
	return []any{&r.Pos.Hi, (*string)(&r.Stream), &r.Version, (*[16]byte)(&r.ID), &r.Type, &r.Data, &r.Meta, &r.At}
}

const sqlHead = `SELECT h.pos FROM es.head h WHERE h.one`

func (p *Postgres) Head(ctx context.Context) (head Position, err error) {
	if err := p.pool.QueryRow(ctx, sqlHead, pgx.QueryExecModeCacheDescribe).Scan(&head.Hi); err != nil {
		return Position{}, readFailed(ctx, err)
	}
	return head, nil
}

const sqlVersions = `SELECT coalesce(s.version, -1) FROM unnest($1::text[]) WITH ORDINALITY n (name, i)
  LEFT JOIN es.streams s ON s.name = n.name ORDER BY n.i`

func (p *Postgres) Versions(ctx context.Context, streams ...StreamName) ([]int64, error) {
	if len(streams) == 0 {
		return nil, ctx.Err()
	}
	rows, _ := p.pool.Query(ctx, sqlVersions, pgx.QueryExecModeCacheDescribe, streams) // its error is in rows
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, readFailed(ctx, err)
	}
	return versions, nil
}

const (
	sqlStreams    = `SELECT s.name FROM es.streams s WHERE s.name >= $1 || '.' || $2 || '-' AND s.name < $1 || '.' || $2 || '.' ORDER BY s.name`
	sqlAllStreams = `SELECT s.name FROM es.streams s WHERE $1::text = '' AND s.name LIKE '%.' || $2 || '-%' ORDER BY s.name`
)

func (p *Postgres) Streams(ctx context.Context, tenant, category string) ([]StreamName, error) {
	var rows pgx.Rows // each query's error is in them
	if tenant != "" {
		rows, _ = p.pool.Query(ctx, sqlStreams, pgx.QueryExecModeCacheDescribe, tenant, category)
	} else {
		rows, _ = p.pool.Query(ctx, sqlAllStreams, pgx.QueryExecModeCacheDescribe, tenant, category)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[StreamName])
	if err != nil {
		return nil, readFailed(ctx, err)
	}
	return found, nil
}

func (p *Postgres) Wake(ctx context.Context) <-chan struct{} { return p.waker.Wait(ctx) }

// grown tells whether another process has appended. It asks the one row of the head; a
// database that does not answer has not grown.
func (p *Postgres) grown() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	head, err := p.Head(ctx)
	return err == nil && p.learn(head.Hi)
}

// learn remembers the head, and tells whether it was news.
func (p *Postgres) learn(head uint64) bool {
	for {
		known := p.known.Load()
		if head <= known {
			return false
		}
		if p.known.CompareAndSwap(known, head) {
			return true
		}
	}
}
