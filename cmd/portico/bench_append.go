package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

const (
	sqlBenchTable = `create table if not exists portico_bench.raw (id bigint generated always as identity primary key,
		stream text not null, version bigint not null, event uuid not null, type text not null, data bytea not null, meta bytea not null,
		unique (stream, version))`
	sqlBenchInsert = `insert into portico_bench.raw (stream, version, event, type, data, meta) values ($1, $2, $3, $4, $5, $6)`
)

// eventsPerStream is how long a measured stream grows before a new one is begun.
const eventsPerStream = 20

// benchAppend appends events of 416 bytes, with 130 of metadata, to streams of 20, each at
// its expected version. The floor inserts the same bytes, one row a statement: durable,
// unique by stream and version, but without an order that a reader could follow.
func benchAppend(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	if _, err := a.pool.Exec(ctx, `create schema if not exists portico_bench`); err != nil {
		return nil, err
	}
	if _, err := a.pool.Exec(ctx, sqlBenchTable); err != nil {
		return nil, err
	}
	data, meta := bytes.Repeat([]byte("d"), 416), bytes.Repeat([]byte("m"), 130)
	for _, clients := range []int{1, 8, 64} {
		store := func() (float64, error) {
			run := uuid.New()
			return o.rate(ctx, clients, func(ctx context.Context, client, n int) error {
				stream := eventstore.Stream("bench", "stream", fmt.Sprintf("%s-%d-%d", run, client, n/eventsPerStream))
				_, err := a.store.Append(ctx, stream, int64(n%eventsPerStream)-1, eventstore.Event{ID: uuid.New(), Type: "bench.event", Data: data, Meta: meta})
				return err
			})
		}
		raw := func() (float64, error) {
			run := uuid.New()
			return o.rate(ctx, clients, func(ctx context.Context, client, n int) error {
				stream := fmt.Sprintf("%s-%d-%d", run, client, n/eventsPerStream)
				_, err := a.pool.Exec(ctx, sqlBenchInsert, stream, n%eventsPerStream, uuid.New(), "bench.event", data, meta)
				return err
			})
		}
		v, f, ratio, err := o.beside(store, raw)
		if err != nil {
			return nil, err
		}
		results = append(results, result{"append", "store beside single-row insert", clients, v, "appends/s", f, ratio})
	}
	return results, nil
}
