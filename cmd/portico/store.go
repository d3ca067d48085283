package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
)

// store is the log that was chosen.
type store interface {
	eventstore.Store
	Close()
}

// The kinds of store, as es.source has them.
const (
	onPostgres     = "postgres"
	onEventStoreDB = "eventstoredb"
)

// storeKind is the kind of store at an address.
func storeKind(address string) (string, error) {
	switch {
	case address == onPostgres, address == "":
		return onPostgres, nil
	case strings.HasPrefix(address, "esdb://"), strings.HasPrefix(address, "esdb+discover://"):
		return onEventStoreDB, nil
	}
	return "", domain.Invalid("settings.event_store", "an event store is postgres, esdb://host:2113 or esdb+discover://name:2113 (PORTICO_EVENT_STORE, --event-store)")
}

// openStore opens the store at an address, by whichever of two pools it needs: one that may
// append to the log in this database, and one that keeps what is known of another.
func openStore(address string, log, workers *pgxpool.Pool) (store, error) {
	kind, err := storeKind(address)
	switch {
	case err != nil:
		return nil, err
	case kind == onPostgres:
		return eventstore.OpenPostgres(log), nil
	}
	s, err := eventstoredb.Open(address, eventstoredb.Listed{DB: workers})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// room is how much room there is ahead in the log in PostgreSQL; EventStoreDB has what its disk has.
func (a *app) room() func(context.Context) (float64, error) {
	if p, ok := a.inPostgres(); ok {
		return p.Room
	}
	return nil
}

// onlyPostgres refuses what is about the log's tables where they are not in use.
func (s *settings) onlyPostgres() error {
	if kind, err := storeKind(s.eventStore); err != nil || kind == onPostgres {
		return err
	}
	return domain.Refused("log.not_postgres", "the log is in EventStoreDB, and this is about the one in PostgreSQL: back EventStoreDB up with its own tools, or copy it first (portico log copy)")
}

const (
	sqlSource     = `select store, first_id, first_hi::text, first_lo::text from es.source`
	sqlClaimed    = `insert into es.source (store) values ($1) on conflict do nothing`
	sqlFirstEvent = `update es.source set first_id = $1, first_hi = $2::text::numeric, first_lo = $3::text::numeric where first_id is null`
)

// source is the log in which the read models, jobs and policies of a database stand.
type source struct {
	Store            string
	FirstID          *uuid.UUID
	FirstHi, FirstLo *string
}

// claimSource refuses a log that is not the one in which this database stands: its positions would
// mean something else there. The first log that it is opened with is its own.
func (a *app) claimSource(ctx context.Context, s *settings) error {
	kind, err := storeKind(s.eventStore)
	if err != nil {
		return err
	}
	db, log := a.pool, a.store
	if _, err := db.Exec(ctx, sqlClaimed, kind); err != nil {
		return err
	}
	rows, _ := db.Query(ctx, sqlSource) // its error is in rows
	known, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[source])
	if err != nil {
		return err
	}
	if known.Store != kind {
		return domain.Refused("log.other_store", "the read models and jobs of this database stand in the log in %s, not in the one in %s: set PORTICO_EVENT_STORE back, or move (portico log copy --help)", known.Store, kind)
	}
	if kind == onPostgres { // in the same database
		return nil
	}
	page, err := log.ReadAll(ctx, eventstore.Position{}, 1)
	if err != nil {
		return fmt.Errorf("asking EventStoreDB for the first event: %w", err)
	}
	if known.FirstID == nil {
		if len(page.Events) > 0 {
			first := page.Events[0]
			_, err = db.Exec(ctx, sqlFirstEvent, first.ID, fmt.Sprint(first.Pos.Hi), fmt.Sprint(first.Pos.Lo))
		}
		return err
	}
	at := *known.FirstHi + "." + *known.FirstLo
	if len(page.Events) == 0 || page.Events[0].ID != *known.FirstID || page.Events[0].Pos.String() != at {
		return domain.Refused("log.other_log", "this EventStoreDB is not the one in which the read models and jobs of this database stand: there, the first event is %s at %s", known.FirstID, at)
	}
	return nil
}
