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

// System is Portico on a database, as its checker sees it: the log, what clients were
// told, money, policies and read models (SECURITY §6, invariant I). It shares no code
// with what it checks where it can help it: the arithmetic of the ledger is its own.
type System struct {
	DB       *pgxpool.Pool
	Store    *eventstore.Postgres
	Codec    *envelope.Codec
	Engine   *engine.Engine
	Patience time.Duration // for read models to come to the head of the log
}

// Open connects to a database whose personal data hang on a key file.
func Open(ctx context.Context, databaseURL, keyFile string) (*System, error) {
	pool, err := pg.Open(ctx, databaseURL, pg.Options{Name: "invariant", MaxConns: 8})
	if err != nil {
		return nil, err
	}
	keys, err := keyring.Open(pool, keyFile)
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
		func() error { return s.tables(ctx, &r) },
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

// tables checks the log's own.
func (s *System) tables(ctx context.Context, r *Report) error {
	found, err := Log(ctx, s.DB, nil)
	for _, f := range found {
		r.find(f)
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
	list := func(rule string, sql text) error {
		rows, err := s.DB.Query(ctx, string(sql))
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, f := range found {
			r.add(rule, f, "somebody has to see to it")
		}
		return err
	}
	err := list(RulePolicy, sqlRefusals)
	var parks bool
	if err := s.DB.QueryRow(ctx, sqlHasParked).Scan(&parks); err != nil {
		return err
	}
	if parks {
		err = errors.Join(err, list(RuleParked, sqlParked))
	}
	return err
}
