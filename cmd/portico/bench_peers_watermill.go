package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/ThreeDotsLabs/watermill"
	watermillsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

const peerTopic = "bench"

// sqlWatermillEnd is the last message in the order of subscribers: by number, which the
// column is, and not by the text that is selected of it.
const sqlWatermillEnd = `select m."offset", m.transaction_id::text from watermill_bench m order by m.transaction_id desc, m."offset" desc limit 1`

// watermillPeer is watermill-sql's publisher and subscriber with its default schema.
type watermillPeer struct {
	pool    *pgxpool.Pool
	db      watermillsql.Beginner
	schema  watermillsql.DefaultPostgreSQLSchema
	offsets watermillsql.DefaultPostgreSQLOffsetsAdapter
}

func newWatermill(pool *pgxpool.Pool) *watermillPeer {
	return &watermillPeer{pool: pool, db: watermillsql.BeginnerFromPgx(pool), schema: watermillsql.DefaultPostgreSQLSchema{SubscribeBatchSize: peerPage}}
}

func openWatermill(ctx context.Context, a *app, _ *npm) ([]*peer, error) {
	url, _, err := peerDatabase(ctx, a, "peer_watermill")
	if err != nil {
		return nil, err
	}
	pool, err := peerPool(ctx, url, "", "public")
	if err != nil {
		return nil, err
	}
	w := newWatermill(pool)
	publisher, err := watermillsql.NewPublisher(w.db, watermillsql.PublisherConfig{SchemaAdapter: w.schema}, watermill.NopLogger{})
	if err == nil {
		err = w.makeTables()
	}
	var meta map[string]string
	if err = errors.Join(err, json.Unmarshal([]byte(peerMeta), &meta)); err != nil {
		pool.Close()
		return nil, err
	}
	return []*peer{called{
		name: "watermill-sql", note: "no streams, no versions",
		write: func(ctx context.Context, s peerStream, _ int64, id uuid.UUID) error {
			m := message.NewMessageWithContext(ctx, id.String(), []byte(peerData))
			m.Metadata = maps.Clone(meta)
			m.Metadata["stream"] = s.id
			return publisher.Publish(peerTopic, m)
		},
		reader: w.subscribe,
		stored: counting(pool, "select count(*) from watermill_bench"),
		close:  pool.Close,
	}.peer()}, nil
}

func (w *watermillPeer) subscriber(group string) (*watermillsql.Subscriber, error) {
	return watermillsql.NewSubscriber(w.db, watermillsql.SubscriberConfig{ConsumerGroup: group, PollInterval: peerPoll,
		SchemaAdapter: w.schema, OffsetsAdapter: w.offsets}, watermill.NopLogger{})
}

func (w *watermillPeer) makeTables() error {
	s, err := w.subscriber("")
	if err != nil {
		return err
	}
	return errors.Join(s.SubscribeInitialize(peerTopic), s.Close())
}

// subscribe is a subscriber with a group of its own, which has acknowledged everything if it
// is to begin at the end.
func (w *watermillPeer) subscribe(ctx context.Context, end bool) (reader, error) {
	group := uuid.NewString()
	s, err := w.subscriber(group)
	if err != nil {
		return reader{}, err
	}
	if end {
		if err := w.acknowledgeAll(ctx, group); err != nil {
			return reader{}, err
		}
	}
	messages, err := s.Subscribe(ctx, peerTopic)
	if err != nil {
		return reader{}, err
	}
	return reader{close: func() { _ = s.Close() }, next: func(ctx context.Context) ([]uuid.UUID, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case m, open := <-messages:
			if !open {
				return nil, errors.New("the subscriber has stopped")
			}
			m.Ack()
			id, err := uuid.Parse(m.UUID)
			return []uuid.UUID{id}, err
		}
	}}, nil
}

// acknowledgeAll puts a group at the end of the topic.
func (w *watermillPeer) acknowledgeAll(ctx context.Context, group string) error {
	var at int64
	var transaction string
	if err := w.pool.QueryRow(ctx, sqlWatermillEnd).Scan(&at, &transaction); err != nil {
		return err
	}
	q, err := w.offsets.AckMessageQuery(watermillsql.AckMessageQueryParams{Topic: peerTopic, ConsumerGroup: group,
		LastRow: watermillsql.Row{Offset: at, ExtraData: map[string]any{"transaction_id": transaction}}})
	if err == nil {
		_, err = w.pool.Exec(ctx, q.Query, q.Args...)
	}
	return err
}
