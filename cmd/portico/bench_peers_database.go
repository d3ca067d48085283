package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pgserver"
)

type text string // keeps SQL constant: a value of another string type does not compile

// peerDatabase makes a database for a peer, beside ours on the same server.
func peerDatabase(ctx context.Context, a *app, name string) (url, adminURL string, err error) {
	admin, err := pgx.Connect(ctx, a.server.AdminURL("postgres"))
	if err != nil {
		return "", "", err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	_, err = admin.Exec(ctx, "create database "+name+" owner "+pgserver.Database)
	return a.server.URL(name), a.server.AdminURL(name), err
}

// peerPool connects to a peer's database, as somebody else than its owner if a user is named.
func peerPool(ctx context.Context, url, user, searchPath string) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if user != "" {
		c.ConnConfig.User = user
	}
	c.MaxConns = peerConns
	c.ConnConfig.RuntimeParams["search_path"] = searchPath
	return pgxpool.NewWithConfig(ctx, c)
}

// vacuumed leaves every database as it would be some time after its log was written.
func vacuumed(ctx context.Context, a *app) error {
	admin, err := pgx.Connect(ctx, a.server.AdminURL("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	rows, err := admin.Query(ctx, `select datname from pg_database where datname ~ '^(portico|peer_)'`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		c, err := pgx.Connect(ctx, a.server.AdminURL(name))
		if err != nil {
			return err
		}
		_, err = c.Exec(ctx, "vacuum analyze")
		if err = errors.Join(err, c.Close(context.WithoutCancel(ctx))); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// counting is the number that a statement answers.
func counting(pool *pgxpool.Pool, sql text) func(context.Context) (int64, error) {
	return func(ctx context.Context) (n int64, err error) {
		return n, pool.QueryRow(ctx, string(sql)).Scan(&n)
	}
}

// idsOf reads rows whose columns go to a place, of which id is one.
func idsOf(rows pgx.Rows, err error, id *uuid.UUID, into ...any) (ids []uuid.UUID, _ error) {
	if err != nil {
		return nil, err
	}
	_, err = pgx.ForEachRow(rows, into, func() error {
		ids = append(ids, *id)
		return nil
	})
	return ids, err
}
