package engine

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func (e *Engine) compare(ctx context.Context, v *Verified, snapshot pgx.Tx, g *Group, live, fresh build) error {
	columns, err := tablesOf(ctx, snapshot, live.Schema)
	if err != nil {
		return err
	}
	conn, err := e.DB.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for _, t := range g.Tables {
		c := comparison{out: v, shape: t.spec(), columns: columns[t.spec().name]}
		if err := c.run(ctx, snapshot, conn, live, fresh); err != nil {
			return err
		}
	}
	return nil
}

// comparison merges the rows of one table of two builds, in the order of their keys.
type comparison struct {
	out     *Verified
	shape   *shape
	columns [][2]string // name, type
}

// query reads a table as text, keys first, in an order that is the same for bytes in Go.
func (c *comparison) query(schema string) string {
	var cols, order []string
	for _, i := range c.shape.keys {
		q := "t." + pgx.Identifier{c.shape.columns[i].name}.Sanitize()
		cols = append(cols, q+"::text")
		if c.typeOf(c.shape.columns[i].name) != "uuid" { // whose own order is that of its text, and has an index
			q += `::text collate "C"`
		}
		order = append(order, q)
	}
	for _, col := range c.columns {
		cols = append(cols, "t."+pgx.Identifier{col[0]}.Sanitize()+"::text")
	}
	return "select " + list(cols) + " from " + pgx.Identifier{schema, c.shape.name}.Sanitize() + " as t order by " + list(order)
}

func (c *comparison) typeOf(name string) string {
	for _, col := range c.columns {
		if col[0] == name {
			return col[1]
		}
	}
	return ""
}

func (c *comparison) run(ctx context.Context, snapshot pgx.Tx, conn *pgxpool.Conn, live, fresh build) error {
	liveRows, err := snapshot.Query(ctx, c.query(live.Schema))
	if err != nil {
		return err
	}
	defer liveRows.Close()
	freshRows, err := conn.Query(ctx, c.query(fresh.Schema))
	if err != nil {
		return err
	}
	defer freshRows.Close()
	l, f := &cursor{rows: liveRows, keys: len(c.shape.keys)}, &cursor{rows: freshRows, keys: len(c.shape.keys)}
	l.advance()
	f.advance()
	for l.more || f.more {
		order := slices.Compare(l.key, f.key)
		switch {
		case !f.more || l.more && order < 0:
			c.add(Difference{Key: l.name(), Kind: Extra})
			l.advance()
			c.out.Rows++
		case !l.more || order > 0:
			c.add(Difference{Key: f.name(), Kind: Missing})
			f.advance()
		default:
			c.values(l, f)
			l.advance()
			f.advance()
			c.out.Rows++
		}
	}
	return errors.Join(l.err, f.err)
}

func (c *comparison) values(l, f *cursor) {
	for n, col := range c.columns {
		if live, fresh := l.values[n], f.values[n]; live != fresh {
			c.add(Difference{Key: l.name(), Kind: Differs, Column: col[0], Live: live.String, Fresh: fresh.String})
		}
	}
}

func (c *comparison) add(d Difference) {
	d.Table = c.shape.name
	if c.out.Differences++; len(c.out.First) < firstDifferences {
		c.out.First = append(c.out.First, d)
	}
}

// cursor stands on a row.
type cursor struct {
	rows   pgx.Rows
	keys   int // how many of the columns
	key    []string
	values []sql.NullString
	more   bool
	err    error
}

func (c *cursor) advance() {
	if c.more = c.rows.Next(); !c.more {
		c.err = c.rows.Err()
		return
	}
	if n := len(c.rows.FieldDescriptions()); c.key == nil {
		c.key, c.values = make([]string, c.keys), make([]sql.NullString, n-c.keys)
	}
	targets := make([]any, 0, c.keys+len(c.values))
	for i := range c.key {
		targets = append(targets, &c.key[i])
	}
	for i := range c.values {
		targets = append(targets, &c.values[i])
	}
	if c.err = c.rows.Scan(targets...); c.err != nil {
		c.more = false
	}
}

func (c *cursor) name() string { return strings.Join(c.key, " ") }
