// Package sql makes SQL of what it should not.
package sql

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
	"portico/projections/engine"
)

type text string

const (
	sqlOne               = `select 1`
	sqlTwo    text       = `select 2`
	sqlOrder  text       = ` order by 1`
	sqlSchema engine.SQL = `select 1 from {s}.x`
)

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func run(ctx context.Context, db pg.DB, tx pgx.Tx, q querier, asked string) {
	_, _ = db.Exec(ctx, sqlOne)
	_, _ = db.Exec(ctx, string(sqlTwo+sqlOrder), asked)
	_, _ = db.Exec(ctx, sqlSchema.In("p_x"))
	_, _ = db.Exec(ctx, "select "+asked)                       // impure: statement
	_, _ = db.Exec(ctx, fmt.Sprintf("select %s", asked))       // impure: statement
	_, _ = db.Exec(ctx, asked)                                 // impure: statement
	_, _ = q.Query(ctx, sqlOne+asked)                          // impure: statement
	_ = tx.QueryRow(ctx, string(text(asked)))                  // impure: conversion
	_ = tx.QueryRow(ctx, string(sqlTwo+text("a "+asked)))      // impure: conversion
	_, _ = tx.Prepare(ctx, "name", "select "+asked)            // impure: statement
	_, _ = tx.Exec(ctx, engine.SQL("select "+asked).In("p_x")) // impure: conversion
	var b pgx.Batch
	b.Queue(sqlOne)
	b.Queue("select " + asked)                                              // impure: statement
	b.QueuedQueries = append(b.QueuedQueries, &pgx.QueuedQuery{SQL: asked}) // impure: statement
	which := sqlTwo
	if asked == "" {
		which += sqlOrder
	}
	_, _ = db.Exec(ctx, string(which))
}
