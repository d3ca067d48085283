-- +goose Up
-- What was said to whom by mail, whether a server took it or it stayed here (state kept).
-- The row is written before the mail is sent, so that another attempt sends the same.
create table portico.mails (
    id           uuid primary key, -- of the job that sends it
    message_id   text not null unique, -- without its brackets
    tenant       text not null,
    kind         text not null, -- the topic
    customer     uuid, -- whom it is about
    contact      uuid, -- whom it is for; null: staff
    sender       text not null,
    sender_name  text not null,
    reply_to     text not null,
    recipient    text not null,
    recipient_name text not null,
    language     text not null,
    subject      text not null,
    body_text    text not null,
    body_html    text not null,
    attachments  jsonb not null, -- names and hashes; the bytes are files
    state        text not null default 'queued' check (state in ('queued', 'sent', 'kept', 'bounced', 'suppressed', 'failed')),
    response     text not null default '', -- what the server said last
    attempts     int not null default 0,
    made_at      timestamptz not null default clock_timestamp(),
    sent_at      timestamptz,
    changed_at   timestamptz not null default clock_timestamp() -- of the state
) with (fillfactor = 85);
create index mails_listed on portico.mails (tenant, made_at desc, id desc);
create index mails_old on portico.mails (made_at);
create index mails_to on portico.mails (tenant, lower(recipient), made_at desc);
create index mails_of_customer on portico.mails (tenant, customer, made_at desc, id desc) where customer is not null;

-- What came back.
create table portico.mail_bounces (
    id      uuid primary key, -- derived from what came back: telling it again is nothing
    tenant  text not null,
    mail    uuid,
    address text not null, -- in lower case
    kind    text not null check (kind in ('hard', 'soft')),
    text    text not null,
    source  text not null check (source in ('smtp', 'report', 'api')),
    at      timestamptz not null default clock_timestamp()
);
create index mail_bounces_mail on portico.mail_bounces (mail, at) where mail is not null;
create index mail_bounces_at on portico.mail_bounces (at);

-- Addresses that nothing more is sent to, until a person lifts that.
create table portico.mail_blocks (
    tenant  text not null,
    address text not null, -- in lower case
    bounce  uuid not null, -- why
    text    text not null,
    at      timestamptz not null default clock_timestamp(),
    lifted_at timestamptz,
    lifted_by uuid,
    primary key (tenant, address)
);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.mails, portico.mail_bounces, portico.mail_blocks to portico_app;
  end if;
end $$;
-- +goose StatementEnd
