-- +goose Up
-- What a projection does about an event that it cannot apply, and how processes share the
-- lanes of a build (ENGINE §4).

-- A customer of whom an event cannot be applied is parked: its rows stay as they are, its
-- later events are held back, everybody else goes on. All goes with the lane's row when
-- the build is dropped.
create table pj.parked (
    grp      text not null,
    build    int not null,
    lane     int not null,
    tenant   text not null,
    route    uuid not null,        -- the customer; the nil UUID: what belongs to no customer
    hi       numeric(20) not null, -- of the event that cannot be applied
    lo       numeric(20) not null,
    event_id uuid not null,
    stream   text collate "C" not null,
    version  bigint not null,
    type     text not null,
    error    text not null,
    deaths   int not null default 0, -- of processes, if that is what it does
    at       timestamptz not null default clock_timestamp(),
    retry    boolean not null default false, -- somebody asked for it
    tried    bigint,                         -- by whom: the epoch of the lane
    primary key (grp, build, tenant, route),
    foreign key (grp, build, lane) references pj.lane on delete cascade
);

-- Where the events of a parked customer are, from the one that cannot be applied on.
create table pj.held (
    grp     text not null,
    build   int not null,
    tenant  text not null,
    route   uuid not null,
    hi      numeric(20) not null,
    lo      numeric(20) not null,
    stream  text collate "C" not null,
    version bigint not null,
    primary key (grp, build, tenant, route, hi, lo),
    foreign key (grp, build, tenant, route) references pj.parked on delete cascade
);

-- Who follows a build. Each takes no more than its share of the lanes.
create table pj.follower (
    grp     text not null,
    build   int not null,
    owner   text not null,
    expires timestamptz not null,
    primary key (grp, build, owner)
);

-- Undoes the transaction of whoever has lost the lane: n is how many it still had.
-- +goose StatementBegin
create function pj.ours(n bigint) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if n = 0 then
    raise exception 'another process has taken the lane over' using errcode = 'PJ001';
  end if;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on pj.parked, pj.held, pj.follower to portico_app;
    grant update, delete on portico.policy_refusals to portico_app; -- what was refused can be tried again
  end if;
end $$;
-- +goose StatementEnd
