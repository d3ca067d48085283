package migrations_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"portico/internal/pg"
	"portico/internal/pgtest"
	"portico/migrations"
)

var update = flag.Bool("update", false, "write the golden file of privileges anew")

func lines(t *testing.T, url, sql string, args ...any) []string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	rows, err := c.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Tables of tenants whose rows nothing keeps apart, and what else would show around it.
const sqlOpen = `
select 'no forced row level security: ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not like 'pg\_%' and n.nspname not in ('information_schema', 'pj') and c.relkind in ('r', 'p') and not c.relispartition
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped)
  and not (c.relrowsecurity and c.relforcerowsecurity
    and exists (select from pg_policy p where p.polrelid = c.oid and pg_get_expr(p.polqual, c.oid) = '(tenant = NULLIF(current_setting(''portico.tenant''::text, true), ''''::text))'
      and p.polroles @> array['portico_api'::regrole::oid, 'portico_read'::regrole::oid]))
union all
select 'anybody may see all: ' || p.polrelid::regclass from pg_policy p
where pg_get_expr(p.polqual, p.polrelid) = 'true' and p.polroles && array[0::oid, 'portico_api'::regrole::oid, 'portico_read'::regrole::oid]
union all
select 'a view with its owner''s rights: ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('es', 'pj', 'portico', 'journal') and c.relkind in ('v', 'm') and not coalesce('security_invoker=true' = any (c.reloptions), false)
union all
select 'not the owner''s: ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('es', 'pj', 'portico', 'journal') and c.relkind in ('r', 'p', 'v', 'S') and c.relowner <> 'portico_owner'::regrole
union all
select 'has powers: ' || rolname from pg_roles where rolname like 'portico\_%' and (rolsuper or rolbypassrls or rolcreaterole or rolcanlogin)
union all
select m.roleid::regrole || ' is given to ' || m.member::regrole from pg_auth_members m join pg_roles r on r.oid = m.member
where m.roleid::regrole::text like 'portico\_%' and r.rolname like 'portico\_%' and (m.roleid::regrole::text, r.rolname) <> ('portico_project', 'portico_app')
order by 1`

func TestEveryTableOfTenantsKeepsThemApart(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	if open := lines(t, url, sqlOpen); len(open) > 0 {
		t.Errorf("%s", strings.Join(open, "\n"))
	}
	if n := lines(t, url, "select polrelid::regclass::text from pg_policy where polname = 'of_tenant'"); len(n) < 10 {
		t.Errorf("only %v have policies", n)
	}
	// The control: what was made since is found, and seen to by the next start.
	pgtest.Exec(t, url, "create table portico.late (tenant text not null, id uuid not null, primary key (tenant, id))",
		"create view portico.peep as select * from portico.late")
	if open := lines(t, url, sqlOpen); len(open) != 4 {
		t.Errorf("found %q", open)
	}
	pgtest.Exec(t, url, "call portico.isolate()")
	if open := lines(t, url, sqlOpen); !slices.Equal(open, []string{"a view with its owner's rights: peep"}) {
		t.Errorf("found %q", open)
	}
}

// shared are unique keys of tables of tenants that do not begin with the tenant, and why
// that tells nobody anything. A key of one hash of a random secret needs no reason.
var shared = map[string]string{
	"api_keys_pkey":           "a UUID that is random or derived from one that is",
	"jobs_pkey":               "a UUID derived from the event that it follows from",
	"mails_pkey":              "the job's UUID",
	"mails_message_id_key":    "made of the job's UUID",
	"mail_bounces_pkey":       "a UUID derived from the mail's",
	"webhook_deliveries_pkey": "a random UUID",
	"job_acts_pkey":           "a number that nobody chooses",
	"policy_refusals_pkey":    "the UUID of an event; requests may not read it",
	"hosts_pkey":              "a name is one tenant's; requests may not read it",
	"records_pkey":            "numbers of the journal are of all tenants together: a gap shows that something is missing",
}

// A unique key over all tenants says that another has a row, to whoever tries to make it.
func TestUniqueKeysBeginWithTheTenant(t *testing.T) {
	t.Parallel()
	const sql = `
select x.relname::text from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
join pg_attribute k on k.attrelid = c.oid and k.attnum = i.indkey[0]
where i.indisunique and n.nspname in ('portico', 'journal') and not c.relispartition
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped)
  and k.attname <> 'tenant' and not (i.indnkeyatts = 1 and k.attname = 'hash' and k.atttypid = 'bytea'::regtype)
order by 1`
	for _, index := range lines(t, pgtest.New(t), sql) {
		if shared[index] == "" {
			t.Errorf("%s does not begin with the tenant", index)
		}
	}
}

// What each role may do with each table, function and schema. Partitions are made by a
// function, and nobody has rights on them.
func TestWhatEachRoleMay(t *testing.T) {
	t.Parallel()
	const sql = `
with roles as (select unnest($1::text[]) as role), schemas as (select oid, nspname from pg_namespace where nspname in ('es', 'pj', 'portico', 'journal'))
select role || ' ' || s.nspname || '.' || c.relname || ' ' || string_agg(lower(p.privilege), ',' order by p.n)
from roles, pg_class c join schemas s on s.oid = c.relnamespace, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) with ordinality p(privilege, n)
where c.relkind in ('r', 'p', 'v') and not c.relispartition and has_table_privilege(role, c.oid, p.privilege) group by role, s.nspname, c.relname
union all
select role || ' ' || s.nspname || '.' || f.proname || '() execute' from roles, pg_proc f join schemas s on s.oid = f.pronamespace
where has_function_privilege(role, f.oid, 'execute') group by role, s.nspname, f.proname
union all
select role || ' ' || s.nspname || ' create' from roles, schemas s where has_schema_privilege(role, s.oid, 'create')
union all
select role || ' database create' from roles where has_database_privilege(role, current_database(), 'create')
order by 1`
	roles := []string{pg.AppRole, pg.AppendRole, pg.ProjectRole, pg.APIRole, pg.ReadRole, pg.AuditRole, "public"}
	got := strings.Join(lines(t, pgtest.New(t), sql, roles), "\n") + "\n"
	file := filepath.Join("testdata", "privileges.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("go test ./migrations -run TestWhatEachRoleMay -update, if this is meant:\n%s", diff)
	}
}

// A login that is only the program's roles starts on what the owner has migrated, and
// cannot touch what keeps history.
func TestALoginThatOwnsNothing(t *testing.T) {
	t.Parallel()
	owner, super := pgtest.Superuser(t)
	if owner == super {
		t.Skip("the login is a superuser")
	}
	name := "plain_" + strings.TrimPrefix(filepath.Base(strings.Split(owner, "?")[0]), "portico_test_")
	pgtest.Exec(t, super, "create role "+name+" login", "grant portico_app, portico_append, portico_project, portico_api, portico_read to "+name)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), super)
		if err == nil {
			_, err = c.Exec(context.Background(), "drop role "+name)
			c.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	plain := strings.Replace(owner, "portico@", name+"@", 1)
	if done, err := migrations.Up(t.Context(), plain); err != nil || len(done) != 0 {
		t.Errorf("applied %v, %v", done, err)
	}
	for _, role := range []string{pg.AppRole, pg.AppendRole, pg.ProjectRole, pg.APIRole, pg.ReadRole} {
		pool, err := pg.Open(t.Context(), plain, pg.Options{Role: role})
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		for _, forbidden := range []string{
			"alter table es.events disable trigger all", "alter table es.events_1 owner to " + name, "alter table portico.api_keys disable row level security",
			"alter table portico.api_keys no force row level security", "drop policy of_tenant on portico.api_keys", "set role portico_owner", "set row_security = off; select * from portico.api_keys; select 1/0",
		} {
			if _, err := pool.Exec(t.Context(), forbidden); err == nil {
				t.Errorf("%s may %s", role, forbidden)
			}
		}
		pool.Close()
	}
}
