// Package idempotency remembers what a repeated request was answered, so that it is
// answered the same and decided once. It does not itself keep commands from being decided
// twice after a crash: for that the command's id is the same for the same request, and
// the event store knows which commands a stream has seen.
package idempotency

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/failpoint"
	"portico/internal/pg"
)

// Store keeps answers in portico.idempotency. Its clock is the database's.
type Store struct {
	DB   pg.DB
	Node string // names this process to those who inherit from it
}

// Request is one that its sender gave a key. Hash is of everything that makes it this
// request and no other.
type Request struct {
	Tenant string
	Actor  uuid.UUID
	Key    string
	Hash   [32]byte
}

// CommandID is the id of the command that the request asks for. The hash is part of it:
// a key that is used again after it was forgotten, for something else, is another command.
func (r Request) CommandID() uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceOID, "portico idempotency", r.Tenant, r.Actor.String(), r.Key, hex.EncodeToString(r.Hash[:]))
}

// Answer is what was answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

var (
	// ErrReused says that the key came with another request before.
	ErrReused = errors.New("idempotency: the key is of another request")
	// ErrRunning says that the same request is being worked on.
	ErrRunning = errors.New("idempotency: the request is still running")
)

const (
	// Lease is how long a request may run before a repetition takes it over.
	Lease = 30 * time.Second
	// keep is how long answers are remembered.
	keep = 7 * 24 * time.Hour
)

// type text keeps SQL constant: a value of another string type does not compile.
type text string

const sqlClaim text = `
insert into portico.idempotency as i (tenant, actor, key, request_hash, state, lease_until, created_at, owner)
values ($1, $2, $3, $4, 'running', clock_timestamp() + $5::interval, clock_timestamp(), $6)
on conflict (tenant, actor, key) do update set lease_until = excluded.lease_until, owner = excluded.owner
where i.state = 'running' and i.request_hash = excluded.request_hash
  and (i.lease_until <= clock_timestamp() or i.lease_until > excluded.lease_until + $5::interval)
returning true`

const sqlFind text = `
select request_hash = $4, state = 'done', coalesce(status, 0), coalesce(header, '{}'), coalesce(body, '')
from portico.idempotency where tenant = $1 and actor = $2 and key = $3`

// Claim takes the request for the caller to work on, and answers nil; or it answers what
// the same request was answered before. A claim whose lease ran out is taken over, and
// one that would last longer than any: the clock was put back since.
func (s *Store) Claim(ctx context.Context, r Request) (*Answer, error) {
	ctx = pg.InTenant(ctx, r.Tenant)
	for range 3 {
		var ours bool
		err := s.row(ctx, sqlClaim, r.Tenant, r.Actor, r.Key, r.Hash[:], Lease, s.Node).Scan(&ours)
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			if sent(err) { // the claim may be ours, and nobody works on it
				go Later(func(ctx context.Context) error { return s.Yield(ctx, r) })
			}
			return nil, fmt.Errorf("idempotency: %w", err)
		}
		answer, err := s.find(ctx, r)
		if !errors.Is(err, pgx.ErrNoRows) { // else it was given up just now: claim again
			return answer, err
		}
	}
	return nil, ErrRunning
}

// sent tells whether what failed may have been done all the same.
func sent(err error) bool {
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	return !errors.As(err, &connect) && !pgconn.SafeToRetry(err) && !(errors.As(err, &server) && server.SeverityUnlocalized == "ERROR")
}

// Later settles a claim that could not be settled: it tries until the database is back, or
// the claim has run out by itself. Else whoever repeats the request would wait until then.
func Later(settle func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), Lease)
	defer cancel()
	for settle(ctx) != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *Store) find(ctx context.Context, r Request) (*Answer, error) {
	var same, done bool
	var header []byte
	var a Answer
	err := s.row(ctx, sqlFind, r.Tenant, r.Actor, r.Key, r.Hash[:]).Scan(&same, &done, &a.Status, &header, &a.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("idempotency: %w", err)
	case !same:
		return nil, ErrReused
	case !done:
		return nil, ErrRunning
	}
	if err := json.Unmarshal(header, &a.Header); err != nil {
		return nil, fmt.Errorf("idempotency: stored header: %w", err)
	}
	return &a, nil
}

const sqlFinish text = `
update portico.idempotency set state = 'done', status = $5, header = $6, body = $7
where tenant = $1 and actor = $2 and key = $3 and request_hash = $4 and state = 'running'`

// Finish remembers the answer. Of two who worked on the same request, the first one's stays.
func (s *Store) Finish(ctx context.Context, r Request, a Answer) error {
	ctx = pg.InTenant(ctx, r.Tenant)
	header, err := json.Marshal(a.Header)
	if err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	failpoint.At("idempotency.before_done")
	err = s.exec(ctx, sqlFinish, r.Tenant, r.Actor, r.Key, r.Hash[:], a.Status, string(header), a.Body)
	failpoint.At("idempotency.after_done")
	return err
}

const sqlForget text = `
delete from portico.idempotency where tenant = $1 and actor = $2 and key = $3 and request_hash = $4 and state = 'running'`

// Forget gives up a claim as if it had never been: nothing was decided, and the key may
// come with another request.
func (s *Store) Forget(ctx context.Context, r Request) error {
	ctx = pg.InTenant(ctx, r.Tenant)
	return s.exec(ctx, sqlForget, r.Tenant, r.Actor, r.Key, r.Hash[:])
}

const sqlYield text = `
update portico.idempotency set lease_until = clock_timestamp()
where tenant = $1 and actor = $2 and key = $3 and request_hash = $4 and state = 'running'`

// Yield gives up a claim that may have led to something: the same request may take it
// over at once, another may not.
func (s *Store) Yield(ctx context.Context, r Request) error {
	ctx = pg.InTenant(ctx, r.Tenant)
	return s.exec(ctx, sqlYield, r.Tenant, r.Actor, r.Key, r.Hash[:])
}

const (
	sqlOwners text = `select distinct owner from portico.idempotency
where state = 'running' and owner is not null and lease_until > clock_timestamp()`
	sqlInherit text = `update portico.idempotency set lease_until = clock_timestamp() where state = 'running' and owner = $1`
)

// Inherit gives up the claims of processes that are known to be dead: whoever repeats
// their requests need not wait until they run out.
func (s *Store) Inherit(ctx context.Context, dead func(node string) bool) error {
	rows, err := s.DB.Query(ctx, string(sqlOwners))
	if err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, owner := range owners {
		if err == nil && dead(owner) {
			err = s.exec(ctx, sqlInherit, owner)
		}
	}
	return err
}

const sqlPurge text = `
delete from portico.idempotency where (tenant, actor, key) in (
  select tenant, actor, key from portico.idempotency
  where created_at < clock_timestamp() - $1::interval limit $2 for update skip locked)`

// Purge forgets answers older than seven days, a batch at a time, and tells how many.
func (s *Store) Purge(ctx context.Context) (int64, error) {
	const batch = 500
	for purged := int64(0); ; {
		done, err := s.DB.Exec(ctx, string(sqlPurge), keep, batch)
		if err != nil {
			return purged, fmt.Errorf("idempotency: %w", err)
		}
		if purged += done.RowsAffected(); done.RowsAffected() < batch {
			return purged, nil
		}
	}
}

// Run purges each hour until ctx ends. Failures are reported, and tried again.
func (s *Store) Run(ctx context.Context, report func(error)) {
	for {
		if _, err := s.Purge(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}

func (s *Store) row(ctx context.Context, sql text, args ...any) pgx.Row {
	return s.DB.QueryRow(ctx, string(sql), args...)
}

func (s *Store) exec(ctx context.Context, sql text, args ...any) error {
	if _, err := s.DB.Exec(ctx, string(sql), args...); err != nil {
		return fmt.Errorf("idempotency: %w", err)
	}
	return nil
}
