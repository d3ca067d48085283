// Package invariant checks what must be true whatever has happened. Log checks the log by
// itself, for operators too (portico log verify): it finds what contradicts itself; a byte
// changed where nothing else depends on it is found by comparing with an archive. System
// checks all of Portico after a fault: that what was acknowledged is in the log once, that
// money adds up, and that read models are what the log says (SECURITY §6, invariant I). The
// arithmetic of the ledger is its own.
package invariant

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The rules. They are stable: alarms may name them.
const (
	RuleHead      = "log.head"      // the head is the last event's position, at a time not before it
	RuleDense     = "log.dense"     // no position is missing
	RuleTime      = "log.time"      // commit times never run backwards
	RuleStream    = "log.stream"    // a stream's versions count from 0, as es.streams says
	RuleID        = "log.id"        // no two events have one id
	RulePartition = "log.partition" // partitions follow each other and hold what they say
	RuleRoom      = "log.room"      // partitions are made ahead
	RuleGuard     = "log.guard"     // triggers and grants that refuse changes are there
	RuleEnvelope  = "log.envelope"  // every event opens, or its subject was erased
)

// Finding is a rule that does not hold.
type Finding struct {
	Rule   string `json:"rule"`
	Where  string `json:"where"` // a position, stream or table
	Detail string `json:"detail"`
}

func (f Finding) String() string { return fmt.Sprintf("%s at %s: %s", f.Rule, f.Where, f.Detail) }

// Progress is told what is being checked and how far that is; total is 0 if unknown.
type Progress func(what string, done, total int64)

// most findings of one rule that are listed: whoever sees this many needs no more.
const most = 100

// Log checks the log's own tables. It may run beside writers: events never change, and
// whatever does change is compared within one statement. It holds no snapshot for
// longer than a statement, loads no event's data, and needs no more than the
// application's rights.
//
// A session that lists the log's partitions just while one is attached reads too little from then on
// (ADR 4). So whatever is found is looked for once more, in another session.
func Log(ctx context.Context, db *pgxpool.Pool, progress Progress) ([]Finding, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	found, err := look(ctx, db, progress)
	if err != nil || len(found) == 0 {
		return found, err
	}
	db.Reset()
	return look(ctx, db, progress)
}

func look(ctx context.Context, db *pgxpool.Pool, progress Progress) ([]Finding, error) {
	c := &check{progress: progress}
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		// Read committed: each statement sees anew. Sorting millions of ids may take a while.
		if _, err := tx.Exec(ctx, "set local work_mem = '64MB'; set local idle_in_transaction_session_timeout = 0; set local jit = off"); err != nil {
			return err
		}
		c.tx = tx
		for _, part := range []func(context.Context) error{c.head, c.partitions, c.guards, c.positions, c.streams, c.ids} {
			if err := part(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return c.found, fmt.Errorf("invariant: %w", err)
	}
	return c.found, nil
}

type check struct {
	tx       pgx.Tx
	progress Progress
	upTo     int64 // the head, or the last event if that is further
	found    []Finding
}

func (c *check) add(rule, where, detail string, args ...any) {
	c.found = append(c.found, Finding{rule, where, fmt.Sprintf(detail, args...)})
}

type text string // keeps SQL constant: a value of another string type does not compile

// each runs a query whose every row is something wrong.
func (c *check) each(ctx context.Context, scan pgx.RowToFunc[Finding], query text, args ...any) error {
	rows, err := c.tx.Query(ctx, string(query), append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, scan)
	c.found = append(c.found, found...)
	return err
}

// The head's time may be later than its event's: an append that finds its stream elsewhere
// leaves the time at which it looked.
const sqlHead = `
select h.pos, coalesce(l.pos, 0), h.at >= coalesce(l.at, 'epoch')
from es.head h left join (select pos, at from es.events order by pos desc limit 1) l on true where h.one`

func (c *check) head(ctx context.Context) error {
	var head, last int64
	var inTime bool
	if err := c.tx.QueryRow(ctx, sqlHead).Scan(&head, &last, &inTime); err != nil {
		return err
	}
	switch {
	case head != last:
		c.add(RuleHead, fmt.Sprint(head), "the last event is at %d", last)
	case !inTime:
		c.add(RuleHead, fmt.Sprint(head), "the head's time is before its event's")
	}
	c.upTo = max(head, last)
	return nil
}
