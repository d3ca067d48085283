package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
)

// Versions asks for the last event of each stream, all at once.
func (s *Store) Versions(ctx context.Context, streams ...eventstore.StreamName) ([]int64, error) {
	versions := make([]int64, len(streams))
	failed := make([]error, len(streams))
	var asking sync.WaitGroup
	for i, stream := range streams {
		asking.Go(func() { versions[i], failed[i] = s.version(ctx, stream) })
	}
	asking.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, readFailed(ctx, err)
	}
	return versions, ctx.Err()
}

// version is a stream's as of now.
func (s *Store) version(ctx context.Context, stream eventstore.StreamName) (int64, error) {
	return do(ctx, s, func(ctx context.Context) (int64, error) {
		r, err := s.client.ReadStream(ctx, string(stream), esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}}, 1)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		last, err := receive(r)
		if errors.Is(err, io.EOF) || code(err) == esdb.ErrorCodeResourceNotFound {
			return eventstore.NoStream, nil
		}
		if err != nil {
			return 0, err
		}
		return int64(last.EventNumber), nil
	})
}

// Shelf keeps which streams of a category were found, and how far the log was read for them.
type Shelf interface {
	Take(ctx context.Context, category string) (found []eventstore.StreamName, until eventstore.Position, err error)
	// Put adds what was found from where Take said until another position. Several may do so at
	// once: each has found all that the others have, up to the nearest of their ends.
	Put(ctx context.Context, category string, found []eventstore.StreamName, until eventstore.Position) error
}

// Streams reads what has come to the log since the shelf was last filled: the engine lists streams
// only to projections that an administrator has to switch on.
func (s *Store) Streams(ctx context.Context, tenant, category string) ([]eventstore.StreamName, error) {
	found, until, err := s.shelf.Take(ctx, category)
	if err != nil {
		return nil, fmt.Errorf("eventstoredb: %w", err)
	}
	var more []eventstore.StreamName
	begun := until
	for end := false; !end; {
		p, err := s.ReadAll(ctx, until, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Events {
			if _, c, _ := e.Stream.Split(); c == category && e.Version == 0 {
				more = append(more, e.Stream)
			}
		}
		until, end = p.Next, p.End
	}
	if until != begun {
		if err := s.shelf.Put(ctx, category, more, until); err != nil {
			return nil, fmt.Errorf("eventstoredb: %w", err)
		}
	}
	found = append(found, more...)
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(name eventstore.StreamName) bool {
		of, _, _ := name.Split()
		return tenant != "" && of != tenant
	}), nil
}

// noShelf keeps nothing: all is read each time.
type noShelf struct{}

func (noShelf) Take(context.Context, string) (none []eventstore.StreamName, start eventstore.Position, err error) {
	return nil, eventstore.Position{}, nil
}

func (noShelf) Put(context.Context, string, []eventstore.StreamName, eventstore.Position) error {
	return nil
}

// Listed is a shelf in PostgreSQL, in es.listed_streams.
type Listed struct{ DB *pgxpool.Pool }

const (
	sqlListed = `select name from es.listed_streams where category = $1`
	sqlUntil  = `select hi::text, lo::text from es.listed_until where category = $1`
	sqlList   = `insert into es.listed_streams (category, name) select $1, unnest($2::text[]) on conflict do nothing`
	sqlMove   = `insert into es.listed_until as u (category, hi, lo) values ($1, $2::text::numeric, $3::text::numeric)
		on conflict (category) do update set hi = excluded.hi, lo = excluded.lo where (u.hi, u.lo) < (excluded.hi, excluded.lo)`
)

func (l Listed) Take(ctx context.Context, category string) (found []eventstore.StreamName, until eventstore.Position, err error) {
	var hi, lo string
	if err = l.DB.QueryRow(ctx, sqlUntil, category).Scan(&hi, &lo); errors.Is(err, pgx.ErrNoRows) { // before the names: at worst some are found again
		return nil, eventstore.Position{}, nil
	}
	if err == nil {
		until, err = eventstore.ParsePosition(hi + "." + lo)
	}
	if err != nil {
		return nil, eventstore.Position{}, err
	}
	rows, _ := l.DB.Query(ctx, sqlListed, category) // its error is in rows
	found, err = pgx.CollectRows(rows, pgx.RowTo[eventstore.StreamName])
	return found, until, err
}

func (l Listed) Put(ctx context.Context, category string, found []eventstore.StreamName, until eventstore.Position) error {
	at := []string{fmt.Sprint(until.Hi), fmt.Sprint(until.Lo)}
	return pgx.BeginFunc(ctx, l.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlList, category, found); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlMove, category, at[0], at[1])
		return err
	})
}
