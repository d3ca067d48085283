package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// statements are the SQL of one table in one build's schema.
type statements struct {
	shape                          *shape
	types                          []string // of the columns, by the database's catalog
	ident                          pgx.Identifier
	load, insert, upsert, deletion string
}

const sqlColumns = `select c.relname, a.attname, format_type(a.atttypid, null)
	from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid
	where c.relnamespace = $1::text::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
	order by 1, a.attnum`

// tablesOf lists the tables of a schema, their columns and types, in order.
func tablesOf(ctx context.Context, db database, schema string) (map[string][][2]string, error) {
	found := map[string][][2]string{}
	rows, err := db.Query(ctx, sqlColumns, schema)
	if err != nil {
		return nil, err
	}
	var rel, name, typ string
	_, err = pgx.ForEachRow(rows, []any{&rel, &name, &typ}, func() error {
		found[rel] = append(found[rel], [2]string{name, typ})
		return nil
	})
	return found, err
}

// statementsFor writes the SQL of a group's tables for a schema. It refuses Go columns
// that the DDL does not have.
func statementsFor(ctx context.Context, db database, tables []AnyTable, schema string) ([]*statements, error) {
	found, err := tablesOf(ctx, db, schema)
	if err != nil {
		return nil, fmt.Errorf("projections: columns of %s: %w", schema, err)
	}
	all := make([]*statements, 0, len(tables))
	for _, t := range tables {
		s := &statements{shape: t.spec(), ident: pgx.Identifier{schema, t.spec().name}}
		types := map[string]string{}
		for _, c := range found[s.shape.name] {
			types[c[0]] = c[1]
		}
		for _, c := range s.shape.columns {
			if types[c.name] == "" {
				return nil, fmt.Errorf("projections: the DDL has no column %s.%s", s.shape.name, c.name)
			}
			s.types = append(s.types, types[c.name])
		}
		s.write()
		all = append(all, s)
	}
	return all, nil
}

func (s *statements) write() {
	name := s.ident.Sanitize()
	var cols, from, arrays, loads, sets, on, keyArrays, same []string
	for i, c := range s.shape.columns {
		q := pgx.Identifier{c.name}.Sanitize()
		cols, from = append(cols, q), append(from, s.store(i, "u."+q))
		arrays = append(arrays, fmt.Sprintf("$%d::%s[]", i+1, wire[c.kind]))
		loads = append(loads, s.fetch(i, "t."+q))
		if !c.key {
			sets = append(sets, q+" = excluded."+q)
		}
	}
	for n, i := range s.shape.keys {
		q := cols[i]
		on = append(on, q)
		keyArrays = append(keyArrays, fmt.Sprintf("$%d::%s[]", n+1, wire[s.shape.columns[i].kind]))
		same = append(same, "t."+q+" = "+s.store(i, "k."+q))
	}
	key := fmt.Sprintf("unnest(%s) as k (%s)", list(keyArrays), list(on))
	where := strings.Join(same, " and ")
	// "offset 0" keeps the planner from doing anything but one index look-up a key.
	s.load = fmt.Sprintf("select t.* from %s cross join lateral (select %s from %s as t where %s offset 0) as t", key, list(loads), name, where)
	s.insert = fmt.Sprintf("insert into %s (%s) select %s from unnest(%s) as u (%s)", name, list(cols), list(from), list(arrays), list(cols))
	s.upsert = s.insert + fmt.Sprintf(" on conflict (%s) do nothing", list(on))
	if len(sets) > 0 {
		s.upsert = s.insert + fmt.Sprintf(" on conflict (%s) do update set %s", list(on), list(sets))
	}
	s.deletion = fmt.Sprintf("delete from %s as t using %s where %s", name, key, where)
}

func list(parts []string) string { return strings.Join(parts, ", ") }

// store turns what was sent into the column's type.
func (s *statements) store(i int, expr string) string {
	sent, typ := wire[s.shape.columns[i].kind], s.types[i]
	switch {
	case sent == typ || isInteger(sent) && isInteger(typ):
		return expr
	case s.shape.columns[i].kind == isText && !isString(typ):
		return fmt.Sprintf("nullif(%s, '')::%s", expr, typ)
	}
	return expr + "::" + typ
}

// fetch turns a column into what its field is scanned from.
func (s *statements) fetch(i int, expr string) string {
	kind, typ := s.shape.columns[i].kind, s.types[i]
	as := " as " + pgx.Identifier{s.shape.columns[i].name}.Sanitize()
	switch {
	case kind == isText && typ == "date":
		return fmt.Sprintf("coalesce(to_char(%s, 'YYYY-MM-DD'), '')%s", expr, as)
	case kind == isText:
		return fmt.Sprintf("coalesce(%s::text, '')%s", expr, as)
	case kind == isUint:
		return expr + "::text" + as
	}
	return expr + as
}

func isInteger(typ string) bool { return typ == "smallint" || typ == "integer" || typ == "bigint" }

func isString(typ string) bool {
	return typ == "text" || strings.HasPrefix(typ, "character") || typ == "citext"
}
