package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/internal/eventstore"
	"portico/internal/pg"
)

// Store keeps jobs in portico.jobs. Its clock is the database's. Whoever inserts by hand
// must not use an ID again once its job is done: done jobs are forgotten after a time.
type Store struct {
	DB pg.DB

	mu      sync.Mutex
	waiting map[chan struct{}]bool // runners of this process, told when jobs are inserted
}

// Insert makes jobs; those that are there already stay as they are.
func (s *Store) Insert(ctx context.Context, jobs ...Job) error {
	if _, err := s.insert(ctx, s.DB, jobs); err != nil {
		return err
	}
	s.tell()
	return nil
}

// InsertIn is Insert within a transaction. Runners find the jobs when they next look, half
// a second after its commit at most.
func (s *Store) InsertIn(ctx context.Context, tx pgx.Tx, jobs ...Job) error {
	_, err := s.insert(ctx, tx, jobs)
	return err
}

type text string // keeps SQL constant: a value of another string type does not compile

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

const sqlInsert = `
insert into portico.jobs (id, tenant, kind, payload, metadata, route, pos_hi, pos_lo, correlation, causation, due)
select id, tenant, kind, payload, metadata, route, hi::numeric, lo::numeric, correlation, causation, coalesce(due, clock_timestamp())
from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[], $6::uuid[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::timestamptz[])
  as j(id, tenant, kind, payload, metadata, route, hi, lo, correlation, causation, due)
on conflict do nothing`

// insert makes jobs and answers how many were not there.
func (s *Store) insert(ctx context.Context, db execer, jobs []Job) (int64, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	var c columns
	for _, j := range jobs {
		if err := j.check(); err != nil {
			return 0, err
		}
		c.add(j)
	}
	tag, err := db.Exec(ctx, sqlInsert, c.id, c.tenant, c.kind, c.payload, c.metadata, c.route, c.hi, c.lo, c.correlation, c.causation, c.due)
	if err != nil {
		return 0, fmt.Errorf("jobs: insert: %w", err)
	}
	return tag.RowsAffected(), nil
}

// check refuses a job that could not be kept, or done.
func (j Job) check() error {
	if j.ID == uuid.Nil || j.Kind == "" || j.Tenant == "" {
		return fmt.Errorf("jobs: a job needs an ID, a kind and a tenant, not %s, %q, %q", j.ID, j.Kind, j.Tenant)
	}
	if text := j.Kind + j.Tenant; !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("jobs: %q cannot be kept", text) // and would hold up everybody else's
	}
	return nil
}

// columns are jobs as unnest takes them.
type columns struct {
	id, route, correlation, causation []uuid.UUID
	tenant, kind, hi, lo              []string
	payload                           [][]byte
	metadata                          []*string
	due                               []*time.Time
}

func (c *columns) add(j Job) {
	c.id, c.route = append(c.id, j.ID), append(c.route, j.Route)
	c.correlation, c.causation = append(c.correlation, j.Correlation), append(c.causation, j.Causation)
	c.tenant, c.kind = append(c.tenant, j.Tenant), append(c.kind, j.Kind)
	c.hi, c.lo = append(c.hi, strconv.FormatUint(j.Pos.Hi, 10)), append(c.lo, strconv.FormatUint(j.Pos.Lo, 10))
	payload := []byte(j.Payload)
	if payload == nil {
		payload = []byte{}
	}
	c.payload = append(c.payload, payload)
	var metadata *string
	if len(j.metadata) > 0 {
		text, _ := json.Marshal(j.metadata) // strings always encode
		metadata = new(string(text))
	}
	c.metadata = append(c.metadata, metadata)
	var due *time.Time
	if !j.NotBefore.IsZero() {
		due = &j.NotBefore
	}
	c.due = append(c.due, due)
}

// tell wakes the runners of this process.
func (s *Store) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// wake ticks when this process has inserted jobs, until stop is called.
func (s *Store) wake() (ticks <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[chan struct{}]bool{}
	}
	s.waiting[ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, ch)
	}
}

// place is how a position travels: numeric(20), as text.
type place struct{ hi, lo string }

func placeOf(p eventstore.Position) place {
	return place{strconv.FormatUint(p.Hi, 10), strconv.FormatUint(p.Lo, 10)}
}

func (p place) position() eventstore.Position {
	hi, _ := strconv.ParseUint(p.hi, 10, 64)
	lo, _ := strconv.ParseUint(p.lo, 10, 64)
	return eventstore.Position{Hi: hi, Lo: lo}
}
