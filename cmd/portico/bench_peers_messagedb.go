package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// messageDBFiles is what install.sh of @eventide/message-db runs, in its order; of views,
// which are reports, none.
var messageDBFiles = []string{
	"roles/message-store", "schema/message-store", "extensions/pgcrypto", "tables/messages", "types/message",
	"functions/message-store-version", "functions/hash-64", "functions/acquire-lock", "functions/category", "functions/is-category",
	"functions/id", "functions/cardinal-id", "functions/stream-version", "functions/write-message", "functions/get-stream-messages",
	"functions/get-category-messages", "functions/get-last-stream-message",
	"indexes/messages-id", "indexes/messages-stream", "indexes/messages-category",
	"privileges/schema", "privileges/table", "privileges/sequence", "privileges/functions",
}

const (
	sqlMessageDBWrite = `select write_message($1, $2, $3, $4::jsonb, $5::jsonb, $6)`
	sqlMessageDBLoad  = `select position, id::uuid, type, data, metadata, time from get_stream_messages($1, 0, $2)`
	sqlMessageDBRead  = `select global_position, stream_name, position, id::uuid, type, data, metadata, time from get_category_messages('bench', $1, $2)`
)

// openMessageDB is Message DB twice: with all streams in one category, which is what its
// readers follow in order, and with a category for each client, whose writers do not wait for
// one another, but whose events nobody can read in one order.
func openMessageDB(ctx context.Context, a *app, packages *npm) ([]*peer, error) {
	dir, err := packages.installed(ctx)
	if err != nil {
		return nil, err
	}
	one, err := messageDB(ctx, a, "peer_messagedb", filepath.Join(dir, "@eventide/message-db/database"),
		func(s peerStream) string { return "bench-" + s.id })
	if err != nil {
		return nil, err
	}
	one.name, one.note = "message-db", "one category: ordered within it"
	many, err := messageDB(ctx, a, "peer_messagedb_categories", filepath.Join(dir, "@eventide/message-db/database"),
		func(s peerStream) string { return fmt.Sprintf("bench%d-%s", s.client, s.id) })
	if err != nil {
		one.close()
		return nil, err
	}
	many.name, many.note = "message-db", "a category a client: no order over all"
	many.load, many.reader = nil, nil
	return []*peer{one.peer(), many.peer()}, nil
}

func messageDB(ctx context.Context, a *app, database, files string, stream func(peerStream) string) (c called, err error) {
	url, adminURL, err := peerDatabase(ctx, a, database)
	if err != nil {
		return c, err
	}
	admin, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return c, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	if _, err := admin.Exec(ctx, "set search_path to message_store, public"); err != nil {
		return c, err
	}
	for _, name := range messageDBFiles {
		sql, err := os.ReadFile(filepath.Join(files, name+".sql"))
		if err != nil {
			return c, err
		}
		if _, err := admin.Exec(ctx, string(sql)); err != nil {
			return c, fmt.Errorf("%s.sql: %w", name, err)
		}
	}
	pool, err := peerPool(ctx, url, "message_store", "message_store,public")
	if err != nil {
		return c, err
	}
	return called{
		write: func(ctx context.Context, s peerStream, version int64, id uuid.UUID) error {
			_, err := pool.Exec(ctx, sqlMessageDBWrite, id.String(), stream(s), peerType, peerData, peerMeta, version-1)
			return err
		},
		load: func(ctx context.Context, s peerStream) (int, error) {
			var e row
			rows, err := pool.Query(ctx, sqlMessageDBLoad, stream(s), peerPage)
			ids, err := idsOf(rows, err, &e.id, &e.version, &e.id, &e.kind, &e.data, &e.meta, &e.at)
			return len(ids), err
		},
		reader: func(ctx context.Context, end bool) (reader, error) {
			var e row
			if end {
				if err := pool.QueryRow(ctx, "select coalesce(max(global_position), 0) from messages").Scan(&e.pos); err != nil {
					return reader{}, err
				}
			}
			return polling(func(ctx context.Context) ([]uuid.UUID, error) {
				rows, err := pool.Query(ctx, sqlMessageDBRead, e.pos+1, peerPage)
				return idsOf(rows, err, &e.id, &e.pos, &e.stream, &e.version, &e.id, &e.kind, &e.data, &e.meta, &e.at)
			}), nil
		},
		stored: counting(pool, "select count(*) from messages"),
		close:  pool.Close,
	}, nil
}
