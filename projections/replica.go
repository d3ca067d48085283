package projections

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/projections/engine"
)

const sqlMarks engine.SQL = `select ` + marksColumn

// fromReplica is a replica's answer, if it may be given; else the primary is to be asked.
//
// What a query of the portal group answers hangs on who asks, on the time, on the active build,
// and on the events of the customers that it is about and of the tenant: while the last of
// these that was applied stays, so does the answer (versionRow). So the replica serves if its
// answer was made, in one moment, of the same last events that the primary has applied in the
// same build. Then it is the primary's own answer: it shows what a position promised that was
// waited for before, and nothing that was hidden, revoked or erased by then. Who may come in,
// and what they may see, was decided before, on the primary.
//
// The primary is asked for these events while the replica is at work. A build that the replica
// does not have yet, a query that it gives up in favour of replaying, a replica that is down,
// slow, promoted, or more than pg.MaxBehind behind: all of that is no answer, and no error.
func (q *Queries) fromReplica(ctx context.Context, s scope, v Viewer, asked uuid.UUID, ask func(*reading) error) (*resolved, bool) {
	if q.Replica == nil || q.Reads == nil || s.everyone() {
		return nil, false
	}
	r, is, err := posed(s, v, asked, ask)
	if err != nil || r.wanted == 0 { // the events alone, which the primary knows
		return nil, false
	}
	serves := q.Replica.Usable(ctx) && q.sameEvents(ctx, r, is)
	q.Replica.Count(serves)
	return is, serves
}

func (q *Queries) sameEvents(ctx context.Context, r *reading, is *resolved) bool {
	var primary []string // of these customers
	var b pgx.Batch
	text, values := r.bound(sqlMarks, pgx.NamedArgs{"tenant": r.tenant, "marked": is.of.marked(r.scope)})
	b.Queue(string(text), values...).QueryRow(func(row pgx.Row) error { return row.Scan(&primary) })
	r.atOnce() // even if a pooler keeps from its sessions what Options.Reads asks for
	asking := q.Reads.SendBatch(ctx, &b)
	err := q.Replica.Send(ctx, &r.batch)
	return asking.Close() == nil && err == nil && slices.Equal(is.Marks, primary)
}
