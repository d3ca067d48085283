package jobs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/pgtest"
)

func TestAJobFollowsFromAnEventAndIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var done calls
	k := Kind{Name: "x.do", Do: func(_ context.Context, a Attempt) error { done.note(a); return nil }}
	f := w.feeder("one", planFor(k), k)
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pos, id, correlation := w.happen("a")
	w.run(f)
	w.run(&Runner{Queue: w.queue("one", k)})
	w.settle(f, pos)
	if done.total() != 1 {
		t.Fatalf("done %d times", done.total())
	}
	a := done.of[0]
	var name string
	if err := a.Into(&name); err != nil || name != "a" || a.Causation != id || a.Correlation != correlation || a.Pos != pos || a.Number != 1 || a.Kind != "x.do" || a.Tenant != "main" {
		t.Errorf("the handler got %+v, %q, %v", a, name, err)
	}
}

// Pitfall 26: a handler that fails is asked again, and its effect is there once.
func TestWhatFailsIsTriedAgainAndDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tried, done calls
	k := Kind{Name: "x.do", Pauses: []time.Duration{time.Millisecond}, Do: func(_ context.Context, a Attempt) error {
		if tried.note(a) == 1 {
			return errors.New("not yet")
		}
		done.note(a)
		return nil
	}}
	made := w.insert("x.do", 5)
	w.run(&Runner{Queue: w.queue("one", k)})
	w.eventually("all are done", func() bool { return count(t, w.db, "state = 'done' and attempts = 2 and error is null") == len(made) })
	if tried.total() != 10 || done.total() != 5 {
		t.Errorf("tried %v, done %v", &tried, &done)
	}
}

func TestHowAttemptsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var later atomic.Bool
	second := []time.Duration{time.Millisecond}
	kinds := []Kind{
		{Name: "permanent", Pauses: second, Do: func(context.Context, Attempt) error { return Permanent(errors.New("never")) }},
		{Name: "used_up", Pauses: second, Do: func(context.Context, Attempt) error { return errors.New("no\x00t \xff") }},
		{Name: "panics", Do: func(context.Context, Attempt) error { panic("oh dear") }},
		{Name: "slow", Timeout: 20 * time.Millisecond, Do: func(ctx context.Context, _ Attempt) error { <-ctx.Done(); return ctx.Err() }},
		{Name: "later", Do: func(context.Context, Attempt) error {
			if later.CompareAndSwap(false, true) {
				return Later(time.Millisecond, "too early")
			}
			return nil
		}},
	}
	for _, k := range kinds {
		w.insert(k.Name, 1)
	}
	w.run(&Runner{Queue: w.queue("one", kinds...)})
	w.eventually("all have ended", func() bool { return count(t, w.db, "state in ('done', 'dead')") == len(kinds) })
	for _, want := range []string{
		"permanent dead, attempts 1, deaths 0: never", "used_up dead, attempts 2, deaths 0: no?t ?", "slow dead, attempts 1, deaths 0: after 20ms: context deadline exceeded",
		"later done, attempts 1, deaths 0: ",
	} {
		if !strings.Contains(strings.Join(w.table(), "")+"\n", "\n"+want+"\n") {
			t.Errorf("no job is %q:%v", want, w.table())
		}
	}
	if n := count(t, w.db, "kind = 'panics' and state = 'dead' and error like '%oh dear%runner_test.go%'"); n != 1 {
		t.Errorf("a panic leaves no stack in its row:%v", w.table())
	}
}

// Of 10,000 jobs two processes do each once, and both do some.
func TestTwoProcessesShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 10_000
	for range n / 1000 {
		w.insert("x.do", 1000)
	}
	var by [2]calls
	var all calls
	for i := range by {
		k := Kind{Name: "x.do", AtOnce: 32, Do: func(_ context.Context, a Attempt) error { by[i].note(a); all.note(a); return nil }}
		w.run(&Runner{Queue: w.queue([]string{"one", "two"}[i], k)})
	}
	w.eventually("all are done", func() bool { return count(t, w.db, "state = 'done'") == n })
	if all.total() != n || len(all.by) != n {
		t.Errorf("%d attempts at %d jobs, want %d once each", all.total(), len(all.by), n)
	}
	if by[0].total() == 0 || by[1].total() == 0 {
		t.Errorf("one did %d, the other %d", by[0].total(), by[1].total())
	}
}

// A kind that is slow holds its own places and no others.
func TestASlowKindStarvesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	block := make(chan struct{})
	var quick atomic.Int64
	slow := Kind{Name: "slow", AtOnce: 8, Do: func(ctx context.Context, _ Attempt) error {
		select {
		case <-block:
		case <-ctx.Done():
		}
		return nil
	}}
	fast := Kind{Name: "fast", AtOnce: 8, Do: func(context.Context, Attempt) error { quick.Add(1); return nil }}
	w.insert("slow", 50)
	q := w.queue("one", slow, fast)
	q.AtOnce = 8 // all of which the slow kind takes
	w.run(&Runner{Queue: q})
	w.eventually("the slow ones fill the process", func() bool { return count(t, w.db, "kind = 'slow' and state = 'running'") >= 7 })
	w.insert("fast", 200)
	w.eventually("the others go on", func() bool { return quick.Load() == 200 })
	if n := count(t, w.db, "kind = 'slow' and state = 'done'"); n != 0 {
		t.Errorf("%d slow ones are done: nothing was proved", n)
	}
	close(block)
}

// SIGTERM: what finishes in time is done; what does not is given back and does not count;
// nothing is dead (pitfall 26).
func TestStoppingKillsNoHealthyJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := make(chan struct{}, 10)
	var attempts calls
	polite := Kind{Name: "polite", Do: func(ctx context.Context, a Attempt) error {
		began <- struct{}{}
		<-ctx.Done()
		return Permanent(ctx.Err()) // even if it says so
	}}
	deaf := Kind{Name: "deaf", Do: func(context.Context, Attempt) error { began <- struct{}{}; time.Sleep(5 * time.Second); return nil }}
	quick := Kind{Name: "quick", Do: func(_ context.Context, a Attempt) error {
		attempts.note(a)
		began <- struct{}{}
		time.Sleep(150 * time.Millisecond)
		return nil
	}}
	for _, k := range []Kind{polite, deaf, quick} {
		w.insert(k.Name, 1)
	}
	stop := w.run(&Runner{Queue: w.queue("one", polite, deaf, quick), Drain: 1500 * time.Millisecond})
	for range 3 {
		<-began
	}
	go func() { time.Sleep(20 * time.Millisecond); w.insert("quick", 1) }() // too late
	at := time.Now()
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	w.eventually("the rows say so", func() bool {
		return count(t, w.db, "kind = 'quick' and state = 'done'") == 1 &&
			count(t, w.db, "kind in ('polite', 'deaf') and state = 'queued' and attempts = 0 and claim is null and error is null") == 2
	})
	if took := time.Since(at); took > 4*time.Second {
		t.Errorf("given back only after %v", took)
	}
	if n := count(t, w.db, "state in ('dead', 'running')"); n > 0 || attempts.total() != 1 {
		t.Errorf("dead or running: %d; quick ones: %d%v", n, attempts.total(), w.table())
	}
	<-stopped
}

// However short a kind's pauses, failures do not become a hot loop.
func TestFailuresAreNoHotLoop(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("no"), Later(0, "too early")} {
		d := &delivery{attempt: Attempt{Number: 1}, sub: &subscription{kind: Kind{Pauses: make([]time.Duration, 1)}}, ctx: t.Context(), err: err}
		if s := d.failed(); s.state != "queued" || s.wait == nil || *s.wait < 30*time.Millisecond {
			t.Errorf("after %v: %+v", err, s)
		}
	}
}

// Of what a process died of one at a time is done, so that it takes no innocent one with it.
func TestSuspectsAreDoneOneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var at, most atomic.Int64
	k := Kind{Name: "x.do", AtOnce: 8, Do: func(_ context.Context, a Attempt) error {
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(30 * time.Millisecond)
		at.Add(-1)
		return nil
	}}
	w.insert("x.do", 6)
	pgtest.Exec(t, w.url, `update portico.jobs set deaths = 1`)
	w.run(&Runner{Queue: w.queue("one", k)})
	w.eventually("all are done", func() bool { return count(t, w.db, "state = 'done'") == 6 })
	if most.Load() != 1 {
		t.Errorf("%d suspects at once", most.Load())
	}
}

// Whoever stood still longer than its lease has lost the job: what it says late is nothing.
func TestALateOwnerIsFenced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began, thaw := make(chan struct{}), make(chan struct{})
	late := Kind{Name: "x.do", Do: func(context.Context, Attempt) error { close(began); <-thaw; return nil }}
	var next calls
	quick := Kind{Name: "x.do", Do: func(_ context.Context, a Attempt) error {
		next.note(a)
		return errors.New("the second one's own answer")
	}}
	w.insert("x.do", 1)
	frozen := w.queue("late", late) // its lease is not renewed for ten seconds
	w.run(&Runner{Queue: frozen})
	<-began
	frozen.mu.Lock()
	frozen.stopped = true // or it might be the next one itself
	frozen.mu.Unlock()
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set expires = clock_timestamp() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	w.run(&Runner{Queue: w.queue("next", quick)})
	w.eventually("the next one has done it", func() bool { return count(t, w.db, "state = 'dead' and owner = 'next'") == 1 })
	close(thaw)
	w.eventually("the late one was fenced", func() bool {
		for _, k := range frozen.Tallies() {
			if k.Outcomes["fenced"] == 1 {
				return true
			}
		}
		return false
	})
	if n := count(t, w.db, "state = 'dead' and owner = 'next' and error like 'the second%'"); n != 1 {
		t.Errorf("the late owner's answer was believed:%v", w.table())
	}
}

// A lease is renewed while the handler runs, however long that takes.
func TestALongJobKeepsItsLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all calls
	k := Kind{Name: "x.do", Do: func(_ context.Context, a Attempt) error { all.note(a); time.Sleep(2200 * time.Millisecond); return nil }}
	w.insert("x.do", 1)
	for _, node := range []string{"one", "two"} {
		q := w.queue(node, k)
		q.Lease = time.Second
		w.run(&Runner{Queue: q})
	}
	w.eventually("it is done", func() bool { return count(t, w.db, "state = 'done'") == 1 })
	if all.total() != 1 {
		t.Errorf("it was begun %d times", all.total())
	}
}

// A job that kills its process is dead after three; the ones beside it are not.
func TestAJobThatKillsProcessesIsDeadAfterThree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	poison := w.insert("poison", 1)[0]
	w.insert("healthy", 6)
	var block sync.WaitGroup
	block.Add(1)
	for death := 1; death <= 3; death++ {
		began := make(chan struct{}, 10)
		var healthy calls
		hang := func(_ context.Context, a Attempt) error { began <- struct{}{}; block.Wait(); return nil }
		kinds := []Kind{{Name: "poison", AtOnce: 6, Do: hang}, {Name: "healthy", AtOnce: 6, Do: func(ctx context.Context, a Attempt) error {
			if healthy.note(a); a.Number == 1 && death == 1 {
				return hang(ctx, a)
			}
			return nil
		}}}
		victim := w.queue("victim", kinds...)
		ctx, kill := context.WithCancel(t.Context())
		for _, k := range kinds { // without a runner, which would drain
			out, err := victim.Subscribe(ctx, k.Name)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for m := range out {
					go func() {
						a, _ := fromMessage(k.Name, m)
						_ = k.Do(m.Context(), a)
						m.Ack()
					}()
				}
			}()
		}
		w.eventually("the poison is taken", func() bool { return count(t, w.db, "kind = 'poison' and state = 'running'") == 1 })
		if death == 1 {
			w.eventually("and the others", func() bool { return count(t, w.db, "state = 'running'") == 7 })
		}
		// The process dies: nobody renews, and nobody says anything any more.
		if _, err := w.db.Exec(t.Context(), `update portico.jobs set claim = gen_random_uuid() where state = 'running'`); err != nil {
			t.Fatal(err)
		}
		next := w.queue("inherits")
		if err := next.Inherit(t.Context(), func(node string) bool { return node == "victim" }); err != nil {
			t.Fatal(err)
		}
		kill()
		next.start()
		w.eventually("its jobs are inherited", func() bool { return count(t, w.db, "state = 'running' and expires < now()") == 0 })
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.Exec(t.Context(), `update portico.jobs set due = now() where state = 'queued'`); err != nil {
			t.Fatal(err)
		}
	}
	block.Done()
	if n := count(t, w.db, "state = 'dead' and deaths = 3 and id = '"+poison.ID.String()+"'"); n != 1 {
		t.Errorf("the poison is not dead:%v", w.table())
	}
	if n := count(t, w.db, "kind = 'healthy' and state = 'dead'"); n != 0 {
		t.Errorf("%d innocents are dead:%v", n, w.table())
	}
}

// A process that stood still, or had no database, for longer than a lease and is back before
// anybody else came keeps what it does: it would begin its own jobs a second time, beside
// the first, and call that a death.
func TestNobodyReapsItsOwnJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.insert("x.do", 2)
	q := w.queue("one")
	q.Lease = 30 * time.Second
	claim := uuid.New()
	rows, err := w.db.Query(t.Context(), sqlClaim, []string{"x.do"}, []int{1}, 0, q.Node, claim, q.Lease)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*delivery, error) { return scanClaimed(row, claim) })
	if err != nil || len(mine) != 1 {
		t.Fatalf("%v, %v", mine, err)
	}
	if _, err := w.db.Exec(t.Context(), sqlClaim, []string{"x.do"}, []int{1}, 0, "somebody else, dead", uuid.New(), q.Lease); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `update portico.jobs set expires = clock_timestamp() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	mine[0].ctx, mine[0].cancel = context.WithCancelCause(t.Context())
	if err := q.do(t.Context(), &turn{renewed: mine, reap: true}); err != nil {
		t.Fatal(err)
	}
	if count(t, w.db, "state = 'running' and deaths = 0 and owner = 'one'") != 1 || count(t, w.db, "state = 'queued' and deaths = 1") != 1 || mine[0].ctx.Err() != nil {
		t.Errorf("%v: %v", mine[0].ctx.Err(), w.table())
	}
}

// A claim of which nobody knows whether it was made, since its answer was lost, is given
// back: it counts neither as an attempt nor as a death.
func TestAClaimWhoseAnswerWasLostIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var done calls
	k := Kind{Name: "x.do", Do: func(_ context.Context, a Attempt) error { done.note(a); return nil }}
	w.insert("x.do", 1)
	q := w.queue("one", k)
	claim := uuid.New()
	if _, err := w.db.Exec(t.Context(), sqlClaim, []string{"x.do"}, []int{1}, 1, q.Node, claim, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	q.lost = []uuid.UUID{claim}
	w.run(&Runner{Queue: q})
	w.eventually("it is done", func() bool { return count(t, w.db, "state = 'done' and attempts = 1 and deaths = 0") == 1 })
	if done.total() != 1 || done.of[0].Number != 1 {
		t.Errorf("done: %+v", done.of)
	}
}

// While the database is away nothing is lost, and what was done meanwhile is written when it
// is back, once.
func TestTheDatabaseMayGoAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var done calls
	k := Kind{Name: "x.do", AtOnce: 8, Pauses: make([]time.Duration, 5), Do: func(_ context.Context, a Attempt) error { done.note(a); time.Sleep(time.Millisecond); return nil }}
	w.insert("x.do", 300)
	w.run(&Runner{Queue: w.queue("one", k)})
	for range 10 {
		time.Sleep(20 * time.Millisecond)
		pgtest.Exec(t, w.url, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
	}
	w.eventually("all are done", func() bool {
		var n int
		err := w.db.QueryRow(t.Context(), "select count(*) from portico.jobs where state = 'done'").Scan(&n)
		return err == nil && n == 300
	})
	if n := count(t, w.db, "deaths > 0"); n != 0 || len(done.by) != 300 {
		t.Errorf("%d jobs count deaths; %d were done%v", n, len(done.by), w.table())
	}
	if repeated := done.total() - 300; repeated > 8*10 {
		t.Errorf("%d were done again: more than were in flight", repeated)
	}
}
