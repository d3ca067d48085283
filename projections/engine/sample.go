package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sample compares a part of one table's rows in two builds. Which part depends on the keys
// alone, so that a row which only one side has is found from there.
type sample struct {
	shape       *shape
	columns     [][2]string // name, type
	live, fresh string      // schemas
	seed        int         // each build is sampled differently
}

func (t *sample) in(schema string) string { return pgx.Identifier{schema, t.shape.name}.Sanitize() }

// keys are the names of the key's columns, and their types.
func (t *sample) keys() (names, types []string) {
	for _, i := range t.shape.keys {
		name := t.shape.columns[i].name
		names = append(names, pgx.Identifier{name}.Sanitize())
		for _, c := range t.columns {
			if c[0] == name {
				types = append(types, c[1])
			}
		}
	}
	return names, types
}

func (t *sample) count(ctx context.Context, tx pgx.Tx) (live, fresh int64, err error) {
	err = tx.QueryRow(ctx, "select (select count(*) from "+t.in(t.live)+"), (select count(*) from "+t.in(t.fresh)+")").Scan(&live, &fresh)
	return live, fresh, err
}

// differing finds the sampled rows that differ; rows is how many there are.
func (t *sample) differing(ctx context.Context, tx pgx.Tx, rows int64) (found []*suspect, err error) {
	names, _ := t.keys()
	var text, both, same []string
	for _, k := range names {
		text = append(text, "t."+k+"::text")
		both = append(both, fmt.Sprintf("coalesce(l.%s, f.%[1]s)::text", k))
		same = append(same, fmt.Sprintf("l.%s = f.%[1]s", k))
	}
	part := func(schema string) string {
		return fmt.Sprintf("select %s, md5((t.*)::text) as digest from %s as t where mod(hashtextextended(concat_ws('/', %s), %d) & %d, %d) = 0",
			list(names), t.in(schema), list(text), t.seed, int64(1<<63-1), max(1, rows/sampleRows))
	}
	sql := fmt.Sprintf("with l as (%s), f as (%s) select array[%s], coalesce(l.digest, ''), coalesce(f.digest, '') "+
		"from l full join f on %s where l.digest is distinct from f.digest",
		part(t.live), part(t.fresh), list(both), strings.Join(same, " and "))
	var key []string
	var live, fresh string
	answer, err := tx.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	_, err = pgx.ForEachRow(answer, []any{&key, &live, &fresh}, func() error {
		one := &suspect{table: t, key: key}
		one.saw(live, fresh, nil)
		found, key = append(found, one), nil
		return nil
	})
	return found, err
}

// again looks at rows by their keys.
func (t *sample) again(ctx context.Context, tx pgx.Tx, rows []*suspect) error {
	if len(rows) == 0 {
		return nil
	}
	names, types := t.keys()
	args := make([]any, 0, len(names))
	var arrays, on [2][]string
	for n, k := range names {
		column := make([]string, 0, len(rows))
		for _, s := range rows {
			column = append(column, s.key[n])
		}
		args = append(args, column)
		arrays[0], arrays[1] = append(arrays[0], fmt.Sprintf("$%d::text[]", n+1)), append(arrays[1], fmt.Sprintf("k%d", n))
		on[0] = append(on[0], fmt.Sprintf("l.%s = k.k%d::%s", k, n, types[n]))
		on[1] = append(on[1], fmt.Sprintf("f.%s = k.k%d::%s", k, n, types[n]))
	}
	var differs []string
	for _, c := range t.columns {
		q := pgx.Identifier{c[0]}.Sanitize()
		differs = append(differs, fmt.Sprintf("case when l.%s::text is distinct from f.%[1]s::text then '%s' end", q, strings.ReplaceAll(c[0], "'", "''")))
	}
	sql := fmt.Sprintf("select k.n, coalesce(md5((l.*)::text), ''), coalesce(md5((f.*)::text), ''), array_remove(array[%s], null) from unnest(%s) with ordinality as k (%s, n) left join %s as l on %s left join %s as f on %s",
		list(differs), list(arrays[0]), list(arrays[1]), t.in(t.live), strings.Join(on[0], " and "), t.in(t.fresh), strings.Join(on[1], " and "))
	answer, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var n int
	var live, fresh string
	var columns []string
	_, err = pgx.ForEachRow(answer, []any{&n, &live, &fresh, &columns}, func() error {
		rows[n-1].saw(live, fresh, append([]string{}, columns...))
		return nil
	})
	return err
}

// differences says in what a suspect differs, as far as may be shown to anybody.
func (s *suspect) differences() []Difference {
	d := Difference{Table: s.table.shape.name, Key: strings.Join(s.key, " ")}
	live, fresh := s.live[len(s.live)-1], s.fresh[len(s.fresh)-1]
	switch {
	case s.key == nil:
		d.Kind, d.Live, d.Fresh = Count, live, fresh
	case live == "":
		d.Kind = Missing
	case fresh == "":
		d.Kind = Extra
	default:
		d.Kind = Differs
		var all []Difference
		for _, c := range s.columns {
			d.Column = c
			all = append(all, d)
		}
		return all
	}
	return []Difference{d}
}
