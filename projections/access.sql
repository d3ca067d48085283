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

create index contacts_at on {s}.contacts (tenant, lower(email)) where active;

create table {s}.staff_members (
    tenant      text not null,
    id          uuid not null,
    name        text not null,
    email       text not null,
    language    text not null,
    roles       jsonb not null,
    proposed    jsonb not null,
    proposed_by uuid,
    login_id    uuid,
    active      boolean not null,
    added_at    timestamptz not null,
    removed_at  timestamptz,
    erased      boolean not null,
    primary key (tenant, id)
);
create index staff_members_at on {s}.staff_members (tenant, lower(email)) where active;

create table {s}.invitations (
    tenant       text not null,
    id           uuid not null,
    kind         text not null,
    member_id    uuid not null,
    customer_id  uuid,
    email        text not null,
    status       text not null,
    sent         int not null,
    sent_at      timestamptz not null,
    expires_at   timestamptz not null,
    handed_over  boolean not null,
    preset       text not null,
    inviter_kind text not null,
    inviter_id   uuid not null,
    login_id     uuid,
    ended_at     timestamptz,
    refused      int not null,
    refused_why  text not null,
    primary key (tenant, id)
);
create index invitations_of_customer on {s}.invitations (tenant, customer_id, id) where customer_id is not null;
