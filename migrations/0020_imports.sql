-- +goose Up
-- Imports that were asked for over HTTP: who asked, what is to be read how, and how far it is.
-- The log says what came of one (import.started, import.finished); this is what its job needs to
-- run, or to go on after a crash.
create table portico.imports (
    tenant     text not null,
    id         uuid not null,
    format     text not null,
    file_name  text not null,
    sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size       bigint not null check (size >= 0), -- bytes, as sent
    choices    jsonb not null, -- how the file is read
    columns    jsonb not null, -- what its first row names
    actor_kind text not null,
    actor_id   uuid not null,
    roles      text[] not null, -- that the asker had
    origin     jsonb not null,
    asked_at   timestamptz not null default clock_timestamp(),
    began_at   timestamptz,
    ended_at   timestamptz,
    rows       bigint not null default 0, -- 0 until the file was read once
    rows_done  bigint not null default 0,
    rejected   bigint not null default 0,
    moves      bigint not null default 0, -- how often any of this was written
    code       text not null default '',  -- why it has failed; '': it has not
    reason     text not null default '',
    report     jsonb,
    primary key (tenant, id)
);
create index imports_asked on portico.imports (tenant, asked_at, id);

-- Rows that could not be taken, as they stood in the file, until somebody has mended them:
-- they are forgotten after a time, since they may be about people.
create table portico.import_rejects (
    tenant   text not null,
    import   uuid not null,
    line     int not null,
    document text not null,
    code     text not null,
    reason   text not null,
    cells    jsonb not null,
    primary key (tenant, import, line)
);

-- +goose StatementBegin
do $$
begin
    if exists (select 1 from pg_roles where rolname = 'portico_app') then
        grant select, insert, update, delete on portico.imports, portico.import_rejects to portico_app;
    end if;
end $$;
-- +goose StatementEnd
