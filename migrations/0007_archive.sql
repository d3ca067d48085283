-- +goose Up
-- The log outside the database: which sealed partitions were written to files that were
-- read again and found equal, and how far a restore has come.

-- One row for each file that portico log archive has verified. A sealed partition can be
-- archived to several places; what it says is the same in each, so plain_sha256 is too.
CREATE TABLE es.archives (
  no           int NOT NULL REFERENCES es.partitions (no),
  archived_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  format       int NOT NULL,
  first_pos    bigint NOT NULL,
  last_pos     bigint NOT NULL,
  file         text NOT NULL,
  bytes        bigint NOT NULL,
  sha256       text NOT NULL,
  plain_bytes  bigint NOT NULL,
  plain_sha256 text NOT NULL,
  software     text NOT NULL,
  PRIMARY KEY (no, archived_at)
);
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON es.archives
  FOR EACH ROW EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON es.archives
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse();

-- No row: this log was never restored. Until finished_at is set, the log is half there:
-- the head stays at 0 meanwhile, so that every append fails on a position that is taken.
-- Only the owner writes here; the program reads, and refuses to serve.
CREATE TABLE es.restore (
  one         bool PRIMARY KEY DEFAULT true CHECK (one),
  chain       text NOT NULL, -- of the export's manifest
  last_pos    bigint NOT NULL,
  pos         bigint NOT NULL, -- how far; changes by compare-and-set
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);

-- +goose StatementBegin
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    GRANT SELECT, INSERT ON es.archives TO portico_app;
    GRANT SELECT ON es.restore TO portico_app;
  END IF;
END $$;
-- +goose StatementEnd
