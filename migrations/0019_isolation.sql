-- +goose Up
-- Whose rows may show to whom (ADR 0013). Requests run as roles to which a table shows the
-- rows of one tenant only, and nothing runs as the owner of the tables.

-- The tenants that there are. A row comes before the tenant's first event; both tables can
-- be made again from the log: portico tenant list does so if they are empty.
create table portico.tenants (
    tenant     text primary key,
    claimed_at timestamptz not null default clock_timestamp()
);
insert into portico.tenants (tenant)
    select distinct split_part(s.name, '.', 1) from es.streams s where s.name like '%.tenant-%';

-- Whose portal is at a host name. A name is claimed here before it is in history, so that
-- no two tenants get it.
create table portico.hosts (
    host       text primary key check (host <> '' and host = lower(host)),
    tenant     text not null,
    claimed_at timestamptz not null default clock_timestamp()
);
create index hosts_of on portico.hosts (tenant);

-- Both of these showed no tenant so far. An older program leaves the first one empty.
alter table portico.job_acts add tenant text;
update portico.job_acts a set tenant = j.tenant from portico.jobs j where j.id = a.job;
alter table portico.policy_refusals add tenant text generated always as (split_part(stream, '.', 1)) stored;

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, delete on portico.tenants, portico.hosts to portico_app;
  end if;
end $$;
-- +goose StatementEnd

-- What the policies compare with. Where nothing was set it is null, and no row's.
-- +goose StatementBegin
create function pj.isolate(build name) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare t record;
begin
  if 3 > (select count(*) from pg_roles where rolname in ('portico_project', 'portico_api', 'portico_read')) then
    return; -- without the roles there is nobody to show less to
  end if;
  execute format('grant usage on schema %I to portico_api, portico_read', build);
  for t in
    select c.oid::regclass as name, c.relrowsecurity as done,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped) as of_tenants
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = build and c.relkind in ('r', 'p')
  loop
    execute format('grant select on %s to portico_api, portico_read', t.name);
    -- Not forced: its owner folds the rows of all tenants, by COPY, which no policy lets through.
    if t.of_tenants and not t.done then
      execute format('create policy of_tenant on %s for select to portico_api, portico_read using (tenant = nullif(current_setting(''portico.tenant'', true), ''''))', t.name);
      execute format('alter table %s enable row level security', t.name);
    end if;
  end loop;
end $$;
-- +goose StatementEnd
revoke all on function pj.isolate(name) from public;

-- Makes the roles, if that is permitted, and tells whether all are there.
-- +goose StatementBegin
create function portico.make_roles() returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
declare role text; roles text[] := '{portico_app,portico_owner,portico_append,portico_project,portico_api,portico_read,portico_audit}';
begin
  foreach role in array roles loop
    if not exists (select from pg_roles where rolname = role) then
      begin
        execute format('create role %I nologin', role);
      exception
        when duplicate_object or unique_violation then null; -- another database's migration was first
        when insufficient_privilege then
          raise notice 'role % does not exist and % may not create it: requests are kept apart by the program alone (docs/isolation.md)', role, current_user;
          return false;
      end;
    end if;
    if role <> 'portico_audit' and not pg_has_role(current_user, role, 'usage') then
      begin
        execute format('grant %I to %I', role, current_user);
      exception when insufficient_privilege then null; -- perhaps this login is not the one that runs the program
      end;
    end if;
  end loop;
  -- The program before this one runs as portico_app, and folds the same read models.
  if not pg_has_role('portico_app', 'portico_project', 'usage') then
    begin
      grant portico_project to portico_app;
    exception when insufficient_privilege then
      raise notice 'let an administrator run: grant portico_project to portico_app';
    end;
  end if;
  return pg_has_role(current_user, 'portico_owner', 'usage');
end $$;
-- +goose StatementEnd
revoke all on function portico.make_roles() from public;

-- Hands what the migrating login has made to portico_owner.
-- +goose StatementBegin
create procedure portico.hand_over() language plpgsql as $$
declare t record; things text[]; thing text;
begin
  if not has_database_privilege('portico_project', current_database(), 'create') then
    execute format('grant create on database %I to portico_owner, portico_project', current_database());
  end if;
  for t in select nspname from pg_namespace where nspname in ('es', 'pj', 'portico', 'journal') and nspowner = current_user::regrole loop
    execute format('alter schema %I owner to portico_owner', t.nspname);
  end loop;
  -- In the order in which an append takes its locks; each on its own, so that nobody waits for long.
  select array_agg(c.oid::regclass::text order by n.nspname <> 'es', c.relname <> 'head', c.relname <> 'streams', c.oid) into things
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('es', 'pj', 'portico', 'journal') and c.relkind in ('r', 'p', 'v') and c.relowner = current_user::regrole;
  foreach thing in array coalesce(things, '{}') loop
    execute format('alter table %s owner to portico_owner', thing);
    commit;
  end loop;
  select array_agg(f.oid::regprocedure::text) into things from pg_proc f join pg_namespace n on n.oid = f.pronamespace
    where n.nspname in ('es', 'pj', 'portico', 'journal') and f.proowner = current_user::regrole;
  foreach thing in array coalesce(things, '{}') loop
    execute format('alter routine %s owner to portico_owner', thing);
  end loop;
  commit;
end $$;
-- +goose StatementEnd
revoke all on procedure portico.hand_over() from public;

-- What each role may do with the log, once; and with tables as they come to be: requests
-- may do with one what portico_app may, with the rows of their tenant.
-- +goose StatementBegin
create procedure portico.grant_rights() language plpgsql as $$
declare t record;
begin
  if not has_schema_privilege('portico_audit', 'es', 'usage') then
    grant usage on schema es to portico_append, portico_api, portico_audit;
    grant select on es.head, es.streams, es.events, es.settings, es.partitions, es.restore to portico_append, portico_audit;
    grant select on es.archives to portico_audit;
    grant select on es.streams to portico_api; -- versions: what a right depends on has not moved
    grant execute on function es.append(text[], bigint[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) to portico_append;
    grant execute on function es.append_one(text, bigint, uuid[], text[], bytea[], bytea[]) to portico_append;
    grant execute on function es.append_many(text[], bigint[], int[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) to portico_append;
    grant execute on function es.ensure_partitions(bigint) to portico_append;
    grant execute on function es.read_stream(text, bigint, int) to portico_append, portico_audit;
    grant usage on schema pj to portico_project;
    grant usage on schema portico to portico_api;
    grant execute on function pj.isolate(name) to portico_project;
    grant select on public.goose_db_version to portico_app; -- that nothing is left to migrate
  end if;
  if to_regnamespace('journal') is not null and not has_schema_privilege('portico_audit', 'journal', 'usage') then
    grant usage on schema journal to portico_api, portico_audit;
  end if;
  for t in
    select c.oid::regclass as name, w.role, p.privilege from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join (values ('portico', 'portico_api'), ('journal', 'portico_api'), ('journal', 'portico_audit'), ('pj', 'portico_project')) w(schema, role) on w.schema = n.nspname,
      unnest('{select,insert,update,delete}'::text[]) p(privilege)
    where c.relkind in ('r', 'p', 'v') and not c.relispartition and c.relname not in ('consumers', 'policy_refusals', 'tenants', 'hosts')
      and (w.role <> 'portico_audit' or p.privilege = 'select')
      and has_table_privilege('portico_app', c.oid, p.privilege) and not has_table_privilege(w.role, c.oid, p.privilege)
  loop
    execute format('grant %s on %s to %I', t.privilege, t.name, t.role);
  end loop;
  for t in
    select f.oid::regprocedure as name from pg_proc f join pg_namespace n on n.oid = f.pronamespace
    where n.nspname in ('portico', 'journal') and has_function_privilege('portico_app', f.oid, 'execute') and not has_function_privilege('portico_api', f.oid, 'execute')
  loop
    execute format('grant execute on routine %s to portico_api', t.name);
  end loop;
  commit;
end $$;
-- +goose StatementEnd
revoke all on procedure portico.grant_rights() from public;

-- Row level security on every table that has a tenant, each in a transaction of its own.
-- +goose StatementBegin
create procedure portico.force_policies() language plpgsql as $$
declare things text[]; thing text; b record;
begin
  select array_agg(c.oid::regclass::text order by c.oid) into things
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
    where n.nspname in ('portico', 'journal') and c.relkind in ('r', 'p') and not c.relispartition and not (c.relrowsecurity and c.relforcerowsecurity);
  foreach thing in array coalesce(things, '{}') loop
    -- Policies first: without any, nothing shows to anybody.
    execute format('create policy of_tenant on %s to portico_api, portico_read using (tenant = nullif(current_setting(''portico.tenant'', true), ''''))', thing);
    execute format('create policy of_all on %s to portico_owner, portico_app using (true)', thing);
    execute format('create policy of_auditors on %s for select to portico_audit using (true)', thing);
    execute format('alter table %s enable row level security, force row level security', thing);
    commit;
  end loop;
  -- Builds from before there was a role that folds them.
  for b in select p.schema, array(select c.oid::regclass::text from pg_class c where c.relnamespace = n.oid and c.relkind in ('r', 'p')) as tables
    from pj.build p join pg_namespace n on n.nspname = p.schema where n.nspowner = 'portico_app'::regrole
  loop
    execute format('alter schema %I owner to portico_project', b.schema);
    foreach thing in array b.tables loop
      execute format('alter table %s owner to portico_project', thing);
    end loop;
    perform pj.isolate(b.schema);
  end loop;
  commit;
end $$;
-- +goose StatementEnd
revoke all on procedure portico.force_policies() from public;

-- Is called after each migration, and does what is not done yet: also with tables that
-- later migrations make.
-- +goose StatementBegin
create procedure portico.isolate() language plpgsql as $$
begin
  if not portico.make_roles() then
    return;
  end if;
  call portico.hand_over();
  call portico.grant_rights();
  call portico.force_policies();
end $$;
-- +goose StatementEnd
revoke all on procedure portico.isolate() from public;
