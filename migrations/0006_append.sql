-- +goose Up
-- Appends as fast as their floor. es.append stays: it answers each request of a batch, so
-- it decides whenever one of these two finds a stream elsewhere, and older programs know
-- nothing else. All three begin by locking the head and change es.streams only after
-- that, so they may run side by side, from any number of processes.
--
-- Both answer a position, or NULL if they wrote nothing because a stream is not at its
-- expected version.

-- A batch of one request: plain statements, each with a plan that cannot go wrong.
-- Answers the position of the last event.
-- +goose StatementBegin
CREATE FUNCTION es.append_one(
  rq_stream text, rq_expected bigint, ev_id uuid[], ev_type text[], ev_data bytea[], ev_meta bytea[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, es, pg_temp
SET lock_timeout = '3s'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET jit = off AS $$
DECLARE n int := cardinality(ev_id); hd bigint; ts timestamptz; no bigint;
BEGIN
  -- The only lock, always first. If it had to be waited for, the row and the clock are
  -- read again after the wait: time cannot run backwards along pos.
  UPDATE es.head h SET pos = h.pos + n, at = greatest(h.at, clock_timestamp()) WHERE h.one
    RETURNING h.pos - n, h.at INTO STRICT hd, ts;
  IF rq_expected = -1 THEN
    INSERT INTO es.streams (name, version, first_pos, last_pos) VALUES (rq_stream, n - 1, hd + 1, hd + n)
      ON CONFLICT (name) DO NOTHING RETURNING stream_no INTO no;
  ELSE
    UPDATE es.streams s SET version = rq_expected + n, last_pos = hd + n
      WHERE s.name = rq_stream AND s.version = rq_expected RETURNING s.stream_no INTO no;
  END IF;
  IF no IS NULL THEN
    UPDATE es.head h SET pos = hd WHERE h.one;
    RETURN NULL;
  END IF;
  INSERT INTO es.events (pos, stream_no, version, id, type, data, meta, at)
    SELECT hd + ev.k, no, rq_expected + ev.k, ev.id, ev.type, ev.data, ev.meta, ts
    FROM unnest(ev_id, ev_type, ev_data, ev_meta) WITH ORDINALITY ev(id, type, data, meta, k);
  RETURN hd + n;
END $$;
-- +goose StatementEnd

-- A batch of several requests, of different streams. The events come in the order of
-- their requests; rq_last is the number, from 1, of a request's last event. Answers the
-- head as it was before: event i is at that position plus i.
--
-- The planner settings leave one plan for each statement, whatever the tables' sizes:
-- arrays are walked, streams are found by index (see es.append).
-- +goose StatementBegin
CREATE FUNCTION es.append_many(
  rq_stream text[], rq_expected bigint[], rq_n int[], rq_last int[],
  ev_rq int[], ev_k int[], ev_id uuid[], ev_type text[], ev_data bytea[], ev_meta bytea[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, es, pg_temp
SET lock_timeout = '3s'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE n int := cardinality(ev_id); hd bigint; ts timestamptz; nos bigint[]; versions bigint[]; tids tid[];
BEGIN
  UPDATE es.head h SET pos = h.pos + n, at = greatest(h.at, clock_timestamp()) WHERE h.one
    RETURNING h.pos - n, h.at INTO STRICT hd, ts;
  -- Nobody else changes es.streams now, so the rows stay where they are found.
  SELECT array_agg(s.stream_no ORDER BY r.i), array_agg(coalesce(s.version, -1) ORDER BY r.i), array_agg(s.ctid ORDER BY r.i)
    INTO nos, versions, tids
    FROM unnest(rq_stream) WITH ORDINALITY r(stream, i) LEFT JOIN es.streams s ON s.name = r.stream;
  IF versions <> rq_expected THEN
    UPDATE es.head h SET pos = hd WHERE h.one;
    RETURN NULL;
  END IF;
  UPDATE es.streams s SET version = r.expected + r.n, last_pos = hd + r.last
    FROM unnest(tids, rq_expected, rq_n, rq_last) r(tid, expected, n, last) WHERE s.ctid = r.tid;
  IF -1 = ANY (rq_expected) THEN
    WITH made AS (
      INSERT INTO es.streams AS s (name, version, first_pos, last_pos)
      SELECT r.stream, r.n - 1, hd + r.last - r.n + 1, hd + r.last
      FROM unnest(rq_stream, rq_expected, rq_n, rq_last) r(stream, expected, n, last) WHERE r.expected = -1
      RETURNING s.stream_no, s.last_pos)
    SELECT array_agg(coalesce(r.no, made.stream_no) ORDER BY r.last) INTO nos
      FROM unnest(nos, rq_last) r(no, last) LEFT JOIN made ON made.last_pos = hd + r.last;
  END IF;
  INSERT INTO es.events (pos, stream_no, version, id, type, data, meta, at)
    SELECT hd + ev.i, nos[ev.rq], rq_expected[ev.rq] + ev.k, ev.id, ev.type, ev.data, ev.meta, ts
    FROM unnest(ev_rq, ev_k, ev_id, ev_type, ev_data, ev_meta) WITH ORDINALITY ev(rq, k, id, type, data, meta, i);
  RETURN hd;
END $$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION es.append_one(text, bigint, uuid[], text[], bytea[], bytea[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION es.append_many(text[], bigint[], int[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) FROM PUBLIC;
-- +goose StatementBegin
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'portico_app') THEN
    GRANT EXECUTE ON FUNCTION es.append_one(text, bigint, uuid[], text[], bytea[], bytea[]) TO portico_app;
    GRANT EXECUTE ON FUNCTION es.append_many(text[], bigint[], int[], int[], int[], int[], uuid[], text[], bytea[], bytea[]) TO portico_app;
  END IF;
END $$;
-- +goose StatementEnd
