package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/domain"
)

const (
	beatEvery = 2 * time.Second
	// A process counts for 8 s after its last word. Whoever is in a log that the database does
	// not stand in finds no row to say it with; the lock orders that against a move.
	sqlBeat = `with stands as (select store from es.source for share)
insert into es.processes as p (name, roles, expires) select $1, $2, clock_timestamp() + interval '8 s' from stands where store = $3
on conflict (name) do update set roles = excluded.roles, expires = excluded.expires returning true`
	sqlGone      = `delete from es.processes where name = $1 or expires < clock_timestamp() - interval '1 hour'`
	sqlProcesses = `select name from es.processes where expires > clock_timestamp() and name <> $1 order by name`
)

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// appear says in the database that this process is at work, until close, so that nobody moves its
// log away. Should the log be moved after all, because the process stood still for long, moved is
// told: what was appended from then on nobody would find.
func (a *app) appear(ctx context.Context, s *settings) error {
	kind, err := storeKind(s.eventStore)
	if err == nil {
		err = a.beat(ctx, s.roles, kind)
	}
	if err != nil {
		return err
	}
	a.moved = make(chan error, 1)
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
			err := a.beat(bounded, s.roles, kind)
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
