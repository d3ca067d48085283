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
