-- +goose Up
-- Positions are compared in es.read_stream to leave partitions out, and rows are to be found by stream
-- and version. In a partition of some ten thousand events the planner thinks otherwise: the range of
-- positions looks short and its rows lie side by side, though it may be half of the partition; a load
-- was thirty times as slow. Rows side by side are dear here, and bitmaps are not made.
ALTER FUNCTION es.read_stream(text, bigint, int) SET enable_bitmapscan = off;
ALTER FUNCTION es.read_stream(text, bigint, int) SET seq_page_cost = 100;
ALTER FUNCTION es.read_stream(text, bigint, int) SET random_page_cost = 0.01;
