-- +goose Up
-- What Portico does in the world outside: a row for each mail, webhook call or document
-- (ENGINE §5). A feeder inserts the rows that follow from an event in the transaction that
-- moves its checkpoint; runners claim them, and do them outside any transaction.
create table portico.jobs (
    id          uuid primary key, -- derived from the cause: inserting it again is nothing
    tenant      text not null,
    kind        text collate "C" not null,
    state       text not null default 'queued' check (state in ('queued', 'running', 'done', 'dead', 'cancelled')),
    payload     bytea not null, -- exact bytes; people read convert_from(payload, 'UTF8')
    metadata    jsonb,          -- of a message that a publisher gave
    route       uuid not null,  -- the customer; the nil UUID: none
    pos_hi      numeric(20) not null,
    pos_lo      numeric(20) not null,
    correlation uuid not null,
    causation   uuid not null,
    due         timestamptz not null, -- not before then
    attempts    int not null default 0, -- that have begun and count
    deaths      int not null default 0, -- of processes, in a row, while they did it
    error       text,                   -- what the last attempt failed with
    owner       text,                   -- who does it, or did it last
    claim       uuid,                   -- of this attempt alone: fences whoever had it before
    expires     timestamptz,            -- of the claim
    made_at     timestamptz not null default clock_timestamp(),
    began_at    timestamptz,
    ended_at    timestamptz
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- What claims, leases and alarms look at stays small, however many are done.
create index jobs_queued on portico.jobs (kind, due) where state = 'queued';
create index jobs_running on portico.jobs (expires) where state = 'running';
create index jobs_dead on portico.jobs (made_at, id) where state = 'dead';
create index jobs_died on portico.jobs (ended_at) where state = 'dead';
create index jobs_suspect on portico.jobs (kind, due) where state = 'queued' and deaths > 0; -- done one at a time
create index jobs_made on portico.jobs (made_at, id);
create index jobs_route on portico.jobs (route, made_at, id) where route <> '00000000-0000-0000-0000-000000000000';

-- What people did about a job: who, when, why. It outlives the job.
create table portico.job_acts (
    no         bigint generated always as identity primary key,
    job        uuid not null,
    kind       text not null,
    act        text not null check (act in ('retry', 'cancel')),
    was        text not null, -- the state before
    actor_kind text not null,
    actor_id   uuid not null,
    channel    text not null,
    request_id text not null default '',
    reason     text not null default '',
    at         timestamptz not null default clock_timestamp()
);
create index job_acts_job on portico.job_acts (job);

-- Where the feeder first started. What happened before leads only to kinds of jobs that
-- say so: nobody gets mail about the past.
alter table portico.consumers add began_hi numeric(20), add began_lo numeric(20);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.jobs to portico_app;
    grant select, insert on portico.job_acts to portico_app;
  end if;
end $$;
-- +goose StatementEnd
