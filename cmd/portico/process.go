package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
)

const (
	beatEvery = 2 * time.Second
	// A process counts for 8 s after its last word. Whoever is in a log that the database does
	// not stand in finds no row to say it with; the lock orders that against a move.
	sqlBeat = `with stands as (select store from es.source for share)
insert into es.processes as p (name, roles, expires) select $1, $2, clock_timestamp() + interval '8 s' from stands where store = $3
on conflict (name) do update set roles = excluded.roles, expires = excluded.expires returning true`
	sqlGone = `delete from es.processes where name = $1 or expires < clock_timestamp() - interval '1 hour'`
	// A word that would count for longer than any was given before the clock was put back.
	sqlProcesses = `select name from es.processes
where expires between clock_timestamp() and clock_timestamp() + interval '16 s' and name <> $1 order by name`
)

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// appear says in the database that this process is at work, until close, so that nobody moves its
// log away. Should the log be moved after all, because the process stood still for long, moved is
// told.
func (a *app) appear(ctx context.Context, s *settings) error {
	kind, err := storeKind(s.eventStore)
	if err != nil {
		return err
	}
	here := &present{store: a.store, beat: func(ctx context.Context) error { return a.beat(ctx, s.roles, kind) }}
	if err := here.say(ctx); err != nil {
		return err
	}
	a.store, a.moved = here, make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var beating sync.WaitGroup
	beating.Go(func() {
		for tick := time.NewTicker(beatEvery); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			bounded, cancel := context.WithTimeout(ctx, beatEvery)
			err := here.say(bounded)
			cancel()
			if refused := (*domain.Error)(nil); errors.As(err, &refused) {
				select {
				case a.moved <- err:
				default:
				}
			}
		}
	})
	a.disappear = func() {
		cancel()
		beating.Wait()
		bounded, cancel := context.WithTimeout(context.Background(), beatEvery)
		defer cancel()
		_, _ = a.pool.Exec(bounded, sqlGone, node()) // it runs out by itself
	}
	return nil
}

func (a *app) beat(ctx context.Context, r roles, kind string) error {
	var here bool
	err := a.pool.QueryRow(ctx, sqlBeat, node(), r.String(), kind).Scan(&here)
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.Refused("log.other_store", "the log is no longer in %s: set PORTICO_EVENT_STORE to where it was copied to", kind)
	}
	return err
}

// present is the log of a process that is at work. One that stood still for long, and may no longer
// count as at work, asks whether the log is still the one before it appends to it.
type present struct {
	store
	beat func(context.Context) error
	said atomic.Pointer[time.Time]
}

// presumed is how long after its last word a process takes itself for at work: less than others do.
const presumed = 6 * time.Second

func (p *present) say(ctx context.Context) error {
	now := time.Now()
	if err := p.beat(ctx); err != nil {
		return err
	}
	p.said.Store(&now)
	return nil
}

func (p *present) Append(ctx context.Context, stream eventstore.StreamName, version int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if time.Since(*p.said.Load()) > presumed {
		if err := p.say(ctx); err != nil {
			return eventstore.Appended{}, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
		}
	}
	return p.store.Append(ctx, stream, version, events...)
}

// inPostgres is the log, if it is in PostgreSQL.
func (a *app) inPostgres() (*eventstore.Postgres, bool) {
	s := a.store
	if p, ok := s.(*present); ok {
		s = p.store
	}
	log, ok := s.(*eventstore.Postgres)
	return log, ok
}

// others are the processes at work on this database, but for this one.
func others(ctx context.Context, db querier) ([]string, error) {
	rows, _ := db.Query(ctx, sqlProcesses, node()) // its error is in rows
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return slices.DeleteFunc(names, dead), err
}

// alone refuses to move what others stand in.
func alone(ctx context.Context, db querier) error {
	names, err := others(ctx, db)
	if err == nil && len(names) > 0 {
		err = domain.Refused("log.in_use", "other processes of Portico are at work on this database (%s): stop them, or wait 10 s if one was killed, and run this again", strings.Join(names, ", "))
	}
	return err
}

// What a process does that serves (ENGINE 6): answer requests, fold read models, act on the world.
const (
	roleAPI     = "api"
	roleProject = "project"
	roleReact   = "react"
)

// roles are what a process does.
type roles []string

var allRoles = roles{roleAPI, roleProject, roleReact}

func (r roles) String() string       { return strings.Join(r, ",") }
func (r roles) has(role string) bool { return slices.Contains(r, role) }

// parseRoles takes them in any order.
func parseRoles(given []string) (roles, error) {
	for _, g := range given {
		if !allRoles.has(g) {
			return nil, domain.Invalid("settings.role", "%q is no role: give some of %s (PORTICO_ROLE, --role)", g, allRoles)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(allRoles), func(role string) bool { return !slices.Contains(given, role) })
	if len(chosen) == 0 {
		return nil, domain.Invalid("settings.role", "a server without a role does nothing: give some of %s (PORTICO_ROLE, --role)", allRoles)
	}
	return chosen, nil
}
