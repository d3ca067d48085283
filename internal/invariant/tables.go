package invariant

import (
	"context"
	"fmt"
)

const sqlPartitions = `
select coalesce(p.no, 0), coalesce(t.relname, ''), coalesce(p.first_pos, 0), coalesce(p.last_pos, 0),
  coalesce(lag(p.last_pos) over (order by p.no), 0), coalesce(pg_catalog.pg_get_expr(t.relpartbound, t.oid), '')
from es.partitions p full join (
  select c.oid, c.relname, c.relpartbound from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'es.events'::regclass
) t on t.relname = 'events_' || p.no
order by p.no`

// partitions compares what es.partitions says with what PostgreSQL does: its bounds then
// hold for the rows too.
func (c *check) partitions(ctx context.Context) error {
	rows, err := c.tx.Query(ctx, sqlPartitions)
	if err != nil {
		return err
	}
	defer rows.Close()
	var end int64
	for rows.Next() {
		var no, first, last, before int64
		var table, bound string
		if err := rows.Scan(&no, &table, &first, &last, &before, &bound); err != nil {
			return err
		}
		want := fmt.Sprintf("FOR VALUES FROM ('%d') TO ('%d')", first, last+1)
		switch {
		case no == 0:
			c.add(RulePartition, "es."+table, "es.partitions does not know it")
		case table == "":
			c.add(RulePartition, fmt.Sprintf("es.events_%d", no), "it is no partition of es.events")
		case bound != want:
			c.add(RulePartition, "es."+table, "it is %s, es.partitions says %s", bound, want)
		case first != before+1:
			c.add(RulePartition, "es."+table, "it begins at %d, the one before ends at %d", first, before)
		}
		end = max(end, last)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return c.room(ctx, end)
}

// room is asked for at half a partition (es.ensure_partitions). Below a quarter nobody
// has been able to make it for long.
func (c *check) room(ctx context.Context, end int64) error {
	var size int64
	if err := c.tx.QueryRow(ctx, "select partition_size from es.settings where one").Scan(&size); err != nil {
		return err
	}
	if left := end - c.upTo; c.upTo > 0 && left < size/4 {
		c.add(RuleRoom, fmt.Sprint(c.upTo), "there is room for %d more events only; a partition holds %d", max(left, 0), size)
	}
	return nil
}

// A row trigger and one for TRUNCATE, on each table that must not lose rows.
const sqlUnguarded = `
select c.oid::regclass::text from pg_catalog.pg_class c
where (c.oid in ('es.events'::regclass, 'es.streams'::regclass, 'es.head'::regclass)
    or c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = 'es.events'::regclass))
  and (select count(distinct t.tgtype & 1) from pg_catalog.pg_trigger t
    where t.tgrelid = c.oid and t.tgfoid = 'es.refuse()'::regprocedure and t.tgenabled in ('O', 'A')) < 2
order by 1`

// What the program must not be able to do. It is another role than the owner wherever
// that could be made.
const sqlRights = `
select distinct c.oid::regclass::text from pg_catalog.pg_class c
  join pg_catalog.pg_roles r on r.rolname in ('portico_app', 'portico_append', 'portico_project', 'portico_api', 'portico_read', 'portico_audit')
where (c.oid in ('es.events'::regclass, 'es.streams'::regclass, 'es.head'::regclass)
    or c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = 'es.events'::regclass))
  and pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
order by 1`

// guards finds tables whose history could be changed unnoticed.
func (c *check) guards(ctx context.Context) error {
	for _, g := range []struct {
		sql  text
		what string
	}{
		{sqlUnguarded, "the triggers that refuse changes are missing or off"},
		{sqlRights, "a role of the program may change it"},
	} {
		rows, err := c.tx.Query(ctx, string(g.sql))
		if err != nil {
			return err
		}
		for rows.Next() {
			var table string
			if err := rows.Scan(&table); err != nil {
				return err
			}
			c.add(RuleGuard, table, "%s", g.what)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}
