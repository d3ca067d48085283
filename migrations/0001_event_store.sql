-- +goose Up
-- The event store (ENGINE §2): one log, dense positions in commit order, append-only
-- for every role. Forward only. All names are schema-qualified: nothing here depends
-- on a session's search_path, so a transaction pooler may stand in front.

CREATE SCHEMA es;
REVOKE ALL ON SCHEMA es FROM PUBLIC;

-- One row. Its lock is the order of the log: whoever holds it appends next, and keeps
-- it until commit, so position order = commit order = visibility order.
CREATE TABLE es.head (
  one bool PRIMARY KEY DEFAULT true CHECK (one),
  pos bigint NOT NULL,
  at  timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO es.head (pos, at) VALUES (0, 'epoch');

CREATE TABLE es.streams (
  stream_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name      text COLLATE "C" UNIQUE NOT NULL,
  version   bigint NOT NULL,
  first_pos bigint NOT NULL,
  last_pos  bigint NOT NULL
) WITH (fillfactor = 80);

-- Data and meta are bytea, not jsonb: the exact bytes are hashed, and an insert parses
-- nothing. An auditor reads convert_from(data, 'UTF8')::jsonb.
CREATE TABLE es.events (
  pos       bigint PRIMARY KEY,
  stream_no bigint NOT NULL,
  version   bigint NOT NULL,
  id        uuid NOT NULL,
  type      text NOT NULL,
  data      bytea NOT NULL,
  meta      bytea NOT NULL,
  at        timestamptz NOT NULL
) PARTITION BY RANGE (pos);
CREATE INDEX events_stream ON es.events (stream_no, version);

CREATE TABLE es.settings (
  one            bool PRIMARY KEY DEFAULT true CHECK (one),
  partition_size bigint NOT NULL CHECK (partition_size > 0)
);
INSERT INTO es.settings (partition_size) VALUES (10000000);

-- What es.ensure_partitions has made: es.events_<no> holds first_pos to last_pos.
CREATE TABLE es.partitions (
  no        int PRIMARY KEY,
  first_pos bigint NOT NULL,
  last_pos  bigint NOT NULL CHECK (last_pos >= first_pos)
);

-- +goose StatementBegin
CREATE FUNCTION es.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, es, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only (% refused)', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- A row trigger on the parent is cloned to every partition; a TRUNCATE trigger is not,
-- so es.ensure_partitions gives each partition its own.
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON es.events
  FOR EACH ROW EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON es.events
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_rows BEFORE DELETE ON es.streams
  FOR EACH ROW EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON es.streams
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_rows BEFORE DELETE ON es.head
  FOR EACH ROW EXECUTE FUNCTION es.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON es.head
  FOR EACH STATEMENT EXECUTE FUNCTION es.refuse();

-- One call is one group commit. At most one request per stream in a call: the caller
-- keeps a second one for its next call. It needs READ COMMITTED, so that the statement
-- after the lock sees what the previous holder wrote.
--
-- The planner settings make one plan that stays good while tables grow from nothing to
-- millions of rows between two ANALYZEs: streams are always found by index, the
-- request's arrays always joined by hash. Planning each call anew would double the cost
-- of a lone append; jit would be triggered by what the settings do to the estimates.
-- +goose StatementBegin
CREATE FUNCTION es.append(
  rq_stream text[], rq_expected bigint[], rq_n int[],
  ev_rq int[], ev_k int[], ev_id uuid[], ev_type text[], ev_data bytea[], ev_meta bytea[])
RETURNS TABLE (req bigint, outcome text, cur bigint, last_pos bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, es, pg_temp
SET lock_timeout = '3s'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_nestloop = off SET jit = off AS $$
DECLARE hd bigint; ts timestamptz;
BEGIN
  -- The only lock, always first: no deadlock is possible.
  SELECT h.pos, h.at INTO STRICT hd, ts FROM es.head h WHERE h.one FOR UPDATE;
  -- Taken after the wait, and never less than the last: time cannot run backwards along pos.
  ts := greatest(ts, clock_timestamp());
  RETURN QUERY
  WITH r AS (
    SELECT t.s, t.e, t.n, t.ord
    FROM unnest(rq_stream, rq_expected, rq_n) WITH ORDINALITY t(s, e, n, ord)),
  c AS MATERIALIZED (
    SELECT r.*, coalesce((SELECT st.version FROM es.streams st WHERE st.name = r.s), -1) AS v FROM r),
  w AS MATERIALIZED (
    SELECT c.*, hd + sum(c.n) OVER (ORDER BY c.ord) AS lp FROM c WHERE c.v = c.e),
  up AS (
    INSERT INTO es.streams AS st (name, version, first_pos, last_pos)
    SELECT w.s, w.e + w.n, w.lp - w.n + 1, w.lp FROM w
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, last_pos = excluded.last_pos
    RETURNING st.name, st.stream_no),
  ev AS (
    SELECT t.* FROM unnest(ev_rq, ev_k, ev_id, ev_type, ev_data, ev_meta) t(rq, k, id, type, data, meta)),
  ins AS (
    INSERT INTO es.events (pos, stream_no, version, id, type, data, meta, at)
    SELECT w.lp - w.n + ev.k, up.stream_no, w.e + ev.k, ev.id, ev.type, ev.data, ev.meta, ts
    FROM w JOIN up ON up.name = w.s JOIN ev ON ev.rq = w.ord),
  h AS (
    UPDATE es.head SET pos = hd + (SELECT sum(w.n) FROM w), at = ts
    WHERE es.head.one AND EXISTS (SELECT 1 FROM w))
  SELECT c.ord, CASE WHEN c.v = c.e THEN 'ok' ELSE 'conflict' END,
         CASE WHEN c.v = c.e THEN c.e + c.n ELSE c.v END, w.lp::bigint
  FROM c LEFT JOIN w ON w.ord = c.ord ORDER BY c.ord;
END $$;
-- +goose StatementEnd

-- Part of a stream, from a version on. Most reads find that nothing is new: they end at
-- the first look-up, and none is planned anew. Version v is at first_pos + v at the
-- earliest, so only the partitions are opened that the stream lives in.
-- +goose StatementBegin
CREATE FUNCTION es.read_stream(rq_stream text, rq_from bigint, rq_limit int)
RETURNS TABLE (pos bigint, stream text, version bigint, id uuid, type text, data bytea, meta bytea, at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, es, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE st es.streams;
BEGIN
  SELECT s.* INTO st FROM es.streams s WHERE s.name = rq_stream;
  IF NOT FOUND OR rq_from > st.version THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT e.pos, rq_stream, e.version, e.id, e.type, e.data, e.meta, e.at FROM es.events e
  WHERE e.stream_no = st.stream_no AND e.version >= rq_from
    AND e.pos >= st.first_pos + rq_from AND e.pos <= st.last_pos
  ORDER BY e.version LIMIT rq_limit;
END $$;
-- +goose StatementEnd

-- Makes partitions ahead: there is always room for half a partition plus more events
-- behind the head. Answers the position at which to call it again. A partition is made
-- apart and attached, which blocks neither appends nor reads.
-- +goose StatementBegin
CREATE FUNCTION es.ensure_partitions(more bigint DEFAULT 0) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, es, pg_temp
SET lock_timeout = '3s' AS $$
DECLARE size bigint; need bigint; have bigint; made int; part text;
BEGIN
  -- One maker at a time; the next statement sees what the one before us made.
  SELECT s.partition_size INTO STRICT size FROM es.settings s WHERE s.one FOR UPDATE;
  SELECT coalesce(max(p.last_pos), 0), coalesce(max(p.no), 0) INTO have, made FROM es.partitions p;
  -- 256,000 is the largest group commit: nobody can make this function build without end.
  SELECT h.pos + size / 2 + least(greatest(more, 0), 256000) + 1 INTO STRICT need FROM es.head h WHERE h.one;
  WHILE have < need LOOP
    made := made + 1;
    part := 'events_' || made;
    EXECUTE format('CREATE TABLE es.%I (LIKE es.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON es.%I FOR EACH STATEMENT EXECUTE FUNCTION es.refuse()', part);
    EXECUTE format('ALTER TABLE es.events ATTACH PARTITION es.%I FOR VALUES FROM (%s) TO (%s)', part, have + 1, have + size + 1);
    INSERT INTO es.partitions (no, first_pos, last_pos) VALUES (made, have + 1, have + size);
    have := have + size;
  END LOOP;
  RETURN have - size / 2;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION es.refuse() FROM PUBLIC;
REVOKE ALL ON FUNCTION es.append(text[], bigint[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION es.ensure_partitions(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION es.read_stream(text, bigint, int) FROM PUBLIC;

-- portico_app is what the running program is, through SET ROLE. It may read the log
-- and call two functions. Without the right to make roles the program runs as the
-- connecting role: the triggers still refuse, the grants do not.
-- +goose StatementBegin
DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    BEGIN
      CREATE ROLE portico_app NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL; -- another database's migration was first
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'role portico_app does not exist and % may not create it: the program will run as %', CURRENT_USER, CURRENT_USER;
        RETURN;
    END;
  END IF;
  IF NOT pg_has_role(CURRENT_USER, 'portico_app', 'MEMBER') THEN
    BEGIN
      EXECUTE format('GRANT portico_app TO %I', CURRENT_USER);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE NOTICE '% may not become portico_app: let an administrator run GRANT portico_app TO %', CURRENT_USER, CURRENT_USER;
    END;
  END IF;
  -- Builds of read models are schemas of their own.
  EXECUTE format('GRANT CREATE ON DATABASE %I TO portico_app', current_database());
  GRANT USAGE ON SCHEMA es TO portico_app;
  GRANT SELECT ON es.head, es.streams, es.events, es.settings, es.partitions TO portico_app;
  GRANT EXECUTE ON FUNCTION es.append(text[], bigint[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) TO portico_app;
  GRANT EXECUTE ON FUNCTION es.ensure_partitions(bigint) TO portico_app;
  GRANT EXECUTE ON FUNCTION es.read_stream(text, bigint, int) TO portico_app;
END $$;
-- +goose StatementEnd
