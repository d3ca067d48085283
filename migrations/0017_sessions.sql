-- +goose Up
-- Who is signed in. A session is found by the SHA-256 of its token: the token itself, 32
-- random bytes, is in its owner's cookie and nowhere else. What ends is deleted; that it
-- began and ended is in the journal.
create table portico.sessions (
    tenant       text not null,
    id           uuid not null,
    login        uuid not null,     -- the human
    realm        text not null check (realm in ('contact', 'staff')),
    membership   uuid not null,     -- the contact or the staff member
    hash         bytea not null check (octet_length(hash) = 32),
    stage        text not null check (stage in ('full', 'second_factor', 'enrol', 'password')),
    factors      text[] not null,   -- what was shown: password, totp, passkey, recovery, link, oidc
    credentials  bigint not null,   -- how often the login's had changed by then: behind history's count, it is over
    began_at     timestamptz not null,
    used_at      timestamptz not null,     -- to the minute; asking in the background is no use
    confirmed_at timestamptz not null,     -- when a factor was shown last
    expires_at   timestamptz not null,     -- however much it is used
    device       text not null,     -- such as Firefox on Windows
    network      text not null,     -- the address, its end cut off; empty: not known
    impersonator uuid,              -- the staff member who sees the portal as the contact
    parent       uuid,              -- the staff session that this goes back to
    reason       text not null default '', -- why the portal is seen as the contact
    primary key (tenant, id),
    check ((impersonator is null) = (parent is null))
) with (fillfactor = 80);
create unique index sessions_hash on portico.sessions (hash);
create index sessions_login on portico.sessions (tenant, login);
create index sessions_parent on portico.sessions (tenant, parent) where parent is not null;
create index sessions_old on portico.sessions (expires_at);

-- +goose StatementBegin
do $$
begin
  if exists (select 1 from pg_roles where rolname = 'portico_app') then
    grant select, insert, update, delete on portico.sessions to portico_app;
  end if;
end $$;
-- +goose StatementEnd
