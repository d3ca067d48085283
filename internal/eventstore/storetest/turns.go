package storetest

import (
	"context"
	"sync/atomic"

	"portico/internal/eventstore"
)

// turns is one log behind several stores, as several processes have it: each call goes to
// the next.
type turns struct {
	stores []eventstore.Store
	calls  atomic.Uint64
}

// Turns answers a store that asks each of several in turn. They must share one log: then
// together they keep the contract.
func Turns(stores ...eventstore.Store) eventstore.Store { return &turns{stores: stores} }

func (t *turns) next() eventstore.Store {
	return t.stores[t.calls.Add(1)%uint64(len(t.stores))]
}

func (t *turns) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	return t.next().Append(ctx, stream, expected, events...)
}

func (t *turns) ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	return t.next().ReadStream(ctx, stream, from, limit)
}

func (t *turns) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	return t.next().ReadAll(ctx, after, limit)
}

func (t *turns) Head(ctx context.Context) (eventstore.Position, error) { return t.next().Head(ctx) }

func (t *turns) Versions(ctx context.Context, streams ...eventstore.StreamName) ([]int64, error) {
	return t.next().Versions(ctx, streams...)
}

func (t *turns) Streams(ctx context.Context, tenant, category string) ([]eventstore.StreamName, error) {
	return t.next().Streams(ctx, tenant, category)
}

func (t *turns) Wake(ctx context.Context) <-chan struct{} { return t.next().Wake(ctx) }
