-- +goose Up
-- The journal: what people did that changed nothing, or was refused. It has the guarantees
-- of es.events (0001): numbers without gaps in the order of commits, time that never runs
-- backwards, and nobody changes or removes a record, not even the owner of the table. The
-- six things that PCI DSS v4 10.2.2 asks of a record are not null: who (actor_kind, actor),
-- what (kind), when (at), with which outcome, from where (channel, node), about what
-- (target_kind).

create schema journal;
revoke all on schema journal from public;

-- One row. Its lock is the order of the journal, as es.head is of the log.
create table journal.head (
  one bool primary key default true check (one),
  no  bigint not null,
  at  timestamptz not null
) with (fillfactor = 10);
insert into journal.head (no, at) values (0, 'epoch');

create table journal.settings (
  one            bool primary key default true check (one),
  partition_size bigint not null check (partition_size > 0)
);
insert into journal.settings (partition_size) values (10000000);

-- journal.records_<part> holds first_no to last_no.
create table journal.partitions (
  part     int primary key,
  first_no bigint not null,
  last_no  bigint not null check (last_no >= first_no)
);

-- Numbers are of all tenants together: a gap shows that something is missing, whosever it
-- was. Address and agent are personal data, sealed under the key of subject.
create table journal.records (
  no           bigint primary key,
  at           timestamptz not null,
  tenant       text not null check (tenant <> ''),
  id           uuid not null,
  kind         text not null check (kind ~ '^[a-z_]+([.][a-z_]+)*$'),
  outcome      text not null check (outcome in ('success', 'failure', 'denied')),
  actor_kind   text not null check (actor_kind <> ''),
  actor        uuid not null, -- all zeros: anonymous
  impersonator uuid,
  session      uuid,
  login        uuid,
  channel      text not null check (channel <> ''),
  node         text not null check (node <> ''),
  request_id   text not null,
  subject      uuid, -- whose key opens address and agent; null: there is nothing to open
  ip           text not null check (ip = '' or subject is not null),
  agent        text not null check (agent = '' or subject is not null),
  target_kind  text not null check (target_kind <> ''),
  target       uuid,
  customer     uuid,
  detail       jsonb not null check (jsonb_typeof(detail) = 'object')
) partition by range (no);
create index records_tenant on journal.records (tenant, no);
create index records_actor on journal.records (tenant, actor, no);
create index records_login on journal.records (tenant, login, no) where login is not null;
create index records_customer on journal.records (tenant, customer, no) where customer is not null;
create index records_target on journal.records (tenant, target, no) where target is not null;
create index records_impersonator on journal.records (tenant, impersonator, no) where impersonator is not null;
create index records_runs on journal.records (target) where kind in ('log.started', 'log.stopped', 'log.interrupted');

create trigger append_only_rows before update or delete on journal.records
  for each row execute function es.refuse();
create trigger append_only_truncate before truncate on journal.records
  for each statement execute function es.refuse();
create trigger append_only_rows before delete on journal.head
  for each row execute function es.refuse();
create trigger append_only_truncate before truncate on journal.head
  for each statement execute function es.refuse();

-- Makes partitions until they reach a number. Its caller holds the head.
-- +goose StatementBegin
create function journal.make_room(until bigint) returns void
language plpgsql security definer
set search_path = pg_catalog, journal, es, pg_temp as $$
declare size bigint; have bigint; made int; part_name text;
begin
  select s.partition_size into strict size from journal.settings s where s.one;
  select coalesce(max(p.last_no), 0), coalesce(max(p.part), 0) into have, made from journal.partitions p;
  while have < until loop
    made := made + 1;
    part_name := 'records_' || made;
    execute format('create table journal.%I (like journal.records including defaults including constraints including storage)', part_name);
    execute format('create trigger append_only_truncate before truncate on journal.%I for each statement execute function es.refuse()', part_name);
    execute format('alter table journal.records attach partition journal.%I for values from (%s) to (%s)', part_name, have + 1, have + size + 1);
    insert into journal.partitions (part, first_no, last_no) values (made, have + 1, have + size);
    have := have + size;
  end loop;
end $$;
-- +goose StatementEnd

-- Keeps a batch of records, and answers the number of the last. The arrays are all of one
-- length.
-- +goose StatementBegin
create function journal.append(
  r_tenant text[], r_id uuid[], r_kind text[], r_outcome text[],
  r_actor_kind text[], r_actor uuid[], r_impersonator uuid[], r_session uuid[], r_login uuid[],
  r_channel text[], r_node text[], r_request_id text[], r_subject uuid[], r_ip text[], r_agent text[],
  r_target_kind text[], r_target uuid[], r_customer uuid[], r_detail text[])
returns bigint
language plpgsql security definer
set search_path = pg_catalog, journal, pg_temp
set lock_timeout = '3s'
set plan_cache_mode = force_generic_plan
set jit = off as $$
declare n int := cardinality(r_id); hd bigint; ts timestamptz;
begin
  update journal.head h set no = h.no + n, at = greatest(h.at, clock_timestamp()) where h.one
    returning h.no - n, h.at into strict hd, ts;
  if hd + n > (select coalesce(max(p.last_no), 0) from journal.partitions p) then
    perform journal.make_room(hd + n);
  end if;
  insert into journal.records (no, at, tenant, id, kind, outcome, actor_kind, actor, impersonator, session, login,
      channel, node, request_id, subject, ip, agent, target_kind, target, customer, detail)
    select hd + r.i, ts, r.tenant, r.id, r.kind, r.outcome, r.actor_kind, r.actor, r.impersonator, r.session, r.login,
      r.channel, r.node, r.request_id, r.subject, r.ip, r.agent, r.target_kind, r.target, r.customer, r.detail::jsonb
    from unnest(r_tenant, r_id, r_kind, r_outcome, r_actor_kind, r_actor, r_impersonator, r_session, r_login,
      r_channel, r_node, r_request_id, r_subject, r_ip, r_agent, r_target_kind, r_target, r_customer, r_detail)
      with ordinality r(tenant, id, kind, outcome, actor_kind, actor, impersonator, session, login,
        channel, node, request_id, subject, ip, agent, target_kind, target, customer, detail, i);
  return hd + n;
end $$;
-- +goose StatementEnd

-- The number of the first record at or after an instant, found by halves: time never runs
-- backwards along numbers. Past the last record: the number that comes next.
-- +goose StatementBegin
create function journal.first_at(instant timestamptz) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, journal, pg_temp as $$
declare low bigint := 1; high bigint; mid bigint;
begin
  select h.no + 1 into strict high from journal.head h where h.one;
  while low < high loop
    mid := (low + high) / 2;
    if (select r.at from journal.records r where r.no = mid) < instant then
      low := mid + 1;
    else
      high := mid;
    end if;
  end loop;
  return low;
end $$;
-- +goose StatementEnd

revoke all on function journal.first_at(timestamptz) from public;
revoke all on function journal.make_room(bigint) from public;
revoke all on function journal.append(text[], uuid[], text[], text[], text[], uuid[], uuid[], uuid[], uuid[],
  text[], text[], text[], uuid[], text[], text[], text[], uuid[], uuid[], text[]) from public;

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant usage on schema journal to portico_app;
    grant select on journal.head, journal.settings, journal.partitions, journal.records to portico_app;
    grant execute on function journal.first_at(timestamptz) to portico_app;
    grant execute on function journal.append(text[], uuid[], text[], text[], text[], uuid[], uuid[], uuid[], uuid[],
      text[], text[], text[], uuid[], text[], text[], text[], uuid[], uuid[], text[]) to portico_app;
  end if;
end $$;
-- +goose StatementEnd
