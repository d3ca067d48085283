-- What customers and staff see of customers' documents and money. Amounts are in minor
-- units of the row's currency; (pos_hi, pos_lo) are positions in the log.

create table {s}.tenants (
    tenant        text primary key,
    name          text not null,
    time_zone     text not null,
    currency      text not null,
    locale        text not null,
    part_payments text not null,
    part_minimum  bigint not null,
    overpayments  text not null,
    branches      json not null,
    contractors   json not null,
    branding      json not null,
    portal        json not null
);

create table {s}.customers (
    tenant        text not null,
    id            uuid not null,
    number        text not null,
    name          text not null,
    kind          text not null,
    country       text not null,
    address       text not null,
    language      text not null,
    currency      text not null,
    terms_days    bigint not null,
    branch_id     uuid,
    parent_id     uuid,
    portal_on     boolean not null,
    status        text not null,
    merged_into   uuid,
    registered_at timestamptz not null,
    modules_off   json not null,
    primary key (tenant, id)
);
create index customers_parent on {s}.customers (tenant, parent_id) where parent_id is not null;

-- What is owed: invoices, adjustments, and charges that arise on the account itself.
-- rendition is what contacts see instead, while a later version is not published.
create table {s}.invoices (
    tenant        text not null,
    id            uuid not null,
    customer_id   uuid not null,
    number        text not null,
    kind          text not null,
    branch_id     uuid,
    contractor_id uuid,
    site_id       uuid,
    primary_contact_id uuid,
    issued_on     date not null,
    due_on        date not null,
    description   text not null,
    reference     text not null,
    currency      text not null,
    net           bigint not null,
    gross         bigint not null,
    lines_total   bigint not null,
    totals_differ boolean not null,
    withheld      bigint not null,
    retained      bigint not null,
    payable       bigint not null,
    open          bigint not null,
    paid          bigint not null,
    credited      bigint not null,
    written_off   bigint not null,
    charged_back  bigint not null,
    posted        boolean not null,
    published     boolean not null,
    published_hi  numeric(20) not null,
    published_lo  numeric(20) not null,
    content_hash  text not null,
    drawn         bigint not null,
    voided        boolean not null,
    disputed      boolean not null,
    dispute_text  text not null,
    dispute_minor bigint not null,
    source_system text not null,
    source_id     text not null,
    search        text not null,
    recorded_at   timestamptz not null,
    rendition     json,
    primary key (tenant, id)
) with (fillfactor = 85);
create index invoices_of_customer on {s}.invoices (tenant, customer_id, issued_on desc, id desc);
create index invoices_all on {s}.invoices (tenant, issued_on desc, id desc);
create index invoices_open on {s}.invoices (tenant, customer_id) where open > 0;
create index invoices_hidden on {s}.invoices (tenant, customer_id) where not published;

create table {s}.invoice_lines (
    tenant text not null,
    id     uuid not null,
    lines  json not null,
    tax    json not null,
    primary key (tenant, id)
);

create table {s}.credit_memos (
    tenant          text not null,
    id              uuid not null,
    customer_id     uuid not null,
    number          text not null,
    kind            text not null,
    branch_id       uuid,
    contractor_id   uuid,
    site_id         uuid,
    primary_contact_id uuid,
    issued_on       date not null,
    against_invoice uuid,
    description     text not null,
    currency        text not null,
    net             bigint not null,
    amount          bigint not null,
    unapplied       bigint not null,
    refunded        bigint not null,
    posted          boolean not null,
    voided          boolean not null,
    drawn           bigint not null,
    source_system   text not null,
    source_id       text not null,
    search          text not null,
    recorded_at     timestamptz not null,
    primary key (tenant, id)
) with (fillfactor = 85);
create index credit_memos_of_customer on {s}.credit_memos (tenant, customer_id, issued_on desc, id desc);
create index credit_memos_all on {s}.credit_memos (tenant, issued_on desc, id desc);
create index credit_memos_unapplied on {s}.credit_memos (tenant, customer_id) where unapplied <> 0;

create table {s}.credit_memo_lines (
    tenant text not null,
    id     uuid not null,
    lines  json not null,
    tax    json not null,
    primary key (tenant, id)
);

-- Invoices and credit memos as they were drawn, each version that was: (sha256) of the bytes
-- and (paper_hash) printed on them.
create table {s}.renderings (
    tenant     text not null,
    id         uuid not null,
    version    bigint not null,
    sha256     text not null,
    paper_hash text not null,
    size       bigint not null,
    pages      bigint not null,
    primary key (tenant, id, version)
);
create index renderings_sha256 on {s}.renderings (sha256);
create index renderings_paper on {s}.renderings (paper_hash);

-- Statements that were handed out.
create table {s}.statements (
    tenant       text not null,
    id           uuid not null,
    customer_id  uuid not null,
    number       text not null,
    currency     text not null,
    from_on      date,
    to_on        date not null,
    known_at     text not null,
    opening      bigint not null,
    closing      bigint not null,
    content_hash text not null,
    sha256       text not null,
    paper_hash   text not null,
    size         bigint not null,
    pages        bigint not null,
    issued_at    timestamptz not null,
    pos_hi       numeric(20) not null,
    pos_lo       numeric(20) not null,
    primary key (tenant, id)
);
create index statements_of_customer on {s}.statements (tenant, customer_id, pos_hi desc, pos_lo desc);
create index statements_sha256 on {s}.statements (sha256);
create index statements_paper on {s}.statements (paper_hash);

-- Money that came, or is about to, and credit from another customer's account. An id is
-- unique within an account only.
create table {s}.payments (
    tenant       text not null,
    id           uuid not null,
    customer_id  uuid not null,
    currency     text not null,
    kind         text not null,
    method       text not null,
    reference    text not null,
    received_on  date not null,
    amount       bigint not null,
    unapplied    bigint not null,
    refunded     bigint not null,
    charged_back bigint not null,
    status       text not null,
    failure      text not null,
    expires_at   timestamptz,
    recorded_at  timestamptz not null,
    primary key (tenant, id, customer_id, currency)
) with (fillfactor = 85);
create index payments_of_customer on {s}.payments (tenant, customer_id, received_on desc, id desc);
create index payments_all on {s}.payments (tenant, received_on desc, id desc);
create index payments_unapplied on {s}.payments (tenant, customer_id) where unapplied <> 0;
create index payments_begun on {s}.payments (tenant, customer_id) where status = 'initiated';

create table {s}.refunds (
    tenant       text not null,
    id           uuid not null,
    customer_id  uuid not null,
    currency     text not null,
    fund_id      uuid not null,
    amount       bigint not null,
    paid_to      text not null,
    status       text not null,
    failure      text not null,
    requested_on date not null,
    closed_on    date,
    primary key (tenant, id, customer_id, currency)
);
create index refunds_of_fund on {s}.refunds (tenant, fund_id);

create table {s}.chargebacks (
    tenant      text not null,
    id          uuid not null,
    customer_id uuid not null,
    currency    text not null,
    payment_id  uuid not null,
    amount      bigint not null,
    status      text not null,
    deadline    date,
    opened_on   date not null,
    closed_on   date,
    primary key (tenant, id, customer_id, currency)
);
create index chargebacks_of_payment on {s}.chargebacks (tenant, payment_id);

-- Which fund pays which item: amount is what it pays now, reversed what was taken back.
create table {s}.allocations (
    tenant      text not null,
    item_id     uuid not null,
    fund_id     uuid not null,
    customer_id uuid not null,
    currency    text not null,
    kind        text not null,
    amount      bigint not null,
    reversed    bigint not null,
    first_on    date not null,
    last_on     date not null,
    primary key (tenant, item_id, fund_id, customer_id, currency)
) with (fillfactor = 85);
create index allocations_of_fund on {s}.allocations (tenant, fund_id);

create table {s}.accounts (
    tenant      text not null,
    customer_id uuid not null,
    currency    text not null,
    primary key (tenant, customer_id, currency)
);

-- The ledger, insert-only: what each posting did to what is open of an item and to what is
-- unapplied of a fund, from an effective date on. open_delta - unapplied_delta is the
-- debit, or negative the credit; lines appear on statements, other entries only move
-- money between items and funds.
create table {s}.entries (
    pos_hi          numeric(20) not null,
    pos_lo          numeric(20) not null,
    tenant          text not null,
    customer_id     uuid not null,
    currency        text not null,
    on_date         date not null,
    kind            text not null,
    ref_id          uuid not null,
    number          text not null,
    item_id         uuid,
    fund_id         uuid,
    open_delta      bigint not null,
    unapplied_delta bigint not null,
    line            boolean not null,
    recorded_at     timestamptz not null,
    primary key (pos_hi, pos_lo)
);
create index entries_of_account on {s}.entries (tenant, customer_id, currency, on_date, pos_hi, pos_lo);

-- What happened, for people. shown: contacts may see it too.
create table {s}.activity (
    pos_hi      numeric(20) not null,
    pos_lo      numeric(20) not null,
    tenant      text not null,
    customer_id uuid not null,
    kind        text not null,
    ref_kind    text not null,
    ref_id      uuid not null,
    number      text not null,
    amount      bigint not null,
    currency    text not null,
    text        text not null,
    on_date     date,
    at          timestamptz not null,
    shown       boolean not null,
    primary key (pos_hi, pos_lo)
);
create index activity_of_customer on {s}.activity (tenant, customer_id, pos_hi desc, pos_lo desc);
create index activity_of_ref on {s}.activity (tenant, ref_id, pos_hi, pos_lo);
create index activity_all on {s}.activity (tenant, pos_hi desc, pos_lo desc);

-- The last event of each customer, which nothing that its contacts see can be newer than;
-- under the nil UUID that of the tenant.
create table {s}.versions (
    tenant      text not null,
    customer_id uuid not null,
    pos_hi      numeric(20) not null,
    pos_lo      numeric(20) not null,
    primary key (tenant, customer_id)
) with (fillfactor = 50);

-- Files that hang on something. shared: contacts who see that may see the file; since when
-- and by whom. (added_hi, added_lo) is where in the log it was added.
create table {s}.attachments (
    tenant      text not null,
    id          uuid not null,
    customer_id uuid not null,
    owner_kind  text not null,
    owner_id    uuid not null,
    name        text not null,
    search      text not null,
    sha256      text not null,
    size        bigint not null,
    media_type  text not null,
    shared      boolean not null,
    shared_by   uuid,
    shared_at   timestamptz,
    added_by    uuid not null,
    added_hi    numeric(20) not null,
    added_lo    numeric(20) not null,
    added_at    timestamptz not null,
    replaced_at timestamptz,
    primary key (tenant, id)
);
create index attachments_of_customer on {s}.attachments (tenant, customer_id, added_hi desc, added_lo desc);
create index attachments_of_owner on {s}.attachments (tenant, owner_id);
create index attachments_all on {s}.attachments (tenant, added_hi desc, added_lo desc);
