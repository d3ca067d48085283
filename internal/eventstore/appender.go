package eventstore

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Group commit (ENGINE §2): one goroutine sends whatever was asked for while its last
// call was committing. It never waits for more to come: a lone append goes at once.
const (
	maxBatch      = 512
	maxBatchBytes = 8 << 20
	// Patience of one call, well above the 3 s that es.append waits for the head.
	acquireTimeout = 5 * time.Second
	callTimeout    = 30 * time.Second
)

// request is one caller's append. In the queue it may still be withdrawn; once it is out,
// it has been sent.
type request struct {
	stream   StreamName
	expected int64
	events   []Event
	size     int
	answer   chan answer // holds one, so that the appender never waits for a caller
}

type answer struct {
	version int64 // of the last event, or of the stream if it is a conflict
	pos     uint64
	ok      bool
	err     error
}

func (p *Postgres) Append(ctx context.Context, stream StreamName, expected int64, events ...Event) (Appended, error) {
	if err := Check(stream, expected, events); err != nil {
		return Appended{}, err
	}
	if err := ctx.Err(); err != nil {
		return Appended{}, err
	}
	r := &request{stream: stream, expected: expected, events: events, answer: make(chan answer, 1)}
	for _, e := range events {
		r.size += len(e.Type) + len(e.Data) + len(e.Meta)
	}
	if !p.enqueue(r) {
		return Appended{}, fmt.Errorf("%w: the store is closed", ErrUnavailable)
	}
	select {
	case a := <-r.answer:
		return p.resolve(ctx, r, a)
	case <-ctx.Done():
		if p.withdraw(r) {
			return Appended{}, ctx.Err()
		}
		return Appended{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	}
}

// resolve turns an answer into the caller's. A conflict at a version that has passed is a
// success if the very events are there; history does not change, so no lock is needed.
func (p *Postgres) resolve(ctx context.Context, r *request, a answer) (Appended, error) {
	switch {
	case a.err != nil:
		return Appended{}, a.err
	case a.ok:
		return Appended{Version: a.version, Pos: Position{Hi: a.pos}}, nil
	}
	conflict := &Conflict{r.stream, r.expected, a.version}
	last := r.expected + int64(len(r.events))
	if a.version < last {
		return Appended{}, conflict
	}
	there, err := p.ReadStream(ctx, r.stream, r.expected+1, len(r.events))
	if err != nil {
		return Appended{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	for i, e := range there {
		if e.ID != r.events[i].ID {
			return Appended{}, conflict
		}
	}
	return Appended{Version: last, Pos: there[len(there)-1].Pos, Replayed: true}, nil
}

func (p *Postgres) enqueue(r *request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.queue = append(p.queue, r)
	p.signal()
	return true
}

func (p *Postgres) signal() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// withdraw takes a request back, unless it has been sent.
func (p *Postgres) withdraw(r *request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, q := range p.queue {
		if q == r {
			p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
			return true
		}
	}
	return false
}

// take empties the queue into a batch, in order. A stream occurs in a batch once: its
// next request waits, and so does everything behind a batch that is full.
func (p *Postgres) take() (batch []*request, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var later []*request
	size, taken := 0, make(map[StreamName]bool, min(len(p.queue), maxBatch))
	for i, r := range p.queue {
		if len(batch) == maxBatch || len(batch) > 0 && size+r.size > maxBatchBytes {
			later = append(later, p.queue[i:]...)
			break
		}
		if taken[r.stream] {
			later = append(later, r)
			continue
		}
		taken[r.stream] = true
		batch, size = append(batch, r), size+r.size
	}
	p.queue = later
	return batch, p.closed
}

func (p *Postgres) run() {
	defer close(p.done)
	for {
		batch, closed := p.take()
		switch {
		case len(batch) > 0:
			p.commit(batch)
		case closed:
			return
		default:
			<-p.more
		}
	}
}

// commit sends a batch and answers its requests.
func (p *Postgres) commit(batch []*request) {
	if p.roomUntil == 0 {
		p.makeRoom(batch)
	}
	answers, err := p.send(batch)
	if noPartition(err) && p.makeRoom(batch) {
		answers, err = p.send(batch)
	}
	if err != nil && refused(err) && len(batch) > 1 {
		// Nothing was written. One request may have spoilt it for all.
		for i := range batch {
			p.commit(batch[i : i+1])
		}
		return
	}
	head := uint64(0)
	for i, r := range batch {
		if err != nil {
			r.answer <- answer{err: appendFailed(err)}
			continue
		}
		head = max(head, answers[i].pos)
		r.answer <- answers[i]
	}
	if p.learn(head) {
		p.waker.tell()
	}
	if head >= p.roomUntil && head > 0 {
		p.makeRoom(nil)
	}
}

const sqlEnsurePartitions = `SELECT es.ensure_partitions($1)`

// makeRoom has partitions made for what follows, at least for a batch. If that fails,
// appends go on while there is room, and it is tried again.
func (p *Postgres) makeRoom(batch []*request) bool {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	events := 0
	for _, r := range batch {
		events += len(r.events)
	}
	err := p.pool.QueryRow(ctx, sqlEnsurePartitions, pgx.QueryExecModeCacheDescribe, events).Scan(&p.roomUntil)
	if err != nil {
		slog.Warn("no partition could be made ahead for the event log", "error", err)
	}
	return err == nil
}

const sqlAppend = `SELECT outcome, cur, coalesce(last_pos, 0) FROM es.append($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// send makes the one call. Its errors are raw.
func (p *Postgres) send(batch []*request) ([]answer, error) {
	acquiring, cancel := context.WithTimeout(context.Background(), acquireTimeout)
	defer cancel()
	conn, err := p.pool.Acquire(acquiring)
	if err != nil {
		return nil, &notSent{err}
	}
	defer conn.Release()
	ctx, cancelCall := context.WithTimeout(context.Background(), callTimeout)
	defer cancelCall()
	rows, err := conn.Query(ctx, sqlAppend, arguments(batch)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a answer, err error) {
		var outcome string
		err = row.Scan(&outcome, &a.version, &a.pos)
		a.ok = outcome == "ok"
		return a, err
	})
}

// arguments lays a batch out as the arrays of es.append.
func arguments(batch []*request) []any {
	var (
		stream      []string
		expected    []int64
		n, rq, k    []int32
		ids         []pgtype.UUID
		types       []string
		data, metas [][]byte
	)
	for i, r := range batch {
		stream, expected = append(stream, string(r.stream)), append(expected, r.expected)
		n = append(n, int32(len(r.events)))
		for j, e := range r.events {
			rq, k = append(rq, int32(i+1)), append(k, int32(j+1))
			ids, types = append(ids, pgtype.UUID{Bytes: e.ID, Valid: true}), append(types, e.Type)
			data, metas = append(data, notNull(e.Data)), append(metas, notNull(e.Meta))
		}
	}
	return []any{pgx.QueryExecModeCacheDescribe, stream, expected, n, rq, k, ids, types, data, metas}
}

func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
