package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/internal/pgtest"
)

func ask(stream StreamName, size int, types ...string) *request {
	r := &request{stream: stream, expected: NoStream, size: size, answer: make(chan answer, 1)}
	for _, typ := range types {
		r.events = append(r.events, Event{ID: uuid.New(), Type: typ})
	}
	return r
}

// What a caller cannot get past Check stands for whatever the server refuses of one request.
func TestOneSpoiltRequestHarmsNoOther(t *testing.T) {
	t.Parallel()
	p := newPostgres(pgtest.Pool(t)) // without its appenders: the batch is ours
	batch := []*request{ask("t.a-1", 0, "a"), ask("t.a-2", 0, "spo\x00ilt"), ask("t.a-3", 0, "a", "b")}
	p.commit(batch)
	for i, r := range batch {
		if a := <-r.answer; a.ok != (i != 1) || (a.err == nil) != (i != 1) || errors.Is(a.err, ErrUnknownOutcome) {
			t.Errorf("request %d: %+v", i, a)
		}
	}
	page, err := p.ReadAll(t.Context(), Position{}, 10)
	if err != nil || len(page.Events) != 3 || page.Next.Hi != 3 {
		t.Errorf("%d events to %v, %v", len(page.Events), page.Next, err)
	}
}

// batches answers what take hands out until nothing waits, each batch landing before the next.
func batches(p *Postgres) (all []string) {
	for batch := p.take(); len(batch) > 0; batch = p.take() {
		names := make([]string, len(batch))
		for i, r := range batch {
			names[i] = fmt.Sprintf("%s/%d", r.stream, r.size)
		}
		all = append(all, strings.Join(names, " "))
		p.landed(batch)
	}
	return all
}

func TestABatchHasAStreamOnceInOrderAndIsBounded(t *testing.T) {
	p := newPostgres(nil)
	p.queue = []*request{ask("a", 1), ask("b", 2), ask("a", 3), ask("c", 4), ask("a", 5)}
	if diff := cmp.Diff([]string{"a/1 b/2 c/4", "a/3", "a/5"}, batches(p)); diff != "" {
		t.Errorf("a stream in a batch once (-want +got):\n%s", diff)
	}
	p.queue = []*request{ask("a", maxBatchBytes-1), ask("b", 2), ask("c", 1), ask("d", maxBatchBytes*2)}
	want := []string{fmt.Sprintf("a/%d c/1", maxBatchBytes-1), "b/2", fmt.Sprintf("d/%d", maxBatchBytes*2)}
	if diff := cmp.Diff(want, batches(p)); diff != "" {
		t.Errorf("bounded in bytes (-want +got):\n%s", diff)
	}
	for i := range maxBatch + 1 {
		p.queue = append(p.queue, ask(StreamName(fmt.Sprint(i)), 1))
	}
	for _, want := range []int{maxBatch, 1} {
		if batch := p.take(); len(batch) != want {
			t.Errorf("a batch of %d, want %d", len(batch), want)
		}
	}
}

// Two calls may be under way at once, but not with the same stream: the second would find
// it elsewhere. The order of a stream's requests stays.
func TestAStreamThatIsUnderWayWaits(t *testing.T) {
	p := newPostgres(nil)
	p.queue = []*request{ask("a", 1), ask("b", 2)}
	first := p.take()
	p.queue = []*request{ask("a", 3), ask("c", 4), ask("a", 5)}
	second := p.take()
	if len(first) != 2 || len(second) != 1 || second[0].stream != "c" {
		t.Fatalf("%d requests, then %d", len(first), len(second))
	}
	p.landed(first)
	if diff := cmp.Diff([]string{"a/3", "a/5"}, batches(p)); diff != "" {
		t.Errorf("after the first has landed (-want +got):\n%s", diff)
	}
}

// A burst, whether on one stream or of large events, holds nobody else up.
func TestABurstStarvesNobody(t *testing.T) {
	p := newPostgres(nil)
	for range 500 {
		p.queue = append(p.queue, ask("hot", 10))
	}
	for i := range 50 {
		p.queue = append(p.queue, ask(StreamName(fmt.Sprint("large", i)), MaxBytes))
	}
	p.queue = append(p.queue, ask("other", 10))
	batch := p.take()
	if last := batch[len(batch)-1]; last.stream != "other" {
		t.Errorf("the last of %d in the first batch is %s", len(batch), last.stream)
	}
	// What was passed over is first in the next.
	p.landed(batch)
	if next := p.take(); next[0].stream != "hot" || len(next) < 10 || next[1].stream != "large10" {
		t.Errorf("the next batch has %d, then %s, %s", len(next), next[0].stream, next[1].stream)
	}
}

// Each kind of failure tells a caller no more than is known.
func TestFailuresAreToldAsWhatIsKnown(t *testing.T) {
	pgError := func(severity, code string) error {
		return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code}
	}
	for why, c := range map[string]struct {
		err  error
		want error
	}{
		"no connection":             {&notSent{errors.New("refused")}, ErrUnavailable},
		"lock timeout":              {pgError("ERROR", "55P03"), ErrUnavailable},
		"read-only for now":         {pgError("ERROR", "25006"), ErrUnavailable},
		"disk full":                 {pgError("ERROR", "53100"), ErrUnavailable},
		"ended by an administrator": {pgError("FATAL", "57P01"), ErrUnknownOutcome},
		"the connection broke":      {errors.New("unexpected EOF"), ErrUnknownOutcome},
	} {
		if got := appendFailed(fmt.Errorf("wrapped: %w", c.err)); !errors.Is(got, c.want) {
			t.Errorf("%s: %v", why, got)
		}
	}
	if got := appendFailed(pgError("ERROR", "22021")); errors.Is(got, ErrUnavailable) || errors.Is(got, ErrUnknownOutcome) {
		t.Errorf("what the server refuses for good: %v", got)
	}
}

func TestReadsTouchOnlyThePartitionsTheyNeed(t *testing.T) {
	t.Parallel()
	url, superuser := pgtest.Superuser(t)
	pgtest.Exec(t, url, "UPDATE es.settings SET partition_size = 100")
	p := OpenPostgres(pgtest.Open(t, url))
	t.Cleanup(p.Close)
	var last StreamName
	for range 10 {
		last = Stream("t", "a", uuid.NewString())
		for v := range int64(2) {
			if _, err := p.Append(t.Context(), last, v*50-1, ask("", 0, strings.Split(strings.Repeat("a ", 50), " ")[:50]...).events...); err != nil {
				t.Fatal(err)
			}
		}
	}
	plans := explaining(t, superuser)
	for _, c := range []struct {
		sql  string
		args []any
		want int
	}{
		{sqlReadStream, []any{string(last), 0, 1000}, 1},
		{sqlReadStream, []any{string(last), 100, 1000}, 0}, // nothing is new
		{sqlReadAll, []any{901, 100, PageBytes}, 1},
		{sqlReadAll, []any{901, 1000, PageBytes}, 2}, // the one that is made ahead, too
	} {
		plan := plans(c.sql, c.args...)
		read := 0
		for line := range strings.Lines(plan) {
			if strings.Contains(line, "on events_") && strings.Contains(line, "Scan") && !strings.Contains(line, "never executed") {
				read++
			}
		}
		if read != c.want {
			t.Errorf("%d partitions were read:\n%s", read, plan)
		}
	}
}

// explaining runs statements and answers the plans of all that was executed for them,
// inside functions too, as PostgreSQL itself reports them.
func explaining(t *testing.T, superuser string) func(sql string, args ...any) string {
	t.Helper()
	var plans strings.Builder
	cfg, err := pgx.ParseConfig(superuser)
	if err != nil {
		t.Fatal(err)
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { plans.WriteString(n.Message + "\n") }
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	for _, set := range []string{"LOAD 'auto_explain'", "SET auto_explain.log_min_duration = 0", "SET auto_explain.log_nested_statements = on",
		"SET auto_explain.log_analyze = on", "SET client_min_messages = log"} {
		if _, err := c.Exec(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	return func(sql string, args ...any) string {
		t.Helper()
		plans.Reset()
		rows, err := c.Query(t.Context(), sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if rows.Err() != nil || plans.Len() == 0 {
			t.Fatal("no plan was reported: ", rows.Err())
		}
		return plans.String()
	}
}

// A conflict in a batch is one request's. The head goes on from where it was.
func TestAConflictInABatchHarmsNoOther(t *testing.T) {
	t.Parallel()
	p := newPostgres(pgtest.Pool(t))
	send := func(batch ...*request) (got []answer) {
		p.commit(batch)
		for _, r := range batch {
			got = append(got, <-r.answer)
		}
		return got
	}
	at := func(r *request, expected int64) *request { r.expected = expected; return r }
	send(ask("t.a-1", 0, "a", "a"), ask("t.a-2", 0, "a")) // of new streams: positions 1 to 3
	for why, c := range map[string]struct {
		batch []*request
		want  []answer
	}{
		"in a batch": {[]*request{at(ask("t.a-1", 0, "b", "b", "b"), 1), at(ask("t.a-2", 0, "b"), 7), ask("t.a-3", 0, "b", "b")},
			[]answer{{version: 4, pos: 6, ok: true}, {version: 0}, {version: 1, pos: 8, ok: true}}},
		"alone":         {[]*request{at(ask("t.a-2", 0, "c"), 7)}, []answer{{version: 0}}},
		"a stream anew": {[]*request{ask("t.a-1", 0, "c")}, []answer{{version: -2}}}, // wherever it is by now
	} {
		got := send(c.batch...)
		for i := range c.want {
			if c.want[i].version == -2 {
				c.want[i].version = got[i].version
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) && why == "in a batch" {
			t.Errorf("%s: %+v, want %+v", why, got, c.want)
		}
		for i := range got {
			if got[i].ok != c.want[i].ok || got[i].err != nil {
				t.Errorf("%s: request %d came to %+v", why, i, got[i])
			}
		}
	}
	page, err := p.ReadAll(t.Context(), Position{}, 100)
	if err != nil || len(page.Events) != 8 || page.Next.Hi != 8 || !page.End {
		t.Errorf("%d events to %v, %v, %v", len(page.Events), page.Next, page.End, err)
	}
	for i, want := range []string{"t.a-1@0", "t.a-1@1", "t.a-2@0", "t.a-1@2", "t.a-1@3", "t.a-1@4", "t.a-3@0", "t.a-3@1"} {
		if e := page.Events[i]; fmt.Sprintf("%s@%d", e.Stream, e.Version) != want || e.Pos.Hi != uint64(i+1) {
			t.Errorf("at %v there is %s@%d, want %s", e.Pos, e.Stream, e.Version, want)
		}
	}
}

// The plans must not depend on how large the tables are believed to be: right after the
// first append they are empty, and a plan outlives that.
func TestAppendsFindStreamsByIndexFromTheFirstOn(t *testing.T) {
	t.Parallel()
	url, superuser := pgtest.Superuser(t)
	p := newPostgres(pgtest.Open(t, url))
	p.makeRoom(nil)
	plans := explaining(t, superuser)
	ids := func(n int) (made [][16]byte) {
		for range n {
			made = append(made, uuid.New())
		}
		return made
	}
	empty := [][]byte{{}, {}}
	for version := int64(-1); version < 1; version++ {
		plan := plans(string(appendOne.sql), "t.a-1", version, ids(1), []string{"a"}, empty[:1], empty[:1])
		plan += plans(string(appendMany.sql), []string{"t.a-2", "t.a-3"}, []int64{version, version}, []int32{1, 1}, []int32{1, 2},
			[]int32{1, 2}, []int32{1, 1}, ids(2), []string{"a", "a"}, empty, empty)
		for _, bad := range []string{"Seq Scan on streams", "Seq Scan on head", "Hash Join", "Merge Join"} {
			if strings.Contains(plan, bad) {
				t.Errorf("at version %d a plan has %q:\n%s", version, bad, plan)
			}
		}
		if version >= 0 && !strings.Contains(plan, "Tid Scan on streams") {
			t.Errorf("streams are not found by their place:\n%s", plan)
		}
	}
}
