-- +goose Up
-- What must not be in the log, because it has to be forgotten or changed: the data keys
-- of subjects, the hashes of API keys, and the answers to repeated requests.

CREATE SCHEMA portico;
REVOKE ALL ON SCHEMA portico FROM PUBLIC;

-- A subject's data keys, wrapped under a key that is not in the database (SECURITY §3).
-- The row of an erased key stays, so that the subject never gets another.
CREATE TABLE portico.subject_keys (
  tenant     text NOT NULL,
  subject    uuid NOT NULL,
  key_no     int NOT NULL CHECK (key_no > 0),
  kek_epoch  int NOT NULL CHECK (kek_epoch > 0),
  wrapped    bytea,
  state      text NOT NULL CHECK (state IN ('live', 'erased')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, subject, key_no),
  CHECK ((state = 'erased') = (wrapped IS NULL))
);

-- That there is a key, for whom and until when is in the log too; its hash is only here.
CREATE TABLE portico.api_keys (
  id           uuid PRIMARY KEY,
  tenant       text NOT NULL,
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('staff', 'auditor', 'integration', 'contact')),
  contact_id   uuid,
  customer_id  uuid,
  hash         bytea NOT NULL UNIQUE,
  created_at   timestamptz NOT NULL DEFAULT now(),
  revoked_at   timestamptz,
  last_used_at timestamptz,
  CHECK ((role = 'contact') = (contact_id IS NOT NULL AND customer_id IS NOT NULL))
);
CREATE INDEX api_keys_tenant ON portico.api_keys (tenant, created_at);

-- Requests under an Idempotency-Key. A row whose lease ran out while running is of a
-- process that died; done rows are kept for some days and then deleted.
CREATE TABLE portico.idempotency (
  tenant       text NOT NULL,
  actor        uuid NOT NULL,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  state        text NOT NULL CHECK (state IN ('running', 'done')),
  status       int,
  header       jsonb,
  body         bytea,
  lease_until  timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, actor, key),
  CHECK (state = 'running' OR status IS NOT NULL)
);
CREATE INDEX idempotency_age ON portico.idempotency (created_at);

-- +goose StatementBegin
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    GRANT USAGE ON SCHEMA portico TO portico_app;
    GRANT SELECT, INSERT, UPDATE ON portico.subject_keys, portico.api_keys, portico.idempotency TO portico_app;
    GRANT DELETE ON portico.idempotency TO portico_app;
  END IF;
END $$;
-- +goose StatementEnd
