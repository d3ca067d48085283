package engine

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sampleRows  = 1000                  // of each table, about
	lookEvery   = 50 * time.Millisecond // at what differed
	lookAtLeast = time.Second           // before a difference counts
	lookAtMost  = 10 * time.Second      // at rows that change faster than one can look
)

// agree compares a build with the active one before a switch: row counts and a sample of
// rows of each table. If they differ, the build is held back (ENGINE §4).
//
// The two fold the log independently, so one may be some events ahead. Therefore whatever
// differs is looked at again, and counts only where both have applied the same events, see
// looks. Rows that change too fast for that are left alone, and logged.
func (e *Engine) agree(ctx context.Context, g *Group, b build) (bool, error) {
	if b.Forced || b.Revived || e.faults.unchecked {
		return true, nil
	}
	live, err := oneBuild(ctx, e.DB, sqlActive, g.Name, g.Version)
	if errors.Is(err, pgx.ErrNoRows) || live.Build == b.Build {
		return true, nil // there is nothing to compare with
	}
	if err != nil {
		return false, err
	}
	c, err := e.newParity(ctx, g, live, b)
	if err != nil {
		return false, err
	}
	why, err := c.run(ctx)
	if err != nil || why == nil {
		return err == nil, err
	}
	e.log().Error("projections: a build is held back, because it differs from the active one",
		"group", b.Group, "build", b.Build, "active", live.Build, "differences", why.Differences)
	return false, e.hold(ctx, b, why)
}

// parity is one comparison of two builds.
type parity struct {
	engine      *Engine
	live, fresh build
	tables      []*sample
	looks       looks
	suspects    []*suspect
}

// suspect is a row, or the number of rows, that has been seen to differ.
type suspect struct {
	table       *sample
	key         []string // nil: the number of rows
	live, fresh []string // at each look: a digest, "" if there is no such row; or the number
	columns     []string // that differed at the last look
}

func (e *Engine) newParity(ctx context.Context, g *Group, live, fresh build) (*parity, error) {
	columns, err := tablesOf(ctx, e.DB, live.Schema)
	if err != nil {
		return nil, err
	}
	c := &parity{engine: e, live: live, fresh: fresh}
	c.looks = looks{reader: reader{store: e.Store, codec: e.Codec, of: g, limit: pageLive}, lanes: [2]int{live.Lanes, fresh.Lanes}}
	for _, t := range g.Tables {
		c.tables = append(c.tables, &sample{shape: t.spec(), columns: columns[t.spec().name], live: live.Schema, fresh: fresh.Schema, seed: fresh.Build})
	}
	return c, nil
}

// run looks until it is clear what differs; nil if nothing does.
func (c *parity) run(ctx context.Context) (*Finding, error) {
	began := time.Now()
	for pause := lookEvery; ; pause = min(2*pause, 4*lookEvery) {
		if err := c.look(ctx); err != nil {
			return nil, err
		}
		open := 0
		var wrong []*suspect
		for _, s := range c.suspects {
			switch c.looks.judge(s.live, s.fresh) {
			case unclear:
				open++
			case unequal:
				wrong = append(wrong, s)
			}
		}
		took := time.Since(began)
		switch {
		case open+len(wrong) == 0:
			return nil, nil
		case open == 0 && took >= lookAtLeast || took >= lookAtMost || c.looks.full:
			return c.finding(wrong, open), nil
		}
		if sleep(ctx, pause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// look reads checkpoints and rows in one snapshot: the first time the whole sample, and
// from then on what differed.
func (c *parity) look(ctx context.Context) error {
	var at [2]checkpointsOf
	err := pgx.BeginTxFunc(ctx, c.engine.DB, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		for i, b := range []build{c.live, c.fresh} {
			if at[i], err = checkpoints(ctx, tx, b); err != nil {
				return err
			}
		}
		if len(c.looks.live) == 0 {
			return c.first(ctx, tx)
		}
		return c.next(ctx, tx)
	})
	if err != nil {
		return err
	}
	return c.looks.add(ctx, at[0], at[1])
}

func (c *parity) first(ctx context.Context, tx pgx.Tx) error {
	for _, t := range c.tables {
		live, fresh, err := t.count(ctx, tx)
		if err != nil {
			return err
		}
		if live != fresh {
			s := &suspect{table: t}
			s.saw(strconv.FormatInt(live, 10), strconv.FormatInt(fresh, 10), nil)
			c.suspects = append(c.suspects, s)
		}
		differing, err := t.differing(ctx, tx, max(live, fresh))
		if err != nil {
			return err
		}
		c.suspects = append(c.suspects, differing...)
	}
	return nil
}

func (c *parity) next(ctx context.Context, tx pgx.Tx) error {
	for _, t := range c.tables {
		var rows []*suspect
		for _, s := range c.suspects {
			switch {
			case s.table != t:
			case s.key != nil:
				rows = append(rows, s)
			default:
				live, fresh, err := t.count(ctx, tx)
				if err != nil {
					return err
				}
				s.saw(strconv.FormatInt(live, 10), strconv.FormatInt(fresh, 10), nil)
			}
		}
		if err := t.again(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *suspect) saw(live, fresh string, columns []string) {
	s.live, s.fresh, s.columns = append(s.live, live), append(s.fresh, fresh), columns
}

// finding sums up; nil if there is no certain difference.
func (c *parity) finding(wrong []*suspect, open int) *Finding {
	if open > 0 {
		c.engine.log().Warn("projections: some rows change too fast to be compared before the switch",
			"group", c.fresh.Group, "build", c.fresh.Build, "rows", open)
	}
	if len(wrong) == 0 {
		return nil
	}
	f := &Finding{Against: c.live.Build, At: time.Now().UTC().Truncate(time.Second)}
	for _, s := range wrong {
		for _, d := range s.differences() {
			if f.Differences++; len(f.First) < firstDifferences {
				f.First = append(f.First, d)
			}
		}
	}
	return f
}
