package journal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The kinds of record that tell what came of a check: of the journal, of the log, of files of it.
const (
	JournalVerified = "journal.verified"
	LogVerified     = "log.verified"
	ArchiveVerified = "archive.verified"
)

// Checked is what came of the last check of some kind: nil if there was none.
type Checked struct {
	Kind string
	Last *Entry
}

// LastChecks are the last checks of each kind that a tenant's journal knows of.
func (s *Store) LastChecks(ctx context.Context, tenant string) (all []Checked, err error) {
	for _, kind := range []string{JournalVerified, LogVerified, ArchiveVerified} {
		found, err := s.ListFrom(ctx, Filter{Tenant: tenant, Kind: kind}, "", 1)
		if err != nil {
			return nil, err
		}
		c := Checked{Kind: kind}
		if len(found.Items) > 0 {
			c.Last = &found.Items[0]
		}
		all = append(all, c)
	}
	return all, nil
}

// Head is the number of the last record, of whichever tenant.
func (s *Store) Head(ctx context.Context) (no int64, err error) {
	if err = s.db.QueryRow(ctx, string(sqlHead)).Scan(&no); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	return no, nil
}

// Each answers a row of text for what is wrong.
var checks = []text{`
select format('number %s is missing: %s follows %s', before + 1, no, before)
from (select no, coalesce(lag(no) over (order by no), 0) as before from journal.records) r where no <> before + 1 order by no limit 20`, `
select format('the head says %s, the last record is %s', h.no, (select coalesce(max(r.no), 0) from journal.records r))
from journal.head h where h.no <> (select coalesce(max(r.no), 0) from journal.records r)`, `
select 'there is no head' where not exists (select from journal.head)`, `
select format('record %s is of %s, before the one that it follows', no, at)
from (select no, at, lag(at) over (order by no) as before from journal.records) r where at < before order by no limit 20`, `
select format('partition %s of numbers %s to %s does not follow the one before, or is not there', p.part, p.first_no, p.last_no)
from (select p.*, coalesce(lag(p.last_no) over (order by p.part), 0) as before from journal.partitions p) p
where p.first_no <> p.before + 1 or not exists (
  select from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'journal.records'::regclass and c.relname = 'records_' || p.part)
order by p.part`, `
select c.oid::regclass || ': the triggers that refuse changes are missing or off' from pg_catalog.pg_class c
where (c.oid in ('journal.records'::regclass, 'journal.head'::regclass)
    or c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = 'journal.records'::regclass))
  and (select count(distinct t.tgtype & 1) from pg_catalog.pg_trigger t
    where t.tgrelid = c.oid and t.tgfoid = 'es.refuse()'::regprocedure and t.tgenabled in ('O', 'A')) < 2
order by 1`, `
select c.oid::regclass || ': the role portico_app may change it'
from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.rolname = 'portico_app'
where (c.oid in ('journal.records'::regclass, 'journal.head'::regclass)
    or c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = 'journal.records'::regclass))
  and pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
order by 1`}

// Verify lists what is wrong with the journal: numbers missing, time running backwards, a
// head or partition that says something else, triggers or rights that no longer protect it.
func (s *Store) Verify(ctx context.Context) (wrong []string, err error) {
	tx, err := s.db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}) // one moment
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // it has written nothing
	for _, check := range checks {
		rows, err := tx.Query(ctx, string(check))
		if err != nil {
			return wrong, fmt.Errorf("journal: %w", err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return wrong, fmt.Errorf("journal: %w", err)
		}
		wrong = append(wrong, found...)
	}
	return wrong, nil
}
