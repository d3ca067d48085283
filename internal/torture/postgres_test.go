//go:build linux

package torture

import (
	"testing"
	"time"

	"portico/internal/idempotency"
	"portico/internal/invariant"
	"portico/internal/pgserver"
)

func TestPostgreSQLKilledUnderLoadLosesNothing(t *testing.T) {
	fault(t)
	r := random(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.startLoad(8, n)
	rounds(t, func(int) {
		for range 3 {
			l.await(60, 30*time.Second)
			time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
			w.pg.kill()
			w.pg.start()
		}
		l.await(20, 30*time.Second)
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(8, n)
	})
	l.end()
}

// What the engine has committed it may lose with the server, for it does not wait for the
// disk. It must notice also if nothing more happens.
func TestPostgreSQLKilledJustBeforeSilenceLosesNothing(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t, "wal_writer_delay=10s", "wal_writer_flush_after=1GB"))
	n := w.serve()
	rounds(t, func(int) {
		l := w.startLoad(4, n)
		l.await(40, 30*time.Second)
		l.end()
		time.Sleep(30 * time.Millisecond) // for the engine to come to the end
		w.pg.kill()
		w.pg.start()
		w.sound()
	})
}

// The control: commits that do not wait for the disk.
func TestControlCommitsThatDoNotWaitAreFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t, "wal_writer_delay=10s", "wal_writer_flush_after=1GB",
		"autovacuum=off", "bgwriter_lru_maxpages=0", "checkpoint_timeout=1h"))
	w.pg.exec(pgserver.Database, "ALTER ROLE "+pgserver.Database+" SET synchronous_commit = off")
	port := freePort(t)
	n := w.launch(port)
	n.await()
	l := w.startLoad(8, n)
	l.await(20, time.Minute)
	w.pg.freeze("walwriter") // whoever else would write to disk what commits did not wait for
	l.await(30, time.Minute)
	w.pg.kill()
	l.halt()
	n.kill()
	w.pg.start()
	n = w.launch(port)
	n.await()
	w.unsound(invariant.RuleAcked)
}

// backIn is how long the first success may take after the database is back.
const backIn = 5 * time.Second

func TestPostgreSQLRestartedOrItsSessionsEndedOnlyDelays(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.startLoad(8, n)
	rounds(t, func(int) {
		for range 2 {
			l.await(20, 30*time.Second)
			w.pg.immediate()
			time.Sleep(time.Second)
			w.pg.start()
			l.backAfter(time.Now())
		}
		for range 4 {
			w.pg.exec("postgres", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
			l.backAfter(time.Now())
			time.Sleep(time.Second)
		}
		l.end()
		l.polite(t)
		if l.slowest > idempotency.Lease*2/3 { // a claim that nobody works on was not given up
			t.Errorf("a request took %v", l.slowest)
		}
		w.sound()
		l = w.startLoad(8, n)
	})
	l.end()
}

// backAfter demands a success soon after a moment.
func (l *load) backAfter(moment time.Time) {
	l.w.t.Helper()
	took := eventually(l.w.t, 30*time.Second, "a request succeeds again", func() bool {
		_, ok := l.firstAfter(moment)
		return ok
	})
	if took > backIn {
		l.w.t.Errorf("the first success came %v after the database was back", took)
	}
}
