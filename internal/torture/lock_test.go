//go:build linux

package torture

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgserver"
)

const stalled = "503 store.unavailable"

func TestAStalledClientOnTheHeadDelaysCommandsOnly(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.startLoad(6, n)
	l.await(20, time.Minute)
	w.holdHead(8*time.Second, func() {
		if took, status := w.read(n, "/v1/customers"); status != http.StatusOK || took > 3*time.Second {
			t.Errorf("meanwhile a query was answered %d after %v", status, took)
		}
	})
	l.backAfter(time.Now())
	l.end()
	l.polite(t)
	if l.statuses[stalled] == 0 {
		t.Error("no command was told that the store does not answer")
	}
	w.sound()
}

// The control: without a limit to their patience commands hang, and nobody is told.
func TestControlCommandsWithoutALockTimeoutHang(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	for _, f := range w.list(`SELECT oid::regprocedure::text FROM pg_proc
		WHERE pronamespace = 'es'::regnamespace AND proname LIKE 'append%' AND array_to_string(proconfig, ' ') LIKE '%lock_timeout%'`) {
		w.pg.exec(pgserver.Database, "ALTER FUNCTION "+f+" SET lock_timeout = 0")
	}
	n := w.serve()
	l := w.startLoad(6, n)
	l.await(20, time.Minute)
	w.holdHead(8*time.Second, func() {})
	l.end()
	if l.statuses[stalled] != 0 {
		t.Errorf("the control was told after all: %v", l.statuses)
	}
}

// holdHead keeps the head of the log locked, as a client does that was stopped in the
// middle of an append.
func (w *world) holdHead(d time.Duration, meanwhile func()) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.pg.admin(pgserver.Database))
	must(w.t, err)
	defer conn.Close(ctx)
	tx, err := conn.Begin(ctx)
	must(w.t, err)
	_, err = tx.Exec(ctx, "SELECT FROM es.head FOR UPDATE")
	must(w.t, err)
	end := time.Now().Add(d)
	meanwhile()
	time.Sleep(time.Until(end))
	must(w.t, tx.Rollback(ctx))
}

// read asks a node a question.
func (w *world) read(n *node, path string) (took time.Duration, status int) {
	took, status, _ = w.get(n, path)
	return took, status
}

// get is read with the answer.
func (w *world) get(n *node, path string) (took time.Duration, status int, body []byte) {
	w.t.Helper()
	rq, err := http.NewRequestWithContext(w.t.Context(), "GET", n.address+path, nil)
	must(w.t, err)
	rq.Header.Set("Authorization", "Bearer "+w.token)
	began := time.Now()
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		return time.Since(began), 0, nil
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		return time.Since(began), 0, nil
	}
	return time.Since(began), answer.StatusCode, body
}

// list asks a superuser's question.
func (w *world) list(sql string) []string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.pg.admin(pgserver.Database))
	must(w.t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(w.t.Context(), sql)
	must(w.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(w.t, err)
	return found
}
