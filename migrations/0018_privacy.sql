-- +goose Up
-- Erasing a person's data (SECURITY §3). History says what was requested and done; these
-- rows are how every process comes to know of it in time.

-- Whose data are about to be erased, or were. A row comes before the request is in the
-- log, so that no key that some process still has in memory outlives the request.
create table portico.erasures (
    tenant    text not null,
    subject   uuid not null,
    asked_at  timestamptz not null default clock_timestamp(),
    gone_at   timestamptz, -- the keys were destroyed
    ended_at  timestamptz, -- all that was derived is gone, and history says so
    primary key (tenant, subject)
);
create index erasures_asked on portico.erasures (asked_at);
create index erasures_open on portico.erasures (asked_at) where ended_at is null;

-- The key-encryption keys under which data keys are wrapped: newer ones, so that copies of
-- the database are of no use once the older are destroyed.
create table portico.kek_epochs (
    epoch        int primary key check (epoch > 0),
    made_at      timestamptz not null default clock_timestamp(),
    emptied_at   timestamptz, -- no live key was wrapped under it any more
    destroyed_at timestamptz
);

create index subject_keys_epoch on portico.subject_keys (kek_epoch) where state = 'live';

-- +goose StatementBegin
create function portico.erased_for_good() returns trigger language plpgsql as $$
begin
  raise exception 'an erased key is never given back' using errcode = 'insufficient_privilege';
end $$;
-- +goose StatementEnd
create trigger erased_for_good before update on portico.subject_keys
  for each row when (old.state = 'erased' and new.state <> 'erased') execute function portico.erased_for_good();

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.erasures to portico_app;
    grant select, insert, update on portico.kek_epochs to portico_app;
  end if;
end $$;
-- +goose StatementEnd
