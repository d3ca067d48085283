package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what a store needs of a pool. Stores take it rather than a pool: for requests it
// shows the rows of one tenant only, the one in the context (InTenant); for workers all.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Begin(ctx context.Context) (pgx.Tx, error)
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}

// whose says whose rows show in a context; zero: nobody's.
type whose struct {
	tenant string
	all    bool
}

type whoseKey struct{}

// InTenant is ctx within which the rows of a tenant show.
func InTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, whoseKey{}, whose{tenant: tenant})
}

// Across is ctx within which the rows of all tenants show: for workers, and for operators'
// commands. A request's never is.
func Across(ctx context.Context) context.Context {
	return context.WithValue(ctx, whoseKey{}, whose{all: true})
}

// TenantOf is the tenant whose rows show in ctx; "": nobody's, or everybody's.
func TenantOf(ctx context.Context) string {
	w, _ := ctx.Value(whoseKey{}).(whose)
	return w.tenant
}

func across(ctx context.Context) bool {
	w, _ := ctx.Value(whoseKey{}).(whose)
	return w.all
}

// Split is one DB of two: workers' contexts (Across) get workers, all others requests.
func Split(requests, workers DB) DB { return split{requests, workers} }

type split struct{ requests, workers DB }

func (s split) of(ctx context.Context) DB {
	if across(ctx) {
		return s.workers
	}
	return s.requests
}

func (s split) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return s.of(ctx).Exec(ctx, sql, args...)
}

func (s split) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.of(ctx).Query(ctx, sql, args...)
}

func (s split) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.of(ctx).QueryRow(ctx, sql, args...)
}

func (s split) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return s.of(ctx).SendBatch(ctx, b)
}

func (s split) Begin(ctx context.Context) (pgx.Tx, error) { return s.of(ctx).Begin(ctx) }

func (s split) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	return s.of(ctx).BeginTx(ctx, o)
}
