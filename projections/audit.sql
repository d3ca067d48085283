-- Where to find what in the log: one row an event, without its payload.

create table {s}.events (
    pos_hi       numeric(20) not null,
    pos_lo       numeric(20) not null,
    tenant       text not null,
    stream       text collate "C" not null,
    version      bigint not null,
    type         text collate "C" not null,
    actor_kind   text not null,
    actor_id     uuid not null,
    impersonator uuid,
    customer_id  uuid,
    command      text not null,
    command_id   uuid not null,
    occurred_at  timestamptz not null,
    at           timestamptz not null,
    primary key (pos_hi, pos_lo)
);
create index events_of_stream on {s}.events (tenant, stream, pos_hi, pos_lo);
create index events_of_actor on {s}.events (tenant, actor_id, pos_hi, pos_lo);
create index events_of_customer on {s}.events (tenant, customer_id, pos_hi, pos_lo) where customer_id is not null;
create index events_of_type on {s}.events (tenant, type, pos_hi, pos_lo);
create index events_of_impersonator on {s}.events (tenant, impersonator, pos_hi, pos_lo) where impersonator is not null;
create index events_by_time on {s}.events (tenant, at, pos_hi, pos_lo);
