package pg

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tenants is pool as requests use it: before each statement, batch and transaction it tells
// the database, in the same round trip, whose rows may show: those of the context's tenant
// (InTenant), else nobody's. The setting ends with the transaction. A setting of the session
// would be found by whoever has the connection next.
func Tenants(pool *pgxpool.Pool) DB { return tenants{pool} }

type tenants struct{ pool *pgxpool.Pool }

// sqlTenant is what the policies of row level security compare with (migration 0019).
const sqlTenant = `select set_config('portico.tenant', $1, true)`

func (t tenants) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	br := t.send(ctx, sql, args)
	defer br.Close()
	if tag, err = br.Exec(); err == nil {
		err = br.Close() // which commits
	}
	return tag, err
}

func (t tenants) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	br := t.send(ctx, sql, args)
	found, err := br.Query()
	if err != nil {
		br.Close()
		return found, err
	}
	return &rows{Rows: found, br: br}, nil
}

func (t tenants) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	found, err := t.Query(ctx, sql, args...)
	return row{found, err}
}

// send asks for one statement, which in a batch is in a transaction with the setting.
func (t tenants) send(ctx context.Context, sql string, args []any) pgx.BatchResults {
	var b pgx.Batch
	b.Queue(sql, args...)
	return t.SendBatch(ctx, &b)
}

// SendBatch sends a batch as it would have been sent by the pool. If it begins a
// transaction of its own the setting comes after that.
func (t tenants) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	at := 0
	if len(b.QueuedQueries) > 0 && strings.HasPrefix(b.QueuedQueries[0].SQL, "begin") {
		at = 1
	}
	set := &pgx.QueuedQuery{SQL: sqlTenant, Arguments: []any{TenantOf(ctx)}}
	b.QueuedQueries = slices.Insert(b.QueuedQueries, at, set)
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return &results{BatchResults: conn.SendBatch(ctx, b), conn: conn, set: at}
}

func (t tenants) Begin(ctx context.Context) (pgx.Tx, error) { return t.BeginTx(ctx, pgx.TxOptions{}) }

func (t tenants) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	var b pgx.Batch
	b.BeginTx(o)
	b.Queue(sqlTenant, TenantOf(ctx))
	br := t.pool.SendBatch(ctx, &b)
	tx := br.Tx()
	if err := br.Close(); err != nil {
		if tx != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx)) // gives the connection back
		}
		return nil, err
	}
	return tx, nil
}

// results are those of a batch, without that of the setting. Whatever its reader does, a
// panic too, the connection is given back, or closed if it is in the middle of something.
type results struct {
	pgx.BatchResults
	conn   *pgxpool.Conn
	set    int // how many results come before the setting's
	closed bool
	err    error
}

func (r *results) skip() {
	if r.set--; r.set == -1 {
		_, _ = r.BatchResults.Exec() // its error is the next one's too
	}
}

func (r *results) Exec() (pgconn.CommandTag, error) {
	r.skip()
	return r.BatchResults.Exec()
}

func (r *results) Query() (pgx.Rows, error) {
	r.skip()
	return r.BatchResults.Query()
}

func (r *results) QueryRow() pgx.Row {
	r.skip()
	return r.BatchResults.QueryRow()
}

func (r *results) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	defer r.conn.Release()
	r.err = r.BatchResults.Close()
	return r.err
}

// rows close their batch when they end, or are closed.
type rows struct {
	pgx.Rows
	br  pgx.BatchResults
	err error
}

func (r *rows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Close() {
	r.Rows.Close()
	r.err = r.br.Close()
}

func (r *rows) Err() error { return cmp.Or(r.Rows.Err(), r.err) }

type row struct {
	rows pgx.Rows
	err  error
}

func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return cmp.Or(r.rows.Err(), pgx.ErrNoRows)
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
