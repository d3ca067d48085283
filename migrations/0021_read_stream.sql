-- +goose Up
-- A session that lists the partitions of es.events just while one is attached keeps its list
-- until something else is changed about the table. What it then reads of a stream would end too
-- early, and nobody could tell: es.read_stream refuses that (55000), and its caller goes to
-- another session.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION es.read_stream(rq_stream text, rq_from bigint, rq_limit int)
RETURNS TABLE (pos bigint, stream text, version bigint, id uuid, type text, data bytea, meta bytea, at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, es, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE st es.streams; n bigint;
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
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n < least(rq_limit, st.version - rq_from + 1) THEN
    RAISE EXCEPTION '% events of stream % are there and it had more: portico log verify says what else is not whole', n, rq_stream USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;
-- +goose StatementEnd
