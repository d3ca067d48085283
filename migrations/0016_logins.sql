-- +goose Up
-- What people sign in with. History says that it was set, by whom and when; the secrets
-- themselves are here, none of them in clear: hashes, or sealed under the login's own data key.

-- A row for each login, and when it was last used (PCI DSS 8.2.6).
create table portico.logins (
    tenant       text not null,
    login        uuid not null,
    realm        text not null check (realm in ('contact', 'staff')),
    made_at      timestamptz not null,
    signed_in_at timestamptz,
    membership   uuid,            -- that it was last signed in as
    primary key (tenant, login)
);

create table portico.login_passwords (
    tenant   text not null,
    login    uuid not null,
    encoded  text not null,       -- argon2id, with its parameters
    previous text[] not null default '{}', -- those before, newest first (8.3.7)
    set_at   timestamptz not null,
    primary key (tenant, login)
);

-- Wrong passwords since the last right one (8.3.4). subject is the login, or what stands for a
-- name that is nobody's. device is the hash of a trusted device's token; empty: any other.
create table portico.login_tries (
    tenant       text not null,
    subject      uuid not null,
    device       bytea not null,
    wrong        int not null,
    locked_until timestamptz,
    at           timestamptz not null,
    primary key (tenant, subject, device)
);
create index login_tries_old on portico.login_tries (at);

-- Devices that a login has signed in on: strangers who guess do not lock these out.
create table portico.login_devices (
    tenant  text not null,
    login   uuid not null,
    hash    bytea not null,       -- SHA-256 of 32 random bytes
    used_at timestamptz not null,
    primary key (tenant, login, hash)
);
create index login_devices_old on portico.login_devices (used_at);

create table portico.login_totp (
    tenant    text not null,
    login     uuid not null,
    factor    uuid not null,
    key_no    int not null,
    sealed    bytea not null,
    last_step bigint not null default 0, -- whose code was used: none is used twice (8.5.1)
    made_at   timestamptz not null,
    enrolled  boolean not null default false, -- a first code was given
    primary key (tenant, login, factor)
);

create table portico.login_passkeys (
    tenant     text not null,
    login      uuid not null,
    factor     uuid not null,
    credential bytea not null,    -- its id
    record     jsonb not null,    -- public key, counter, flags
    made_at    timestamptz not null,
    used_at    timestamptz,
    primary key (tenant, login, factor),
    unique (tenant, credential)
);

create table portico.login_recovery (
    tenant  text not null,
    login   uuid not null,
    hash    bytea not null,       -- SHA-256 of 10 random bytes and the login
    used_at timestamptz,
    primary key (tenant, login, hash)
);

-- What was mailed to be given back once.
create table portico.login_tokens (
    tenant     text not null,
    hash       bytea not null,    -- SHA-256 of 32 random bytes
    purpose    text not null check (purpose in ('reset', 'link', 'email', 'undo')),
    login      uuid not null,
    about      uuid not null,     -- the change of e-mail; else the nil UUID
    made_at    timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    primary key (tenant, hash)
);
create index login_tokens_of on portico.login_tokens (tenant, login, purpose, made_at);
create index login_tokens_old on portico.login_tokens (expires_at);

-- What was begun in a browser and is to be finished there: passkeys, another provider.
create table portico.login_challenges (
    tenant     text not null,
    hash       bytea not null,    -- SHA-256 of 32 random bytes
    purpose    text not null check (purpose in ('passkey', 'enrol', 'confirm', 'oidc')),
    login      uuid,
    state      jsonb not null,
    expires_at timestamptz not null,
    primary key (tenant, hash)
);
create index login_challenges_old on portico.login_challenges (expires_at);

-- Token buckets that all nodes share: name is a keyed hash of what is limited and of whom.
create table portico.login_buckets (
    tenant  text not null,
    name    bytea not null,
    full_at timestamptz not null, -- when it is full again
    primary key (tenant, name)
) with (fillfactor = 70);
create index login_buckets_old on portico.login_buckets (full_at);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.logins, portico.login_passwords, portico.login_tries, portico.login_devices,
      portico.login_totp, portico.login_passkeys, portico.login_recovery, portico.login_tokens, portico.login_challenges,
      portico.login_buckets to portico_app;
  end if;
end $$;
-- +goose StatementEnd
