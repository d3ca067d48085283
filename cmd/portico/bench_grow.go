package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/pg"
	"portico/migrations"
)

// shortLog is the log that a grown one is measured beside: long enough that loads do not
// all hit the same page.
const shortLog = 20_000

// growing is a log on a database of its own, beside the app's.
type growing struct {
	filled
	pool  *pgxpool.Pool
	store *eventstore.Postgres
}

// benchGrow measures appends and loads while one log grows and another does not.
func benchGrow(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	if a.server == nil {
		return nil, errors.New("grow needs a PostgreSQL of its own, to make databases on")
	}
	short, err := a.secondLog(ctx, "portico_short")
	if err != nil {
		return nil, err
	}
	defer short.close()
	long, err := a.secondLog(ctx, "portico_long")
	if err != nil {
		return nil, err
	}
	defer long.close()
	if err := short.grow(ctx, a.codec, shortLog); err != nil {
		return nil, err
	}
	for _, size := range slices.Sorted(slices.Values(o.sizes)) {
		if err := long.grow(ctx, a.codec, max(size, shortLog)); err != nil {
			return nil, err
		}
		at, err := o.flatness(ctx, fmt.Sprintf("at %d events", size), long, short)
		if err != nil {
			return nil, err
		}
		results = append(results, at...)
	}
	return results, nil
}

// flatness compares the two logs.
func (o benchOptions) flatness(ctx context.Context, variant string, long, short *growing) (results []result, err error) {
	for _, clients := range []int{1, 64} {
		rate, _, _, err := o.hold(ctx, contest{"grow", "appends " + variant, "appends/s", clients, appending(long.store), appending(short.store)})
		if err != nil {
			return nil, err
		}
		results = append(results, rate)
	}
	_, p50, _, err := o.hold(ctx, contest{"grow", "20-event load " + variant, "", 1, long.loading(), short.loading()})
	return append(results, p50), err
}

func (g *growing) loading() func() work {
	return reading(g.store, func() eventstore.StreamName { return g.streams[rand.IntN(len(g.streams))] }, nil)
}

// secondLog makes a database beside the app's. It goes with the server's directory.
func (a *app) secondLog(ctx context.Context, name string) (*growing, error) {
	admin, err := pgx.Connect(ctx, a.server.AdminURL("postgres"))
	if err != nil {
		return nil, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	var owner string
	if err := a.pool.QueryRow(ctx, "select session_user").Scan(&owner); err != nil {
		return nil, err
	}
	if _, err := admin.Exec(ctx, "create database "+name+" owner "+pgx.Identifier{owner}.Sanitize()); err != nil {
		return nil, err
	}
	url := a.server.URL(name)
	if _, err := migrations.Up(ctx, url); err != nil {
		return nil, err
	}
	pool, err := pg.Open(ctx, url, pg.Options{Name: "portico bench"})
	if err != nil {
		return nil, err
	}
	return &growing{filled{url: url}, pool, eventstore.OpenPostgres(pool)}, nil
}

func (g *growing) close() {
	g.store.Close()
	g.pool.Close()
}
