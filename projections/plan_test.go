package projections

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/projections/engine"
)

const sqlManyInvoices engine.SQL = `
insert into {s}.invoices select 'acme', gen_random_uuid(), c, 'N-' || n, 'invoice', null, null, null, null,
  date '2020-01-01' + n % 2000, date '2020-02-01' + n % 2000, '', '', 'GBP', 1, 1, 1, false, 0, 0, 1, n % 2, 0, 0, 0, 0,
  true, true, n, 0, '', 0, false, false, '', 0, '', '', 'n-' || n, now()
from (select n, case when n % 25 = 0 then @big::uuid else gen_random_uuid() end as c from generate_series(1, 50000) n) x`

// A page of a customer with 2,000 invoices, among 50,000, is read off the customer's
// index; a page of everybody's off the tenant's. Neither is sorted from the whole table,
// also once PostgreSQL plans without looking at the arguments.
func TestListsAreReadOffTheirIndex(t *testing.T) {
	w := newWorld(t)
	schema := get[string](t)(w.q.Schema(t.Context(), Portal.Name))
	big := uuid.New()
	exec := func(c interface {
		Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	}, sql string, args ...any) {
		t.Helper()
		if _, err := c.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(w.db, sqlManyInvoices.In(schema), pgx.NamedArgs{"big": big})
	exec(w.db, engine.SQL("analyze {s}.invoices").In(schema))
	conn, err := w.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		exec(conn, "set plan_cache_mode = "+mode)
		for sql, index := range map[engine.SQL]string{sqlInvoices: "invoices_of_customer", sqlAllInvoices: "invoices_all"} {
			s := scope{schema: schema, tenant: "acme", all: false, customers: []uuid.UUID{big}, today: "2026-06-15", now: noon}
			args, err := InvoiceFilter{Paging: Paging{Cursor: cursorOf("2024-01-01", uuid.Max.String())}}.args()
			if err != nil {
				t.Fatal(err)
			}
			rows, err := conn.Query(t.Context(), "explain (analyze, costs off, timing off, summary off) "+sql.In(schema), s.args(args))
			lines := get[[]string](t)(pgx.CollectRows(rows, pgx.RowTo[string]))
			if err != nil {
				t.Fatal(err)
			}
			plan := strings.Join(lines, "\n")
			if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, index) {
				t.Errorf("%s:\n%s", mode, plan)
			}
			for _, line := range lines {
				if strings.Contains(line, "Scan using") && !strings.Contains(line, "rows=51 ") {
					t.Errorf("%s reads more than a page: %s", mode, line)
				}
			}
		}
	}
}
