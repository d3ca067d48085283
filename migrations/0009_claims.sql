-- +goose Up
-- Which process works on a request, so that the next one on its machine does not have to
-- wait until the claims of a dead one run out. An older program leaves it empty.
alter table portico.idempotency add column owner text;
create index idempotency_running on portico.idempotency (owner) where state = 'running';
