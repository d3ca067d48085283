package archive

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/eventstore"
)

// Postgres is the log in a database as the target of a copy. Whoever has opened it must own the
// tables: the application's role may not write to the log but through es.append, which gives each
// event the time of its own commit.
type Postgres struct {
	*eventstore.Postgres
	pool *pgxpool.Pool
	room uint64 // up to here there are partitions
}

// OpenPostgres opens the log in a database for copying into it. Close ends it.
func OpenPostgres(ctx context.Context, databaseURL string) (*Postgres, error) {
	c, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	c.MaxConns = 4
	c.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Postgres{Postgres: eventstore.OpenPostgres(pool), pool: pool}, nil
}

// Close ends its connections.
func (p *Postgres) Close() {
	p.Postgres.Close()
	p.pool.Close()
}

const sqlLockHeadAt = `select pos, at > $1 from es.head where one for update`

// Write adds events behind the head, in one transaction.
func (p *Postgres) Write(ctx context.Context, events []eventstore.Recorded) error {
	if err := Unfinished(ctx, p.pool); err != nil {
		return err
	}
	return explained(pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return p.writeIn(ctx, tx, events) }))
}

func (p *Postgres) writeIn(ctx context.Context, tx pgx.Tx, events []eventstore.Recorded) error {
	var head uint64
	var late bool
	if err := tx.QueryRow(ctx, sqlLockHeadAt, events[0].At).Scan(&head, &late); err != nil {
		return err
	}
	if late {
		return damaged(events[0], "its time is before that of the event before it")
	}
	b := batch{}
	for i, e := range events {
		e.Pos = eventstore.Position{Hi: head + uint64(i) + 1}
		if err := b.add(e, head); err != nil {
			return err
		}
	}
	last := head + uint64(len(events))
	if last > p.room {
		room, err := makeRoom(ctx, tx, last, head)
		if err != nil {
			return err
		}
		p.room = room
	}
	if err := b.copyIn(ctx, tx); err != nil {
		return err
	}
	moved, err := tx.Exec(ctx, sqlHeadIs, last)
	if err == nil && moved.RowsAffected() != 1 {
		err = domain.Refused("log.copy_differs", "the head of the log in PostgreSQL cannot be moved")
	}
	return err
}
