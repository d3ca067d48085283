package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"

	"portico/domain/account"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// sqlBenchLoad reads the rows that ReadStream reads, and nothing else.
const sqlBenchLoad = `select e.pos, e.version, e.id, e.type, e.data, e.meta, e.at from es.events e
	join es.streams s using (stream_no) where s.name = $1 and e.pos between s.first_pos and s.last_pos order by e.version`

// benchLoad reads streams of 20 events, scattered over a long log, in three ways: bare,
// with every event taken out of its stored form, and as a command does that has the
// aggregate in its cache and asks only for what is new.
func benchLoad(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	if o.elsewhere() {
		return o.overESDB(func(b *esdbBench) ([]result, error) { return b.load(ctx, a, o) })
	}
	f := &filled{url: a.url}
	if err := f.grow(ctx, a.codec, o.events); err != nil {
		return nil, err
	}
	any := func() eventstore.StreamName { return f.streams[rand.IntN(len(f.streams))] }
	for _, clients := range []int{1, 16} {
		for _, c := range []contest{
			{variant: "20 events beside bare SQL", ours: reading(a.store, any, nil), floor: a.selecting(any, nil)},
			{variant: "20 events decoded beside bare SQL and JSON", ours: reading(a.store, any, a.opened), floor: a.selecting(any, unmarshalled)},
			{variant: "nothing new beside 20 events", ours: nothingNew(a.store, any), floor: reading(a.store, any, nil)},
		} {
			c.name, c.unit, c.clients = "load", "loads/s", clients
			rate, _, p99, err := o.hold(ctx, c)
			if err != nil {
				return nil, err
			}
			results = append(results, rate, p99)
		}
	}
	return results, nil
}

// reading loads a stream whole and, if asked to, decodes each event.
func reading(s eventstore.Store, any func() eventstore.StreamName, decode func(context.Context, eventstore.Recorded) error) func() work {
	return func() work {
		return func(ctx context.Context, _, _ int) error {
			return whole(s.ReadStream(ctx, any(), 0, 1000))(ctx, decode)
		}
	}
}

// whole checks that a stream was read whole, and decodes its events if that is asked for.
func whole(events []eventstore.Recorded, err error) func(context.Context, func(context.Context, eventstore.Recorded) error) error {
	return func(ctx context.Context, decode func(context.Context, eventstore.Recorded) error) error {
		if err == nil && len(events) != eventsPerStream {
			err = fmt.Errorf("%d events instead of %d", len(events), eventsPerStream)
		}
		for i := 0; i < len(events) && err == nil && decode != nil; i++ {
			err = decode(ctx, events[i])
		}
		return err
	}
}

func (a *app) selecting(any func() eventstore.StreamName, decode func(context.Context, eventstore.Recorded) error) func() work {
	return func() work {
		return func(ctx context.Context, _, _ int) error {
			rows, err := a.pool.Query(ctx, sqlBenchLoad, string(any()))
			if err != nil {
				return err
			}
			return whole(pgx.CollectRows(rows, func(row pgx.CollectableRow) (r eventstore.Recorded, err error) {
				return r, row.Scan(&r.Pos.Hi, &r.Version, &r.ID, &r.Type, &r.Data, &r.Meta, &r.At)
			}))(ctx, decode)
		}
	}
}

// nothingNew is the check that a cached aggregate is still the newest.
func nothingNew(s eventstore.Store, any func() eventstore.StreamName) func() work {
	return func() work {
		return func(ctx context.Context, _, _ int) error {
			events, err := s.ReadStream(ctx, any(), eventsPerStream, 1000)
			if err == nil && len(events) > 0 {
				err = fmt.Errorf("%d new events", len(events))
			}
			return err
		}
	}
}

// opened decodes as Portico does, unmarshalled as the least that could be done.
func (a *app) opened(ctx context.Context, r eventstore.Recorded) error {
	_, err := a.codec.Open(ctx, r)
	return err
}

func unmarshalled(_ context.Context, r eventstore.Recorded) error {
	var meta envelope.Meta
	if err := json.Unmarshal(r.Meta, &meta); err != nil {
		return err
	}
	var event account.PaymentReceived
	return json.Unmarshal(r.Data, &event)
}
