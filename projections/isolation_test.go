package projections

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
)

// What would show one tenant's rows to another: a table of a build without a tenant, or
// without a policy, or one that requests may change.
const sqlOpenBuilds = `
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pj.build b on b.schema = n.nspname
where c.relkind in ('r', 'p') and not (
  exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and a.attnotnull)
  and c.relrowsecurity and (select count(*) from pg_policy p where p.polrelid = c.oid) = 1
  and exists (select from pg_policy p where p.polrelid = c.oid and pg_get_expr(p.polqual, c.oid) like '%current_setting%' and not 0::oid = any (p.polroles))
  and has_table_privilege('portico_read', c.oid, 'select') and has_table_privilege('portico_api', c.oid, 'select')
  and not has_table_privilege('portico_read', c.oid, 'insert, update, delete, truncate')
  and not has_table_privilege('portico_api', c.oid, 'insert, update, delete, truncate'))
order by 1`

// Of read models requests see the rows of their tenant, whatever a query forgets to say.
func TestReadModelsKeepTenantsApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours := w.customer("C-1")
	w.invoice(ours, "2026-05-01", "2026-06-01", 1_000, true)
	w.enter("rival", "UTC")
	w.invoice(w.customer("R-1"), "2026-05-01", "2026-06-01", 1_000, true)
	w.settle()
	rows, _ := w.db.Query(t.Context(), sqlOpenBuilds)
	if open, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(open) > 0 {
		t.Errorf("open: %s, %v", strings.Join(open, ", "), err)
	}
	reads, err := pg.Open(t.Context(), w.db.Config().ConnString(), pg.Options{Role: pg.ReadRole, Reads: true, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer reads.Close()
	schema, err := w.engine.ActiveSchema(t.Context(), Portal.Name)
	if err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]string{"acme": "acme", "rival": "rival", "": "", "other": ""} {
		var got string
		err := pg.Tenants(reads).QueryRow(pg.InTenant(t.Context(), tenant), "select coalesce(string_agg(distinct tenant, ' '), '') from "+schema+".invoices").Scan(&got)
		if err != nil || got != want {
			t.Errorf("as %q the invoices of %q show, %v", tenant, got, err)
		}
	}
	if _, err := reads.Exec(t.Context(), "select 1 from es.events"); err == nil {
		t.Error("who reads pages may read the log")
	}
}
