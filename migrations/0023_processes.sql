-- +goose Up
-- The processes of Portico that work on this database, each until it says so no more: a log is not
-- moved away under any of them.
CREATE TABLE es.processes (
  name    text PRIMARY KEY,
  roles   text NOT NULL,
  since   timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires timestamptz NOT NULL
);

-- +goose StatementBegin
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON es.processes TO portico_app;
  END IF;
END $$;
-- +goose StatementEnd
