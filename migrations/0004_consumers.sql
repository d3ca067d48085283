-- +goose Up
-- Named consumers of the log that are not projections: policies, later jobs and
-- publishers. low is the position up to which everything was handled; emitted is the
-- furthest position that handling has appended (ENGINE §5).
create table portico.consumers (
    name       text primary key,
    low_hi     numeric(20) not null default 0,
    low_lo     numeric(20) not null default 0,
    emitted_hi numeric(20) not null default 0,
    emitted_lo numeric(20) not null default 0,
    owner      text,
    epoch      bigint not null default 0,
    expires    timestamptz
);

-- What a policy asked for and an aggregate refused: somebody has to look at it.
create table portico.policy_refusals (
    consumer  text not null,
    event_id  uuid not null,
    stream    text not null,
    pos       text not null,
    code      text not null,
    message   text not null,
    at        timestamptz not null default now(),
    primary key (consumer, event_id)
);

-- +goose StatementBegin
do $$
begin
    if exists (select 1 from pg_roles where rolname = 'portico_app') then
        grant select, insert, update on portico.consumers to portico_app;
        grant select, insert on portico.policy_refusals to portico_app;
    end if;
end $$;
-- +goose StatementEnd
