package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"portico/domain"
	"portico/internal/archive"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	esnode "portico/internal/eventstore/eventstoredb/node"
	"portico/projections/engine"
)

const inProcess = "esdb"

func (o *benchOptions) storeFlag(f *pflag.FlagSet) {
	f.StringVar(&o.store, "store", onPostgres, "what is measured: postgres; esdb, over a node of EventStoreDB in this process, which keeps all in memory; or esdb://host:2113, a real one to try things out on: it must be empty, and keeps what is written")
}

func (o benchOptions) elsewhere() bool { return o.store != "" && o.store != onPostgres }

// esdbBench is the store in EventStoreDB beside the bare client, and beside the one in PostgreSQL.
type esdbBench struct {
	store *eventstoredb.Store
	bare  *esdb.Client
	stop  func()
}

// openESDB opens what --store names.
func (o benchOptions) openESDB() (*esdbBench, error) {
	address, stop := o.store, func() {}
	if address == inProcess {
		n, err := esnode.Start()
		if err != nil {
			return nil, err
		}
		address, stop = n.URL(), n.Stop
	}
	b := &esdbBench{stop: stop}
	var err error
	if b.store, err = eventstoredb.Open(address, nil); err != nil {
		stop()
		return nil, err
	}
	c, err := esdb.ParseConnectionString(address)
	if err == nil {
		c.Logger = esdb.NoopLogging()
		b.bare, err = esdb.NewClient(c)
	}
	if err != nil {
		b.store.Close()
		stop()
		return nil, err
	}
	return b, nil
}

// overESDB measures over what --store names.
func (o benchOptions) overESDB(run func(*esdbBench) ([]result, error)) ([]result, error) {
	b, err := o.openESDB()
	if err != nil {
		return nil, err
	}
	defer b.close()
	return run(b)
}

func (b *esdbBench) close() {
	b.store.Close()
	_ = b.bare.Close()
	b.stop()
}

// copied brings the log of the bench there.
func (b *esdbBench) copied(ctx context.Context, from eventstore.Store) error {
	progress := newBar(os.Stderr, "copying the log")
	defer progress.finish()
	_, err := archive.Copy(ctx, from, b.store, progress.set)
	return err
}

func (b *esdbBench) append(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	for _, c := range []contest{
		{variant: "store beside the bare client", clients: 1, ours: appending(b.store), floor: b.appendingBare},
		{variant: "store beside the bare client", clients: 8, ours: appending(b.store), floor: b.appendingBare},
		{variant: "store beside the bare client", clients: 64, ours: appending(b.store), floor: b.appendingBare},
		{variant: "store beside the one in PostgreSQL", clients: 1, ours: appending(b.store), floor: appending(a.store)},
		{variant: "store beside the one in PostgreSQL", clients: 64, ours: appending(b.store), floor: appending(a.store)},
	} {
		c.name, c.unit = "append esdb", "appends/s"
		rate, _, p99, err := o.hold(ctx, c)
		if err != nil {
			return nil, err
		}
		results = append(results, rate, p99)
	}
	return results, nil
}

// appendingBare appends by the client alone: nothing is answered that it does wrong.
func (b *esdbBench) appendingBare() work {
	run := uuid.New()
	return func(ctx context.Context, client, n int) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		var at esdb.ExpectedRevision = esdb.NoStream{}
		if version := n % eventsPerStream; version > 0 {
			at = esdb.Revision(uint64(version - 1))
		}
		stream := fmt.Sprintf("bench.bare-%s-%d-%d", run, client, n/eventsPerStream)
		_, err := b.bare.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: at},
			esdb.EventData{EventID: uuid.New(), EventType: "bench.event", ContentType: esdb.ContentTypeBinary, Data: benchData, Metadata: benchMeta})
		return err
	}
}

func (b *esdbBench) load(ctx context.Context, a *app, o benchOptions) (results []result, err error) {
	f := &filled{url: a.url}
	if err := f.grow(ctx, a.codec, o.events); err != nil {
		return nil, err
	}
	if err := b.copied(ctx, a.store); err != nil {
		return nil, err
	}
	any := func() eventstore.StreamName { return f.streams[rand.IntN(len(f.streams))] }
	for _, clients := range []int{1, 16} {
		for _, c := range []contest{
			{variant: "20 events beside the bare client", ours: reading(b.store, any, nil), floor: b.readingBare(any)},
			{variant: "20 events beside PostgreSQL", ours: reading(b.store, any, nil), floor: reading(a.store, any, nil)},
			{variant: "20 events decoded beside PostgreSQL", ours: reading(b.store, any, a.opened), floor: reading(a.store, any, a.opened)},
			{variant: "nothing new beside PostgreSQL", ours: nothingNew(b.store, any), floor: nothingNew(a.store, any)},
		} {
			c.name, c.unit, c.clients = "load esdb", "loads/s", clients
			rate, _, p99, err := o.hold(ctx, c)
			if err != nil {
				return nil, err
			}
			results = append(results, rate, p99)
		}
	}
	return results, nil
}

func (b *esdbBench) readingBare(any func() eventstore.StreamName) func() work {
	return func() work {
		return func(ctx context.Context, _, _ int) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			events, err := b.bare.ReadStream(ctx, string(any()), esdb.ReadStreamOptions{From: esdb.Start{}, Direction: esdb.Forwards}, 1000)
			if err != nil {
				return err
			}
			defer events.Close()
			for n := 0; ; n++ {
				switch _, err := events.Recv(); {
				case errors.Is(err, io.EOF) && n == eventsPerStream:
					return nil
				case errors.Is(err, io.EOF):
					return fmt.Errorf("%d events instead of %d", n, eventsPerStream)
				case err != nil:
					return err
				}
			}
		}
	}
}

// rebuild folds one log from either store into the same tables of the same database.
func (b *esdbBench) rebuild(ctx context.Context, a *app, o benchOptions, events int, progress io.Writer) ([]result, error) {
	l := &benchLog{app: a, codec: &envelope.Codec{Catalog: domain.NewCatalog(billTypes), Keys: a.codec.Keys}, bar: newBar(progress, "writing the log"), events: events}
	defer l.bar.finish()
	if err := l.prepare(ctx, o.rounds); err != nil {
		return nil, err
	}
	if err := b.copied(ctx, a.store); err != nil {
		return nil, err
	}
	end, err := b.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	there := func(g engine.Group) *engine.Engine {
		e := l.engine(g)
		e.Store = b.store
		return e
	}
	rates := map[string][]float64{}
	for n := range o.rounds {
		ours, floor := there(billGroup("copied")), l.engine(billGroup("rebuild"))
		for i, s := range []struct {
			name string
			run  func() error
		}{
			{"rebuild", func() error { return l.rebuild(ctx, ours) }},
			{"rebuild in PostgreSQL", func() error { return l.rebuild(ctx, floor) }},
			{"reading", func() error { return l.rebuild(ctx, there(readingGroup("readthere"))) }},
			{"reading in PostgreSQL", func() error { return l.rebuild(ctx, l.engine(readingGroup("reading"))) }},
		} {
			l.bar.describe(fmt.Sprintf("round %d of %d: %s", n+1, o.rounds, s.name))
			l.bar.set(int64(i), 4)
			began := time.Now()
			if err := s.run(); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			rates[s.name] = append(rates[s.name], float64(events)/time.Since(began).Seconds())
		}
		if err := ours.WaitAll(ctx, "copied", end); err != nil {
			return nil, err
		}
		if err := l.ceiling(ctx); err != nil {
			return nil, err
		}
		if err := l.agree(ctx, ours, floor); err != nil {
			return nil, err
		}
	}
	beside := &rebuildBench{rates: rates}
	return []result{
		beside.row("EventStoreDB beside PostgreSQL", "rebuild", "rebuild in PostgreSQL"),
		beside.row("EventStoreDB beside PostgreSQL: reading and decoding alone", "reading", "reading in PostgreSQL"),
	}, nil
}
