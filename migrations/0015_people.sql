-- +goose Up
-- How people come in for the first time. History says who was invited, by whom and when; the
-- links themselves are nowhere: each is made of its invitation's id under the tenant's own key
-- when it is mailed or handed over, and is known again by its hash.

-- A row for each sending of an invitation whose link was given out.
create table portico.invitation_tokens (
    tenant        text not null,
    hash          bytea not null,     -- SHA-256 of the 32 bytes in the link
    invitation    uuid not null,
    no            int not null,       -- which sending
    mail          uuid not null,      -- in which the link is, if it is mailed
    made_at       timestamptz not null,
    expires_at    timestamptz not null,
    expired       boolean not null default false, -- history says so
    claimed_by    uuid,               -- the exchange that is accepting it now
    claimed_until timestamptz,
    primary key (tenant, hash),
    unique (tenant, invitation, no),
    unique (tenant, mail)
);
create index invitation_tokens_due on portico.invitation_tokens (expires_at) where not expired;

-- What a link was exchanged for: a few minutes to prove the mailbox and to register.
create table portico.invitation_exchanges (
    tenant      text not null,
    hash        bytea not null,       -- SHA-256 of 32 random bytes
    id          uuid not null,        -- of the mail with the code, which is made of it
    invitation  uuid not null,
    no          int not null,
    made_at     timestamptz not null,
    expires_at  timestamptz not null,
    code_until  timestamptz,          -- null: none is needed, the link was handed over
    tries       int not null default 0,
    proven_at   timestamptz,          -- the code was given
    primary key (tenant, hash),
    unique (tenant, id)
);
create index invitation_exchanges_of on portico.invitation_exchanges (tenant, invitation, made_at);
create index invitation_exchanges_old on portico.invitation_exchanges (expires_at);

-- The code by which the first owner comes in, while there is none.
create table portico.setup_codes (
    tenant  text not null primary key,
    hash    bytea not null,           -- SHA-256 of 32 random bytes
    made_at timestamptz not null,
    tries   int not null default 0
);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.invitation_tokens, portico.invitation_exchanges, portico.setup_codes to portico_app;
  end if;
end $$;
-- +goose StatementEnd
