package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/internal/envelope"
)

// database is a pool, a connection or a transaction.
type database interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// maxPasses ends a fold that asks for other rows each time: its writer is not pure.
const maxPasses = 1000

// fold applies events to the rows, and loads the rows that are needed for it.
func (b *Batch) fold(ctx context.Context, db database, all []*statements, apply func(*Batch, envelope.Event) error, events []envelope.Event) error {
	for range maxPasses {
		first := b.pass(apply, events)
		loaded, err := b.load(ctx, db, all)
		if err != nil {
			return err
		}
		if !loaded {
			return first
		}
	}
	return errors.New("projections: a fold does not come to an end: its writer is not pure")
}

// load fetches what the pass lacked, in one round trip; false if it lacked nothing.
func (b *Batch) load(ctx context.Context, db database, all []*statements) (bool, error) {
	var q pgx.Batch
	for i, p := range b.all {
		wanted := p.wanted()
		if len(wanted) == 0 {
			continue
		}
		s := all[i]
		q.Queue(s.load, s.keyArrays(wanted)...).Query(func(rows pgx.Rows) error {
			var found []reflect.Value
			targets := make([]any, len(s.shape.columns))
			for rows.Next() {
				row := p.row()
				for n := range targets {
					targets[n] = s.shape.columns[n].target(row)
				}
				if err := rows.Scan(targets...); err != nil {
					return err
				}
				found = append(found, row)
			}
			p.found(found)
			return rows.Err()
		})
	}
	if q.Len() == 0 {
		return false, nil
	}
	if err := db.SendBatch(ctx, &q).Close(); err != nil {
		return false, fmt.Errorf("projections: load rows: %w", err)
	}
	return true, nil
}

// copyFrom is how many new rows of a table make COPY worth its extra round trips.
const copyFrom = 500

// writes are what folds have changed since the last commit, by table, and how many rows
// that are.
func (b *Batch) writes() (all []writes, changed int, err error) {
	b.hold()
	all = make([]writes, len(b.all))
	for i, p := range b.all {
		if all[i], err = p.writes(); err != nil {
			return nil, 0, err
		}
		changed += len(all[i].inserts) + len(all[i].upserts) + len(all[i].deletes)
	}
	return all, changed, nil
}

// queue puts writes on q. New rows in great numbers go by COPY, at once.
func queue(ctx context.Context, tx pgx.Tx, all []*statements, changes []writes, q *pgx.Batch) error {
	for i, s := range all {
		w := changes[i]
		if len(w.deletes) > 0 {
			q.Queue(s.deletion, s.keyArrays(w.deletes)...)
		}
		switch {
		case len(w.inserts) >= copyFrom && len(w.deletes) == 0:
			if err := s.copy(ctx, tx, w.inserts); err != nil {
				return err
			}
		case len(w.inserts) > 0:
			q.Queue(s.insert, s.arrays(w.inserts)...)
		}
		if len(w.upserts) > 0 {
			q.Queue(s.upsert, s.arrays(w.upserts)...)
		}
	}
	return nil
}

func (s *statements) copy(ctx context.Context, tx pgx.Tx, rows []reflect.Value) error {
	names := make([]string, len(s.shape.columns))
	for n, c := range s.shape.columns {
		names[n] = c.name
	}
	values := make([]any, len(names))
	_, err := tx.CopyFrom(ctx, s.ident, names, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		for n := range values {
			values[n] = s.shape.columns[n].value(rows[i], s.types[n])
		}
		return values, nil
	}))
	if err != nil {
		return fmt.Errorf("projections: copy into %s: %w", s.shape.name, err)
	}
	return nil
}

func (s *statements) arrays(rows []reflect.Value) []any {
	args := make([]any, len(s.shape.columns))
	for n := range args {
		args[n] = s.shape.columns[n].array(rows)
	}
	return args
}

func (s *statements) keyArrays(rows []reflect.Value) []any {
	args := make([]any, len(s.shape.keys))
	for n, i := range s.shape.keys {
		args[n] = s.shape.columns[i].array(rows)
	}
	return args
}
