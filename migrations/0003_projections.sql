-- +goose Up
-- Control of the projections (ENGINE §4). The read models themselves live in schemas of
-- their own, one for each build, which the program makes and drops.
create schema pj;
revoke all on schema pj from public;

-- A build is one set of a group's tables, folded from the log. A number is never used
-- twice, so that nobody who remembers an old schema reads another's tables.
create table pj.build (
    grp          text not null,
    build        int not null,
    code_version int not null,
    lanes        int not null check (lanes > 0),
    schema       text not null unique,
    state        text not null check (state in ('building', 'ready', 'active', 'retired', 'scratch', 'dropped')),
    deferred     text[] not null default '{}', -- indexes to make when the bulk is folded
    made_at      timestamptz not null default clock_timestamp(),
    changed_at   timestamptz not null default clock_timestamp(), -- of state
    primary key (grp, build)
);

-- Which build the queries of a program of that code version read.
create table pj.active (
    grp          text not null,
    code_version int not null,
    build        int not null,
    since        timestamptz not null default clock_timestamp(),
    primary key (grp, code_version),
    foreign key (grp, build) references pj.build
);

-- A lane is the part of a build's routes that moves on in one transaction. hi and lo are
-- how far: they change only by compare-and-set, in the transaction that changes the rows.
-- The lease saves work; epoch fences whoever had it before.
create table pj.lane (
    grp       text not null,
    build     int not null,
    lane      int not null,
    lanes     int not null,
    hi        numeric(20) not null default 0,
    lo        numeric(20) not null default 0,
    event_at  timestamptz, -- when the last event passed was committed
    owner     text,
    epoch     bigint not null default 0,
    expires   timestamptz,
    trying_hi numeric(20),
    trying_lo numeric(20),
    attempts  int not null default 0,
    primary key (grp, build, lane),
    foreign key (grp, build) references pj.build
) with (fillfactor = 20);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant usage on schema pj to portico_app;
    grant select, insert, update, delete on pj.build, pj.active, pj.lane to portico_app;
  end if;
end $$;
-- +goose StatementEnd
