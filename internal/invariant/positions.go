package invariant

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// chunk is how many positions are looked at between two reports of progress.
const chunk = 200_000

// $1 is a position that was looked at before, or 0; it is read again for its time.
const sqlGaps = `
select e.before, e.pos, e.at < e.was
from (
  select pos, at, lag(pos, 1, $1::bigint) over w as before, lag(at) over w as was
  from es.events where pos >= $1 and pos <= $2 window w as (order by pos)
) e
where e.pos > $1 and (e.before <> e.pos - 1 or e.at < e.was)
order by e.pos limit $3`

const sqlLastIn = `select coalesce(max(pos), $1::bigint) from es.events where pos > $1 and pos <= $2`

// positions finds missing ones and times that run backwards.
func (c *check) positions(ctx context.Context) error {
	gaps := 0
	for from := int64(0); from < c.upTo && gaps < most; from += chunk {
		c.progress("positions and times", from, c.upTo)
		to := min(from+chunk, c.upTo)
		rows, err := c.tx.Query(ctx, sqlGaps, from, to, most)
		if err != nil {
			return err
		}
		var before, pos int64
		var backwards *bool
		_, err = pgx.ForEachRow(rows, []any{&before, &pos, &backwards}, func() error {
			gaps++
			if before != pos-1 {
				c.missing(before+1, pos-1)
			}
			if backwards != nil && *backwards {
				c.add(RuleTime, fmt.Sprint(pos), "committed before the event at %d", before)
			}
			return nil
		})
		if err != nil {
			return err
		}
		var last int64
		if err := c.tx.QueryRow(ctx, sqlLastIn, from, to).Scan(&last); err != nil {
			return err
		}
		if last < to {
			gaps++
			c.missing(last+1, to)
		}
	}
	c.progress("positions and times", c.upTo, c.upTo)
	return nil
}

func (c *check) missing(first, last int64) {
	if first == last {
		c.add(RuleDense, fmt.Sprint(first), "no event is at this position")
		return
	}
	c.add(RuleDense, fmt.Sprint(first), "no event is at %d to %d", first, last)
}

// One statement sees events and streams at one moment, so writers do not disturb it.
const sqlStreams = `
select coalesce(s.name, 'number ' || e.stream_no), s.stream_no is null, e.stream_no is null,
  coalesce(e.wrong_at, 0), coalesce(e.n - 1, -1), coalesce(s.version, -1),
  coalesce(e.first_pos, 0), coalesce(e.last_pos, 0), coalesce(s.first_pos, 0), coalesce(s.last_pos, 0)
from (
  select stream_no, count(*) as n, min(pos) as first_pos, max(pos) as last_pos, min(pos) filter (where version <> want) as wrong_at
  from (select pos, stream_no, version, row_number() over (partition by stream_no order by pos) - 1 as want from es.events) v
  group by stream_no
) e full join es.streams s on s.stream_no = e.stream_no
where s.stream_no is null or e.stream_no is null or e.wrong_at is not null
  or s.version <> e.n - 1 or s.first_pos <> e.first_pos or s.last_pos <> e.last_pos
limit $1`

// streams finds those that do not agree with their events.
func (c *check) streams(ctx context.Context) error {
	c.progress("streams", 0, 0)
	return c.each(ctx, func(row pgx.CollectableRow) (f Finding, err error) {
		var unknown, empty bool
		var wrongAt, last, version int64
		var span, want [2]int64
		err = row.Scan(&f.Where, &unknown, &empty, &wrongAt, &last, &version, &span[0], &span[1], &want[0], &want[1])
		f.Rule = RuleStream
		switch {
		case unknown:
			f.Detail = "es.streams does not know it"
		case empty:
			f.Detail = fmt.Sprintf("es.streams says version %d, and there is no event", version)
		case wrongAt > 0:
			f.Detail = fmt.Sprintf("the event at %d has not the version that follows", wrongAt)
		case last != version:
			f.Detail = fmt.Sprintf("its last event has version %d, es.streams says %d", last, version)
		default:
			f.Detail = fmt.Sprintf("its events are at %d to %d, es.streams says %d to %d", span[0], span[1], want[0], want[1])
		}
		return f, err
	}, sqlStreams, most)
}

const sqlIDs = `select id::text, min(pos), max(pos) from es.events group by id having count(*) > 1 limit $1`

func (c *check) ids(ctx context.Context) error {
	c.progress("ids", 0, 0)
	return c.each(ctx, func(row pgx.CollectableRow) (f Finding, err error) {
		var id string
		var first, last int64
		err = row.Scan(&id, &first, &last)
		return Finding{RuleID, fmt.Sprint(last), fmt.Sprintf("the event at %d has the same id %s", first, id)}, err
	}, sqlIDs, most)
}
