package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
)

// Verified is what a comparison of live tables with a fresh fold of the log has found.
type Verified struct {
	Group       string       `json:"group"`
	Build       int          `json:"build"`
	Rows        int64        `json:"rows"` // live ones that were compared
	Differences int64        `json:"differences"`
	First       []Difference `json:"first"` // at most firstDifferences of them

	Position eventstore.Position `json:"position"` // how far the slowest lane was: what came later was not compared
	Head     eventstore.Position `json:"head"`     // of the log at that moment
	Behind   uint64              `json:"behind"`   // events between the two; 0 if the store's positions cannot be counted
	Parked   int64               `json:"parked"`   // customers whose events cannot be applied: they differ if that has been mended
}

const firstDifferences = 100

// Difference is a value that differs, or a row that one side does not have.
type Difference struct {
	Table  string `json:"table"`
	Key    string `json:"key"`
	Kind   string `json:"kind"`             // differs, missing (in the live table) or extra (in it)
	Column string `json:"column,omitempty"` // of a value that differs
	Live   string `json:"live,omitempty"`
	Fresh  string `json:"fresh,omitempty"`
}

// The kinds of difference.
const (
	Differs = "differs"
	Missing = "missing"
	Extra   = "extra"
)

// Verify compares every live table of the named groups, or of all, with a fresh fold of
// the log, row for row. Live tables are read in one snapshot, which also says how far the
// fold has to go; appending and projecting go on meanwhile.
func (e *Engine) Verify(ctx context.Context, groups []string, progress func(group string, done, total uint64)) ([]Verified, error) {
	if len(groups) == 0 {
		for i := range e.Groups {
			groups = append(groups, e.Groups[i].Name)
		}
	}
	var all []Verified
	for _, name := range groups {
		g := e.group(name)
		if g == nil {
			return all, unknownGroup(name)
		}
		v, err := e.verify(ctx, g, func(done, total uint64) {
			if progress != nil {
				progress(name, done, total)
			}
		})
		if err != nil {
			return all, fmt.Errorf("projections: verify %s: %w", name, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func (e *Engine) verify(ctx context.Context, g *Group, progress func(done, total uint64)) (v Verified, err error) {
	snapshot, err := e.DB.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return v, err
	}
	defer func() { _ = snapshot.Rollback(context.WithoutCancel(ctx)) }()
	// It waits while the log is folded.
	if _, err := snapshot.Exec(ctx, "set local idle_in_transaction_session_timeout = 0"); err != nil {
		return v, err
	}
	live, err := oneBuild(ctx, snapshot, sqlActive, g.Name, g.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, errBuilding
	}
	if err != nil {
		return v, err
	}
	v.Group, v.Build = g.Name, live.Build
	if err := holdTables(ctx, snapshot, g, live); err != nil {
		return v, err
	}
	until, err := checkpoints(ctx, snapshot, live)
	if err != nil {
		return v, err
	}
	if err := e.placeOf(ctx, snapshot, &v, until); err != nil {
		return v, err
	}
	var fresh build
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		fresh, err = e.makeBuild(ctx, tx, &Group{Name: g.Name, Version: g.Version, Lanes: live.Lanes, DDL: g.DDL}, stateScratch)
		return err
	})
	if err != nil {
		return v, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, e.drop(ctx, fresh, stateScratch))
	}()
	if err := e.foldUntil(ctx, g, fresh, until, progress); err != nil {
		return v, err
	}
	return v, e.compare(ctx, &v, snapshot, g, live, fresh)
}

// placeOf says how far what is verified is from the end of the log, and who is left behind.
func (e *Engine) placeOf(ctx context.Context, db database, v *Verified, lanes []eventstore.Position) (err error) {
	if err := db.QueryRow(ctx, "select count(*) from pj.parked where grp = $1 and build = $2", v.Group, v.Build).Scan(&v.Parked); err != nil {
		return err
	}
	if v.Head, err = e.Store.Head(ctx); err != nil {
		return err
	}
	v.Position = slices.MinFunc(lanes, eventstore.Position.Compare)
	v.Behind = v.Position.Until(v.Head)
	return nil
}

// holdTables keeps a rebuild from dropping what is being read.
func holdTables(ctx context.Context, tx pgx.Tx, g *Group, b build) error {
	var names []string
	for _, t := range g.Tables {
		names = append(names, pgx.Identifier{b.Schema, t.spec().name}.Sanitize())
	}
	_, err := tx.Exec(ctx, "lock table "+list(names)+" in access share mode")
	return err
}

func checkpoints(ctx context.Context, db database, b build) ([]eventstore.Position, error) {
	rows, err := db.Query(ctx, "select hi::text, lo::text from pj.lane where grp = $1 and build = $2 order by lane", b.Group, b.Build)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (eventstore.Position, error) {
		var m mark
		err := row.Scan(&m.Hi, &m.Lo)
		return m.position(), err
	})
}

// foldUntil fills an empty build, each lane exactly as far as it says.
func (e *Engine) foldUntil(ctx context.Context, g *Group, b build, until []eventstore.Position, progress func(done, total uint64)) error {
	f, err := e.newFollower(ctx, g, b)
	if err != nil {
		return err
	}
	defer f.reader.close()
	var total uint64
	for no, l := range f.lanes {
		if l.until = until[no]; l.until != (eventstore.Position{}) {
			l.take(0, markOf(eventstore.Position{}, time.Time{}), nil, map[ward]bool{})
		}
		total = max(total, l.until.Hi)
	}
	for {
		low, any := f.low()
		if !any {
			return nil
		}
		progress(low.Hi, total)
		p := f.reader.next(ctx, low)
		if p.err != nil {
			return p.err
		}
		if err := f.apply(ctx, p); err != nil {
			return err
		}
		for _, l := range f.lanes {
			if p.end && !l.holds() && !l.seen.Before(p.next) || !l.seen.Before(l.until) {
				l.set(l.seen, l.at, false) // done
			}
		}
	}
}
