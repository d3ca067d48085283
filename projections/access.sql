-- Who may come in, and as whom.

create table {s}.contacts (
    tenant      text not null,
    id          uuid not null,
    customer_id uuid not null,
    name        text not null,
    email       text not null,
    phone       text not null,
    is_primary  boolean not null,
    language    text not null,
    active      boolean not null,
    added_at    timestamptz not null,
    removed_at  timestamptz,
    grants      jsonb not null,
    login_id    uuid,
    erased      boolean not null,
    keys        jsonb not null,
    primary key (tenant, id)
);
create index contacts_of_customer on {s}.contacts (tenant, customer_id, id);

create table {s}.api_keys (
    tenant      text not null,
    id          uuid not null,
    name        text not null,
    role        text not null,
    contact_id  uuid,
    customer_id uuid,
    issued_at   timestamptz not null,
    revoked_at  timestamptz,
    primary key (tenant, id)
);

create table {s}.webhooks (
    tenant        text not null,
    id            uuid not null,
    url           text not null,
    description   text not null,
    types         text not null,
    customer_id   uuid,
    status        text not null,
    why           text not null,
    failing_since timestamptz,
    old_until     timestamptz,
    registered_at timestamptz not null,
    changed_at    timestamptz not null,
    since_hi      numeric(20) not null,
    since_lo      numeric(20) not null,
    primary key (tenant, id)
);
