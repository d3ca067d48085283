package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// Positions outside of read models. Policies, jobs and publishing go on where they were: beginning
// again they would do in the world what was done before.
const (
	sqlMarks = `
select low_hi::text, low_lo::text from portico.consumers
union select emitted_hi::text, emitted_lo::text from portico.consumers
union select began_hi::text, began_lo::text from portico.consumers where began_hi is not null
union select pos_hi::text, pos_lo::text from portico.jobs
union select split_part(pos, '.', 1), split_part(pos, '.', 2) from portico.policy_refusals`
	sqlMoveMarks = `
with m as (select * from unnest($1::numeric[], $2::numeric[], $3::numeric[], $4::numeric[]) m (hi, lo, new_hi, new_lo)),
j as (update portico.jobs j set pos_hi = m.new_hi, pos_lo = m.new_lo from m where (j.pos_hi, j.pos_lo) = (m.hi, m.lo)),
r as (update portico.policy_refusals r set pos = m.new_hi || '.' || m.new_lo from m where r.pos = m.hi || '.' || m.lo)
update portico.consumers c set low_hi = l.new_hi, low_lo = l.new_lo, emitted_hi = e.new_hi, emitted_lo = e.new_lo,
  began_hi = b.new_hi, began_lo = b.new_lo, owner = null, expires = null, epoch = epoch + 1
from m l, m e, (select name, m.new_hi, m.new_lo from portico.consumers left join m on (m.hi, m.lo) = (began_hi, began_lo)) b
where (l.hi, l.lo) = (c.low_hi, c.low_lo) and (e.hi, e.lo) = (c.emitted_hi, c.emitted_lo) and b.name = c.name`
	sqlStay     = `select from es.source for update`
	sqlUnlist   = `with n as (delete from es.listed_streams) delete from es.listed_until`
	sqlStandsIn = `update es.source set store = $1, first_id = $2, first_hi = $3::text::numeric, first_lo = $4::text::numeric`
)

// marks are the positions that policies, jobs and publishing remember.
func (a *app) marks(ctx context.Context) ([]eventstore.Position, error) {
	rows, _ := a.pool.Query(ctx, sqlMarks) // its error is in rows
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p eventstore.Position, err error) {
		var hi, lo string
		if err := row.Scan(&hi, &lo); err != nil {
			return p, err
		}
		return eventstore.ParsePosition(hi + "." + lo)
	})
}

// move lets this database stand in the copy of the log: marks are where the same events are there,
// and read models are forgotten. Interrupted, it is done again from the start: the marks and what
// they are in change at once, and last.
func (a *app) move(ctx context.Context, to string, copied eventstore.Store, moved map[eventstore.Position]eventstore.Position) error {
	kind, err := storeKind(to)
	if err != nil {
		return err
	}
	if err := a.engine.Forget(ctx); err != nil {
		return fmt.Errorf("dropping read models: %w", err)
	}
	page, err := copied.ReadAll(ctx, eventstore.Position{}, 1)
	if err != nil {
		return err
	}
	var first struct {
		id     *uuid.UUID
		hi, lo *string
	}
	if len(page.Events) > 0 && kind != onPostgres {
		e := page.Events[0]
		hi, lo := fmt.Sprint(e.Pos.Hi), fmt.Sprint(e.Pos.Lo)
		first.id, first.hi, first.lo = &e.ID, &hi, &lo
	}
	var his, los, newHis, newLos []string
	for p, q := range moved {
		his, los = append(his, fmt.Sprint(p.Hi)), append(los, fmt.Sprint(p.Lo))
		newHis, newLos = append(newHis, fmt.Sprint(q.Hi)), append(newLos, fmt.Sprint(q.Lo))
	}
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlStay); err != nil { // whoever starts now waits (sqlBeat)
			return err
		}
		if err := alone(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlMoveMarks, his, los, newHis, newLos); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlUnlist); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlStandsIn, kind, first.id, first.hi, first.lo)
		return err
	})
}
