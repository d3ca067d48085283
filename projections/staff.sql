-- What only staff see: everyone's totals, and what is nobody's yet. Amounts are in minor
-- units of the row's currency.

create table {s}.customers (
    tenant      text not null,
    id          uuid not null,
    number      text not null,
    name        text not null,
    sort_name   text collate "C" not null,
    search      text not null,
    kind        text not null,
    country     text not null,
    status      text not null,
    parent_id   uuid,
    primary key (tenant, id)
);
create index customers_by_name on {s}.customers (tenant, sort_name, id);
create index customers_by_number on {s}.customers (tenant, number);

-- open - unapplied = invoiced + charged - credited - received + refunded - written_off - transferred
create table {s}.customer_totals (
    tenant       text not null,
    customer_id  uuid not null,
    currency     text not null,
    invoices     bigint not null,
    credit_memos bigint not null,
    payments     bigint not null,
    invoiced     bigint not null,
    charged      bigint not null,
    credited     bigint not null,
    received     bigint not null,
    refunded     bigint not null,
    written_off  bigint not null,
    transferred  bigint not null,
    open         bigint not null,
    unapplied    bigint not null,
    primary key (tenant, customer_id, currency)
) with (fillfactor = 70);

-- What was invoiced and received in a month of the business's own dates.
create table {s}.month_totals (
    tenant   text not null,
    currency text not null,
    month    text not null, -- 2026-11
    invoiced bigint not null,
    received bigint not null,
    primary key (tenant, currency, month)
) with (fillfactor = 70);

create table {s}.funds (
    tenant      text not null,
    id          uuid not null,
    customer_id uuid not null,
    currency    text not null,
    kind        text not null,
    number      text not null,
    on_date     date not null,
    amount      bigint not null,
    unapplied   bigint not null,
    primary key (tenant, id, customer_id, currency)
) with (fillfactor = 85);
create index funds_unapplied on {s}.funds (tenant, on_date, id, customer_id, currency) where unapplied > 0;

-- Drafts, and documents without a customer.
create table {s}.documents (
    tenant        text not null,
    id            uuid not null,
    type          text not null,
    state         text not null,
    number        text not null,
    kind          text not null,
    customer_id   uuid,
    branch_id     uuid,
    contractor_id uuid,
    site_id       uuid,
    primary_contact_id uuid,
    issued_on     date not null,
    due_on        date,
    description   text not null,
    reference     text not null,
    currency      text not null,
    net           bigint not null,
    gross         bigint not null,
    payable       bigint not null,
    published     boolean not null,
    disputed      boolean not null,
    source_system text not null,
    source_id     text not null,
    search        text not null,
    lines         json not null,
    tax           json not null,
    draft         json, -- as it was written: of a draft only
    recorded_at   timestamptz not null,
    primary key (tenant, id, type)
);
create index documents_listed on {s}.documents (tenant, state, issued_on desc, id desc);

create table {s}.imports (
    tenant          text not null,
    id              uuid not null,
    format          text not null,
    file_name       text not null,
    file_hash       text not null,
    rows            bigint not null,
    documents       bigint not null,
    rejected_rows   bigint not null,
    events_appended bigint not null,
    started_at      timestamptz not null,
    finished_at     timestamptz,
    primary key (tenant, id)
);
create index imports_by_start on {s}.imports (tenant, started_at desc, id desc);

-- How a tenant's mails look and whom they go to. routes: staff topic to addresses; notices:
-- contact topic to off, primary or all.
create table {s}.notification_settings (
    tenant           text primary key,
    from_name        text not null,
    from_address     text not null,
    reply_to         text not null,
    attach_documents boolean not null,
    routes           json not null,
    notices          json not null
);
