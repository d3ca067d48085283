package main

import (
	"context"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// fillChunk is how many events one COPY writes: an interrupted fill ends soon.
const fillChunk = 20_000

// filled is a log of streams with 20 events each, every one scattered over its chunk of
// the log as it would be if customers took turns.
type filled struct {
	url     string // of the owner
	streams []eventstore.StreamName
}

// grow adds events by COPY until the log has that many. It goes past es.append, as nothing
// but a benchmark on its own database may.
func (f *filled) grow(ctx context.Context, codec *envelope.Codec, events int64) error {
	c, err := pgx.Connect(ctx, f.url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	sample, err := sampleEvent(ctx, codec)
	if err != nil {
		return err
	}
	progress := newBar(os.Stderr, "filling the log")
	defer progress.finish()
	for have := int64(len(f.streams)) * eventsPerStream; have < events; have += fillChunk {
		if err := f.chunk(ctx, c, sample); err != nil {
			return err
		}
		progress.set(have+fillChunk, events)
	}
	_, err = c.Exec(ctx, "analyze es.events, es.streams")
	return err
}

const sqlFillEnd = `with moved as (update es.head set pos = $1, at = greatest(at, $2))
	select setval(pg_get_serial_sequence('es.streams', 'stream_no'), $3)`

// chunk adds 1,000 streams in one transaction.
func (f *filled) chunk(ctx context.Context, c *pgx.Conn, sample eventstore.Event) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select es.ensure_partitions($1)", fillChunk); err != nil {
			return err
		}
		var pos, no int64
		if err := tx.QueryRow(ctx, "select h.pos, (select coalesce(max(stream_no), 0) from es.streams) from es.head h for update").Scan(&pos, &no); err != nil {
			return err
		}
		const streams = fillChunk / eventsPerStream
		at, first := time.Now(), len(f.streams)
		for range streams {
			f.streams = append(f.streams, eventstore.Stream(firstTenant, "account", uuid.NewString()))
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"es", "streams"}, []string{"stream_no", "name", "version", "first_pos", "last_pos"},
			pgx.CopyFromSlice(streams, func(i int) ([]any, error) {
				return []any{no + int64(i) + 1, string(f.streams[first+i]), eventsPerStream - 1, pos + int64(i) + 1, pos + int64(i) + 1 + streams*(eventsPerStream-1)}, nil
			}))
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"es", "events"}, []string{"pos", "stream_no", "version", "id", "type", "data", "meta", "at"},
			pgx.CopyFromSlice(fillChunk, func(i int) ([]any, error) {
				return []any{pos + int64(i) + 1, no + int64(i%streams) + 1, i / streams, uuid.New(), sample.Type, sample.Data, sample.Meta, at}, nil
			}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlFillEnd, pos+fillChunk, at, no+streams)
		return err
	})
}

// sampleEvent is an ordinary event in its stored form, without personal data in it.
func sampleEvent(ctx context.Context, codec *envelope.Codec) (eventstore.Event, error) {
	id := uuid.New()
	m := envelope.Meta{Tenant: firstTenant, Actor: envelope.Actor{Kind: envelope.Staff, ID: id},
		Origin: envelope.Origin{Channel: envelope.ChannelImport, Node: node()}, OccurredAt: time.Now(),
		CommandID: id, Command: "RecordPayment", CorrelationID: id, CausationID: id, Route: id}
	paid := account.PaymentReceived{PaymentID: id, Amount: domain.Money{Minor: 12_345, Currency: "GBP"}, On: domain.DateOf(time.Now()),
		Method: "bank_transfer", ExternalRef: "a reference as banks write them", Awaiting: []account.Allocation{{InvoiceID: id, Amount: domain.Money{Minor: 12_345, Currency: "GBP"}}}}
	return codec.Seal(ctx, eventstore.Stream(firstTenant, "account", id.String()), id, m, paid)
}
