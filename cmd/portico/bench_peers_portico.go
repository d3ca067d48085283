package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// porticoPeer is our event store as commands and readers use it.
func porticoPeer(a *app) *peer {
	name := func(s peerStream) eventstore.StreamName { return eventstore.Stream(firstTenant, "stream", s.id) }
	return called{
		name: "portico",
		write: func(ctx context.Context, s peerStream, version int64, id uuid.UUID) error {
			_, err := a.store.Append(ctx, name(s), version-1, eventstore.Event{ID: id, Type: peerType, Data: []byte(peerData), Meta: []byte(peerMeta)})
			return err
		},
		load: func(ctx context.Context, s peerStream) (int, error) {
			events, err := a.store.ReadStream(ctx, name(s), 0, peerPage)
			return len(events), err
		},
		reader: func(ctx context.Context, end bool) (reader, error) { return porticoReader(ctx, a.store, end) },
		stored: counting(a.pool, "select count(*) from es.events"),
		close:  func() {},
	}.peer()
}

// porticoReader reads on when the store says that there is more.
func porticoReader(ctx context.Context, store eventstore.Store, end bool) (_ reader, err error) {
	var at eventstore.Position
	if end {
		at, err = store.Head(ctx)
	}
	waking, stop := context.WithCancel(ctx)
	wake := store.Wake(waking)
	return reader{close: stop, next: func(ctx context.Context) (ids []uuid.UUID, err error) {
		for {
			page, err := store.ReadAll(ctx, at, peerPage)
			if err != nil {
				return nil, err
			}
			at = page.Next
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			if len(ids) > 0 {
				return ids, nil
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-wake:
			}
		}
	}}, err
}

// The floor keeps its rows durably and each version once, and a reader follows its identity
// column, as is often done: nothing makes sure that an id is not committed after a greater one.
const (
	sqlPeerTable = `create table events (id bigint generated always as identity primary key,
		stream text not null, version bigint not null, event uuid not null, type text not null, data jsonb not null, meta jsonb not null,
		at timestamptz not null default now(), unique (stream, version))`
	sqlPeerInsert = `insert into events (stream, version, event, type, data, meta) values ($1, $2, $3, $4, $5, $6)`
	sqlPeerLoad   = `select version, event, type, data, meta, at from events where stream = $1 order by version`
	sqlPeerRead   = `select id, stream, version, event, type, data, meta, at from events where id > $1 order by id limit $2`
)

// openInsert is the floor: one table, one statement an append.
func openInsert(ctx context.Context, a *app, _ *npm) ([]*peer, error) {
	url, _, err := peerDatabase(ctx, a, "peer_insert")
	if err != nil {
		return nil, err
	}
	pool, err := peerPool(ctx, url, "", "public")
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, sqlPeerTable); err != nil {
		pool.Close()
		return nil, err
	}
	return []*peer{called{
		name: "insert", note: "no order to follow",
		write: func(ctx context.Context, s peerStream, version int64, id uuid.UUID) error {
			_, err := pool.Exec(ctx, sqlPeerInsert, s.id, version, id, peerType, peerData, peerMeta)
			return err
		},
		load: func(ctx context.Context, s peerStream) (int, error) {
			var e row
			rows, err := pool.Query(ctx, sqlPeerLoad, s.id)
			ids, err := idsOf(rows, err, &e.id, &e.version, &e.id, &e.kind, &e.data, &e.meta, &e.at)
			return len(ids), err
		},
		reader: func(ctx context.Context, end bool) (reader, error) {
			var e row
			if end {
				if err := pool.QueryRow(ctx, "select coalesce(max(id), 0) from events").Scan(&e.pos); err != nil {
					return reader{}, err
				}
			}
			return polling(func(ctx context.Context) ([]uuid.UUID, error) {
				rows, err := pool.Query(ctx, sqlPeerRead, e.pos, peerPage)
				return idsOf(rows, err, &e.id, &e.pos, &e.stream, &e.version, &e.id, &e.kind, &e.data, &e.meta, &e.at)
			}), nil
		},
		stored: counting(pool, "select count(*) from events"),
		close:  pool.Close,
	}.peer()}, nil
}

// row is where an event's columns go.
type row struct {
	pos, version int64
	id           uuid.UUID
	stream, kind string
	data, meta   []byte
	at           time.Time
}
