-- +goose Up
-- Which log it is that the read models, policies and jobs of this database stand in: a position
-- in one means nothing in another.
CREATE TABLE es.source (
  one       bool PRIMARY KEY DEFAULT true CHECK (one),
  store     text NOT NULL CHECK (store IN ('postgres', 'eventstoredb')),
  first_id  uuid,        -- the first event, if there was one when somebody last looked,
  first_hi  numeric(20), -- and where it is: a copy has it elsewhere
  first_lo  numeric(20)
);
INSERT INTO es.source (store) SELECT 'postgres' WHERE EXISTS (SELECT FROM es.streams);

-- The streams of some categories in an EventStoreDB, which cannot list them, and how far the log
-- was searched for them.
CREATE TABLE es.listed_streams (
  category text NOT NULL,
  name     text COLLATE "C" NOT NULL,
  PRIMARY KEY (category, name)
);
CREATE TABLE es.listed_until (
  category text PRIMARY KEY,
  hi       numeric(20) NOT NULL,
  lo       numeric(20) NOT NULL
);

-- +goose StatementBegin
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON es.source, es.listed_streams, es.listed_until TO portico_app;
  END IF;
END $$;
-- +goose StatementEnd
