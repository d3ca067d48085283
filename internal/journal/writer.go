package journal

import (
	"context"
	"errors"
	"runtime"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// request is one caller's records.
type request struct {
	rows   []row
	answer chan error // holds one, so that the writer never waits for a caller
}

// run sends batches until the store is closed and nobody waits.
func (s *Store) run() {
	for batch := s.next(); batch != nil; batch = s.next() {
		s.commit(batch)
		runtime.Gosched() // who has just been answered may have more for the next batch
	}
}

func (s *Store) next() []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.closed {
			return nil
		}
		s.more.Wait()
	}
	n, rows := 0, 0
	for n < len(s.queue) && (n == 0 || rows+len(s.queue[n].rows) <= maxBatch) {
		rows += len(s.queue[n].rows)
		n++
	}
	batch := append([]*request(nil), s.queue[:n]...)
	left := copy(s.queue, s.queue[n:])
	clear(s.queue[left:])
	s.queue, s.waiting = s.queue[:left], s.waiting-rows
	return batch
}

// commit sends a batch and answers its requests. Where the database refuses what one of
// them says, the others are kept.
func (s *Store) commit(batch []*request) {
	err := s.send(batch)
	if pgconn.SafeToRetry(err) { // a connection that had died meanwhile
		err = s.send(batch)
	}
	if len(batch) > 1 && refused(err) {
		for i := range batch {
			s.commit(batch[i : i+1])
		}
		return
	}
	for _, r := range batch {
		r.answer <- err
	}
}

// refused tells whether it is the data that the server does not take (classes 22 and 23).
func refused(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code[:2] == "22" || pe.Code[:2] == "23")
}

type text string // keeps SQL constant: a value of another string type does not compile

const sqlAppend text = `select journal.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`

func (s *Store) send(batch []*request) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	n := 0
	for _, r := range batch {
		n += len(r.rows)
	}
	c := newColumns(n)
	for _, r := range batch {
		for i := range r.rows {
			c.add(&r.rows[i])
		}
	}
	var last int64
	args := append([]any{pgx.QueryExecModeCacheDescribe}, c.args()...) // no plan outlives the tables' sizes, no pooler minds
	return s.db.QueryRow(ctx, string(sqlAppend), args...).Scan(&last)
}

// columns are a batch as journal.append takes it.
type columns struct {
	tenant, kind, outcome, actorKind, channel, node, requestID, ip, agent, targetKind, detail []string
	id, actor, impersonator, session, login, subject, target, customer                        []pgtype.UUID
}

func newColumns(n int) *columns {
	t := func() []string { return make([]string, 0, n) }
	u := func() []pgtype.UUID { return make([]pgtype.UUID, 0, n) }
	return &columns{t(), t(), t(), t(), t(), t(), t(), t(), t(), t(), t(), u(), u(), u(), u(), u(), u(), u(), u()}
}

func (c *columns) add(r *row) {
	c.tenant, c.kind, c.outcome = append(c.tenant, r.Tenant), append(c.kind, r.Kind), append(c.outcome, r.Outcome)
	c.actorKind, c.channel, c.node = append(c.actorKind, r.Actor.Kind), append(c.channel, r.Origin.Channel), append(c.node, r.Origin.Node)
	c.requestID, c.ip, c.agent = append(c.requestID, r.Origin.RequestID), append(c.ip, r.Origin.IP), append(c.agent, r.Origin.UserAgent)
	c.targetKind, c.detail = append(c.targetKind, r.Target.Kind), append(c.detail, r.detail)
	impersonator := uuid.Nil
	if r.Actor.Impersonator != nil {
		impersonator = *r.Actor.Impersonator
	}
	c.id, c.actor = append(c.id, pgtype.UUID{Bytes: r.id, Valid: true}), append(c.actor, pgtype.UUID{Bytes: r.Actor.ID, Valid: true})
	c.impersonator, c.session = append(c.impersonator, orNull(impersonator)), append(c.session, orNull(r.Actor.Session))
	c.login, c.subject = append(c.login, orNull(r.Login)), append(c.subject, orNull(r.subject))
	c.target, c.customer = append(c.target, orNull(r.Target.ID)), append(c.customer, orNull(r.Target.Customer))
}

func orNull(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != uuid.Nil} }

func (c *columns) args() []any {
	return []any{c.tenant, c.id, c.kind, c.outcome, c.actorKind, c.actor, c.impersonator, c.session, c.login,
		c.channel, c.node, c.requestID, c.subject, c.ip, c.agent, c.targetKind, c.target, c.customer, c.detail}
}
