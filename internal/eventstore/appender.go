package eventstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/failpoint"
)

// Group commit (ENGINE §2): one goroutine sends whatever was asked for while its last
// call was committing. It never waits for more to come: a lone append goes at once.
const (
	maxBatch      = 512
	maxBatchBytes = 8 << 20
	maxCalls      = 2  // under way at once; more would only queue up at the lock
	worthSecond   = 16 // requests from which a second call pays: with less, they had better share a commit
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
	p.more.Signal()
	return true
}

// withdraw takes a request back, unless it has been sent.
func (p *Postgres) withdraw(r *request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, q := range p.queue {
		if q == r {
			p.queue = slices.Delete(p.queue, i, i+1)
			return true
		}
	}
	return false
}

// next waits for requests and takes a batch of them, or none when the store is closed.
func (p *Postgres) next() []*request {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.worthACall() {
			if batch := p.take(); len(batch) > 0 {
				p.calls, p.under = p.calls+1, p.under+len(batch)
				if p.worthACall() {
					p.more.Signal()
				}
				return batch
			}
		}
		if p.closed && len(p.queue) == 0 {
			p.more.Broadcast() // the other may be waiting for what is done now
			return nil
		}
		p.more.Wait()
	}
}

// worthACall tells whether to send what waits now. While a call is under way, a second
// one goes out only with as much as that carries, and not with little: it then stands at
// the head's lock when the first commits, and group commit keeps its groups.
func (p *Postgres) worthACall() bool {
	return p.calls == 0 || p.calls < maxCalls && len(p.queue) >= max(p.under, worthSecond)
}

// take moves a batch out of the queue, in order. A stream is in one call at a time, once:
// its next request waits, and so does what is too large for what is left of a batch.
// Whatever else fits overtakes those, so that nobody's burst holds up the others.
func (p *Postgres) take() (batch []*request) {
	later, size := p.queue[:0], 0
	blocked := make(map[StreamName]bool, len(p.queue))
	for _, r := range p.queue {
		full := len(batch) == maxBatch || len(batch) > 0 && size+r.size > maxBatchBytes
		if full || blocked[r.stream] || p.flying[r.stream] {
			blocked[r.stream] = true
			later = append(later, r)
			continue
		}
		p.flying[r.stream] = true
		batch, size = append(batch, r), size+r.size
	}
	clear(p.queue[len(later):])
	p.queue = later
	return batch
}

// landed lets the next requests of a batch's streams go. Its caller takes them: nobody
// needs to be woken.
func (p *Postgres) landed(batch []*request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.under = p.calls-1, p.under-len(batch)
	for _, r := range batch {
		delete(p.flying, r.stream)
	}
}

// run sends batches until the store is closed and nobody waits. Callers that have just
// been answered run first, so that the next batch has what they ask for next.
func (p *Postgres) run() {
	defer p.done.Done()
	for batch := p.next(); batch != nil; batch = p.next() {
		p.commit(batch)
		p.landed(batch)
		p.gather()
	}
}

// gather yields while that makes the queue grow.
func (p *Postgres) gather() {
	for before, yields := -1, 0; yields < 4; yields++ {
		p.mu.Lock()
		waiting := len(p.queue)
		p.mu.Unlock()
		if waiting == before {
			return
		}
		before = waiting
		runtime.Gosched()
	}
}

// commit sends a batch and answers its requests.
func (p *Postgres) commit(batch []*request) {
	if p.roomUntil.Load() == 0 {
		p.makeRoom(batch)
	}
	failpoint.At("eventstore.before_append")
	answers, err := p.send(batch)
	for try := 0; noPartition(err) && try < 10 && p.makeRoom(batch); try++ { // others may fill it first
		answers, err = p.send(batch)
	}
	failpoint.At("eventstore.after_append")
	if err != nil && refused(err) && len(batch) > 1 {
		// Nothing was written. One request may have spoilt it for all.
		for i := range batch {
			p.commit(batch[i : i+1])
		}
		return
	}
	head := uint64(0)
	for _, a := range answers {
		head = max(head, a.pos)
	}
	grown := p.learn(head) // before anybody is answered: who reads then is shown no less
	for i, r := range batch {
		if err != nil {
			r.answer <- answer{err: appendFailed(err)}
			continue
		}
		r.answer <- answers[i]
	}
	if grown {
		p.waker.Tell()
	}
	if head > 0 && head >= p.roomUntil.Load() {
		p.makeRoomAhead()
	}
}

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
	var pos uint64
	var ok bool
	if len(batch) == 1 {
		pos, ok, err = p.invoke(ctx, conn, appendOne, one(batch[0]))
		pos -= uint64(len(batch[0].events)) // to the head as it was before
	} else {
		pos, ok, err = p.invoke(ctx, conn, appendMany, many(batch))
	}
	if noPartition(err) {
		_ = conn.Conn().Close(ctx) // its session may have looked while the partition was being attached, and not look again
	}
	if err != nil {
		return nil, err
	}
	if !ok {
		return sendCarefully(ctx, conn, batch)
	}
	answers := make([]answer, len(batch))
	for i, r := range batch {
		pos += uint64(len(r.events))
		answers[i] = answer{version: r.expected + int64(len(r.events)), pos: pos, ok: true}
	}
	return answers, nil
}

const sqlAppend = `SELECT outcome, cur, coalesce(last_pos, 0) FROM es.append($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// sendCarefully asks es.append, which appends what it can and tells of the rest where
// their streams are.
func sendCarefully(ctx context.Context, conn *pgxpool.Conn, batch []*request) ([]answer, error) {
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
