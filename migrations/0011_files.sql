-- +goose Up
-- Who has handed in which bytes. A command may name a file only if its own tenant is here
-- with it: knowing a SHA-256 is no right to the bytes. Insert-only. Names of files are
-- personal data, and are not kept here.
create table portico.files (
    tenant     text not null,
    sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint not null check (size >= 0), -- bytes
    media_type text not null,                     -- as found in the bytes
    actor_kind text not null,
    actor_id   uuid not null,
    made_at    timestamptz not null default clock_timestamp(),
    primary key (tenant, sha256, actor_kind, actor_id)
);

-- +goose StatementBegin
do $$
begin
    if exists (select 1 from pg_roles where rolname = 'portico_app') then
        grant select, insert on portico.files to portico_app;
    end if;
end $$;
-- +goose StatementEnd
