package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pg"
)

// connect opens the pools, each of the role that may do what it is for and no more. Who
// serves requests has two more, which show the rows of the tenant that is asked for: an
// operator's commands are about all of them anyhow.
func (a *app) connect(ctx context.Context, s *settings) error {
	open := func(o pg.Options) (*pgxpool.Pool, error) {
		o.Log = a.log
		pool, err := pg.Open(ctx, a.url, o)
		if err == nil {
			a.pools = append(a.pools, pool)
		}
		return pool, err
	}
	log, err := open(pg.Options{Role: pg.AppendRole, MaxConns: 8})
	if err != nil {
		return err
	}
	if a.folds, err = open(pg.Options{Role: pg.ProjectRole, MaxConns: 12}); err != nil {
		return err
	}
	if a.pool, err = open(pg.Options{MaxConns: 8}); err != nil {
		return err
	}
	if a.store, err = openStore(s.eventStore, log, a.pool); err != nil {
		return err
	}
	if a.db = a.pool; !s.requests {
		return nil
	}
	requests, err := open(pg.Options{Role: pg.APIRole, MaxConns: 8})
	if err != nil {
		return err
	}
	reads, err := open(pg.Options{Role: pg.ReadRole, MaxConns: 12, Reads: true})
	if err != nil {
		return err
	}
	a.db, a.reads = pg.Split(pg.Tenants(requests), a.pool), pg.Split(pg.Tenants(reads), a.pool)
	if s.replicaURL != "" {
		a.replica, err = pg.OpenReplica(s.replicaURL, reads, pg.Options{Role: pg.ReadRole, MaxConns: 12, Reads: true, Log: a.log})
	}
	return err
}
