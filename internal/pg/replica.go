package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	lookEvery = 100 * time.Millisecond // at how far the replica has come
	lookTime  = time.Second
	// MaxBehind is how far behind the primary a replica may be that is asked at all.
	MaxBehind = time.Second
	// What a replica has not answered by patience the primary is asked; it is not asked
	// again before it has rested.
	replicaPatience = 250 * time.Millisecond
	replicaRests    = 2 * time.Second
)

// Replica is a streaming replica of a database, which may be down, slow, behind or promoted
// at any time. It is asked by requests alone, with the tenant's rows to be seen and no others.
type Replica struct {
	db      DB
	pool    *pgxpool.Pool
	primary *pgxpool.Pool
	log     *slog.Logger
	opened  time.Time

	mu    sync.Mutex
	asOf  time.Time // it has whatever the primary had then; zero: it was never reached
	rests time.Time // until then it is not asked
	why   string    // it is not asked; "": it is, if it is not too far behind

	served, passed atomic.Int64
}

// OpenReplica makes a pool of connections to a replica, in the role of the primary's. None is
// opened yet: a replica that is down holds up nothing.
func OpenReplica(databaseURL string, primary *pgxpool.Pool, o Options) (*Replica, error) {
	if role := primary.Config().ConnConfig.RuntimeParams["role"]; role != "" {
		o.Role = role // what there is (Open)
	}
	c, err := config(databaseURL, &o)
	if err != nil {
		return nil, fmt.Errorf("pg: replica: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		return nil, fmt.Errorf("pg: replica: %w", err)
	}
	return &Replica{db: Tenants(pool), pool: pool, primary: primary, log: o.Log, opened: time.Now(), why: "it has not been looked at yet"}, nil
}

func (r *Replica) Close() { r.pool.Close() }

// Usable tells whether the replica may be asked in ctx: by a request, while it answers, replays
// and is no more than MaxBehind behind. A nil one never is.
func (r *Replica) Usable(ctx context.Context) bool {
	if r == nil || TenantOf(ctx) == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why == "" && time.Since(r.asOf) <= MaxBehind
}

// Send asks the replica all of a batch. It is not waited for long.
func (r *Replica) Send(ctx context.Context, b *pgx.Batch) error {
	bounded, cancel := context.WithTimeout(ctx, replicaPatience)
	defer cancel()
	err := r.db.SendBatch(bounded, b).Close()
	if answer := (*pgconn.PgError)(nil); err != nil && ctx.Err() == nil && !errors.As(err, &answer) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rests = time.Now().Add(replicaRests)
		r.say(err.Error())
	}
	return err
}

// Count counts a read that the replica served, or that it was passed over for.
func (r *Replica) Count(served bool) {
	switch {
	case r == nil:
	case served:
		r.served.Add(1)
	default:
		r.passed.Add(1)
	}
}

// ReplicaStatus is how a replica does.
type ReplicaStatus struct {
	Used             bool
	Behind           time.Duration // what the primary had that long ago the replica has, too
	Replica, Primary int64         // reads that each served, since this process began
}

// Status is how the replica does. One that was never reached is behind since it was opened.
func (r *Replica) Status() ReplicaStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	behind := time.Since(r.asOf)
	if r.asOf.IsZero() {
		behind = time.Since(r.opened)
	}
	return ReplicaStatus{r.why == "" && behind <= MaxBehind, behind, r.served.Load(), r.passed.Load()}
}

// Run looks at the replica until ctx ends.
func (r *Replica) Run(ctx context.Context) {
	var at seen
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		err := r.look(ctx, &at)
		r.mu.Lock()
		switch {
		case err != nil && ctx.Err() == nil:
			r.say(err.Error())
		case err == nil && time.Since(r.asOf) > MaxBehind:
			r.say("it is too far behind")
		case err == nil && time.Now().After(r.rests):
			r.say("")
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// say notes why the replica is not asked, and logs that once.
func (r *Replica) say(why string) {
	switch {
	case why == "" && r.why != "":
		r.log.Info("the replica answers reads")
	case why != "" && r.why == "":
		r.log.Warn("the primary answers all reads", "replica", why)
	}
	r.why = why
}

// seen is where the primary was.
type seen struct {
	at  time.Time // at least then
	lsn string
	of  string // which history, and as whom
}

// A cluster that was made apart, or has gone another way since, has another history, in which
// the same position says nothing. In another role, which a pooler may have chosen, more might show.
const (
	sqlHistory = `concat_ws('/', current_user, (select system_identifier from pg_control_system()), (select timeline_id from pg_control_checkpoint()))`
	sqlPrimary = `select pg_current_wal_flush_lsn()::text, ` + sqlHistory
	sqlReplica = `select pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false), ` + sqlHistory
)

// look finds out whether the replica has come to where the primary was, and goes by local
// time alone: of the primary's place it is only known that it was there after it was asked.
func (r *Replica) look(ctx context.Context, was *seen) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if was.lsn == "" {
		now := seen{at: time.Now()}
		if err := r.primary.QueryRow(ctx, sqlPrimary).Scan(&now.lsn, &now.of); err != nil {
			return fmt.Errorf("asking the primary: %w", err)
		}
		*was = now
	}
	var replays, there bool
	var of string
	if err := r.pool.QueryRow(ctx, sqlReplica, was.lsn).Scan(&replays, &there, &of); err != nil {
		return err
	}
	if !replays || of != was.of {
		was.lsn = "" // it may be the primary that is new
		return fmt.Errorf("it is %s, the primary %s (role/system/timeline), in recovery: %v", of, was.of, replays)
	}
	if there {
		r.mu.Lock()
		r.asOf = was.at
		r.mu.Unlock()
		was.lsn = ""
	}
	return nil
}
