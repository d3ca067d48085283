-- +goose Up
-- What webhooks need and history must not hold: secrets, and what was sent when (ADR 0010).

-- A webhook's secrets, each sealed under the webhook's own data key (subject_keys), which is
-- wrapped under the key that is not in the database. A removed webhook has none.
create table portico.webhook_secrets (
    tenant      text not null,
    webhook_id  uuid not null,
    secret_no   int not null check (secret_no > 0),
    key_no      int not null,
    sealed      bytea not null,
    command_id  uuid not null,   -- that gave it out: repeated before its first use, it gives out another
    created_at  timestamptz not null,
    valid_until timestamptz,     -- null: the current one
    used_at     timestamptz,     -- first signed with
    primary key (tenant, webhook_id, secret_no)
);

-- How a webhook does: since when it fails, and until when it is left alone.
create table portico.webhook_health (
    tenant        text not null,
    webhook_id    uuid not null,
    failures      int not null default 0, -- in a row
    failing_since timestamptz,
    rest_until    timestamptz,
    primary key (tenant, webhook_id)
);

-- What was sent when, for 30 days. A row is an attempt; message_id is the webhook-id that the
-- receiver saw, the same in all attempts at telling it of an event.
create table portico.webhook_deliveries (
    id         uuid primary key,
    tenant     text not null,
    webhook_id uuid not null,
    message_id text not null,
    event_id   uuid not null,
    event_type text not null,
    stream     text not null,    -- where the event is, to send it again; empty for a test
    version    bigint not null,
    job_id     uuid not null,
    attempt    int not null,
    at         timestamptz not null,
    outcome    text not null check (outcome in ('delivered', 'failed', 'skipped')),
    status     int,              -- of the answer, if there was one
    ms         int not null,
    error      text not null,
    response   text not null,    -- its beginning
    asked_by   uuid              -- who asked for it to be sent again, or for the test
);
create index webhook_deliveries_of on portico.webhook_deliveries (tenant, webhook_id, at desc, id desc);
create index webhook_deliveries_newest on portico.webhook_deliveries (tenant, at desc, id desc);
create index webhook_deliveries_message on portico.webhook_deliveries (tenant, webhook_id, message_id);
create index webhook_deliveries_age on portico.webhook_deliveries (at);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.webhook_secrets, portico.webhook_health, portico.webhook_deliveries to portico_app;
  end if;
end $$;
-- +goose StatementEnd
