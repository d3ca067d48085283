package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/pg"
)

// Two tables of one form, for the floors: durable and unique by stream and version, but
// without an order that a reader could follow.
const (
	sqlBenchTable = `create table if not exists portico_bench.%s (id bigint generated always as identity primary key,
		stream text not null, version bigint not null, event uuid not null, type text not null, data bytea not null, meta bytea not null,
		unique (stream, version))`
	sqlBenchInsert = `insert into portico_bench.raw (stream, version, event, type, data, meta) values ($1, $2, $3, $4, $5, $6)`
	sqlBenchGroup  = `insert into portico_bench.grouped (stream, version, event, type, data, meta)
		select * from unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[])`
)

// eventsPerStream is how long a measured stream grows before a new one is begun.
const eventsPerStream = 20

// What is appended: the size of an ordinary event and its envelope.
var benchData, benchMeta = bytes.Repeat([]byte("d"), 416), fmt.Appendf(nil, `{"m":%q}`, strings.Repeat("m", 122))

// benchAppend appends events of 416 bytes, with 130 of metadata, to streams of 20, each at
// its expected version. One floor inserts the same bytes, a row a statement. The other is
// the ceiling of group commit: one goroutine that inserts whatever waits, and checks nothing.
func benchAppend(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	if o.elsewhere() {
		return o.overESDB(func(b *esdbBench) ([]result, error) { return b.append(ctx, a, o) })
	}
	for _, sql := range []string{`create schema if not exists portico_bench`, fmt.Sprintf(sqlBenchTable, "raw"), fmt.Sprintf(sqlBenchTable, "grouped")} {
		if _, err := a.pool.Exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	other, err := pg.Open(ctx, a.url, pg.Options{Name: "portico bench"})
	if err != nil {
		return nil, err
	}
	defer other.Close()
	second := eventstore.OpenPostgres(other)
	defer second.Close()
	ceiling := newGrouped(a.pool)
	defer ceiling.close()

	store := appending(a.store)
	raw := func() work { return a.inserting() }
	for _, c := range []contest{
		{variant: "store beside single-row insert", clients: 1, ours: store, floor: raw},
		{variant: "store beside single-row insert", clients: 8, ours: store, floor: raw},
		{variant: "store beside single-row insert", clients: 64, ours: store, floor: raw},
		{variant: "store beside bare group commit", clients: 64, ours: store, floor: ceiling.inserting},
		{variant: "two stores beside single-row insert", clients: 64, ours: appending(a.store, second), floor: raw},
	} {
		c.name, c.unit = "append", "appends/s"
		rate, _, p99, err := o.hold(ctx, c)
		if err != nil {
			return nil, err
		}
		results = append(results, rate, p99)
	}
	return results, nil
}

// appending spreads its clients over the stores.
func appending(stores ...eventstore.Store) func() work {
	return func() work {
		run := uuid.New()
		return func(ctx context.Context, client, n int) error {
			stream := eventstore.Stream("bench", "stream", fmt.Sprintf("%s-%d-%d", run, client, n/eventsPerStream))
			_, err := stores[client%len(stores)].Append(ctx, stream, int64(n%eventsPerStream)-1,
				eventstore.Event{ID: uuid.New(), Type: "bench.event", Data: benchData, Meta: benchMeta})
			return err
		}
	}
}

func (a *app) inserting() work {
	run := uuid.New()
	return func(ctx context.Context, client, n int) error {
		stream := fmt.Sprintf("bench.stream-%s-%d-%d", run, client, n/eventsPerStream)
		_, err := a.pool.Exec(ctx, sqlBenchInsert, stream, n%eventsPerStream, uuid.New(), "bench.event", benchData, benchMeta)
		return err
	}
}

// grouped is the ceiling: its one writer inserts all rows that wait in one statement.
type grouped struct {
	rows chan groupedRow
	done sync.WaitGroup
}

type groupedRow struct {
	stream  string
	version int64
	written chan error
}

func newGrouped(pool *pgxpool.Pool) *grouped {
	g := &grouped{rows: make(chan groupedRow, 512)}
	g.done.Go(func() {
		for first := range g.rows {
			batch := []groupedRow{first}
			for len(g.rows) > 0 {
				batch = append(batch, <-g.rows)
			}
			err := insertGroup(pool, batch)
			for _, r := range batch {
				r.written <- err
			}
		}
	})
	return g
}

func (g *grouped) close() {
	close(g.rows)
	g.done.Wait()
}

func insertGroup(pool *pgxpool.Pool, batch []groupedRow) error {
	var (
		streams, types []string
		versions       []int64
		ids            []uuid.UUID
		data, meta     [][]byte
	)
	for _, r := range batch {
		streams, types = append(streams, r.stream), append(types, "bench.event")
		versions, ids = append(versions, r.version), append(ids, uuid.New())
		data, meta = append(data, benchData), append(meta, benchMeta)
	}
	_, err := pool.Exec(context.Background(), sqlBenchGroup, streams, versions, ids, types, data, meta)
	return err
}

func (g *grouped) inserting() work {
	run := uuid.New()
	return func(_ context.Context, client, n int) error {
		r := groupedRow{fmt.Sprintf("bench.stream-%s-%d-%d", run, client, n/eventsPerStream), int64(n % eventsPerStream), make(chan error, 1)}
		g.rows <- r
		return <-r.written
	}
}
