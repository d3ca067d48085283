package invariant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain/catalog"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/internal/pg"
	"portico/projections"
	"portico/projections/engine"
)

// System is Portico on a database, as its checker sees it.
type System struct {
	DB       *pgxpool.Pool
	Store    *eventstore.Postgres
	Codec    *envelope.Codec
	Engine   *engine.Engine
	Patience time.Duration // for read models to come to the head of the log
}

// Open connects to a database whose personal data hang on a key file.
func Open(ctx context.Context, databaseURL, keyFile string) (*System, error) {
	kek, err := keyring.LoadKEK(keyFile)
	if err != nil {
		return nil, err
	}
	pool, err := pg.Open(ctx, databaseURL, pg.Options{Name: "invariant", MaxConns: 8})
	if err != nil {
		return nil, err
	}
	keys, err := keyring.New(pool, kek)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s := &System{DB: pool, Store: eventstore.OpenPostgres(pool), Codec: &envelope.Codec{Catalog: catalog.New(), Keys: keys}, Patience: 30 * time.Second}
	s.Engine = &engine.Engine{Store: s.Store, Codec: s.Codec, DB: pool, Groups: projections.Groups(), Node: "invariant"}
	return s, nil
}

// Close lets the database go.
func (s *System) Close() {
	s.Store.Close()
	s.DB.Close()
}

// Check checks everything, once read models and policies have come to the head. Nothing
// may be appended meanwhile; whoever projects has to be running. Errors are of the check
// itself: what it finds is in the report.
func (s *System) Check(ctx context.Context, receipts []Receipt) (r Report, err error) {
	if err := s.settle(ctx, &r); err != nil {
		return r, fmt.Errorf("invariant: settle: %w", err)
	}
	log, err := scanLog(ctx, s.Store, s.Codec, &r)
	if err != nil {
		return r, err
	}
	log.receipts(receipts, &r)
	log.carried.check(&r)
	log.checkLedgers(&r)
	for _, check := range []func() error{
		func() error { return s.registry(ctx, log, &r) },
		func() error { return s.left(ctx, &r) },
		func() error { return s.fold(ctx, &r) },
		func() error { return s.readMoney(ctx, log, &r) },
	} {
		if err := check(); err != nil {
			return r, fmt.Errorf("invariant: %w", err)
		}
	}
	return r, nil
}

const (
	sqlHead    = `select pos from es.head`
	sqlStreams = `select name, version, first_pos, last_pos from es.streams`
)

// registry compares what the store keeps about its events with the events.
func (s *System) registry(ctx context.Context, log *scan, r *Report) error {
	var head int64
	if err := s.DB.QueryRow(ctx, sqlHead).Scan(&head); err != nil {
		return err
	}
	if uint64(head) != log.head {
		r.add(Registry, "es.head says %d, and the last event is at %d", head, log.head)
	}
	rows, err := s.DB.Query(ctx, sqlStreams)
	if err != nil {
		return err
	}
	var name eventstore.StreamName
	var is span
	count := 0
	_, err = pgx.ForEachRow(rows, []any{&name, &is.version, &is.first, &is.last}, func() error {
		count++
		if found := log.streams[name]; found != is {
			r.add(Registry, "es.streams says %v of %s, and its events %v", is, name, found)
		}
		return nil
	})
	if count != len(log.streams) {
		r.add(Registry, "es.streams has %d streams, and the events %d", count, len(log.streams))
	}
	return err
}

const (
	sqlRefusals  = `select consumer || ' of ' || stream || ': ' || code from portico.policy_refusals`
	sqlHasParked = `select to_regclass('pj.parked') is not null`
	sqlParked    = `select to_jsonb(p)::text from pj.parked p`
)

// left finds what somebody would have to see to: policies that were refused, customers
// whose read models are parked.
func (s *System) left(ctx context.Context, r *Report) error {
	list := func(rule, sql string) error {
		rows, err := s.DB.Query(ctx, sql)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, f := range found {
			r.add(rule, "%s", f)
		}
		return err
	}
	err := list(PolicyLeft, sqlRefusals)
	var parks bool
	if err := s.DB.QueryRow(ctx, sqlHasParked).Scan(&parks); err != nil {
		return err
	}
	if parks {
		err = errors.Join(err, list(Parked, sqlParked))
	}
	return err
}
